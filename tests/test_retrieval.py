"""Retrieval by a manifest, against naive loops over single queries."""

import dataclasses

import numpy as np
import pytest

from kaleido import galleries, retrieval
from kaleido.inference import unique_pairs
from kaleido.manifest import draw_manifest
from kaleido.metrics.retrieval import pessimistic_ranks, rank_shares
from tests.score_table import Table

POOL, CANDIDATES, DRAWS, GALLERY = 50, 26, 2, 40


@pytest.fixture(scope="module")
def manifest():
    rows = np.arange(POOL)
    return draw_manifest(
        [f"image{i:03d}" for i in rows],
        product_keys=rows - (rows % 6 == 5),
        text_keys=np.where(rows % 9 == 8, 0, rows - (rows % 6 == 5)),
        picture_keys=np.where(rows == 30, 1, rows),
        subcategories=[("boots", "coats")[i % 2] for i in rows],
        draws=DRAWS,
        candidates=CANDIDATES,
        gallery=GALLERY,
    )


def table(seed, decimals=2):
    """Scores of all pictures against all texts; rounded, so that some are equal."""
    return np.random.default_rng(seed).normal(size=(POOL, POOL)).round(decimals)


class Asked:
    """A scorer that remembers what it was asked."""

    def __init__(self, scores):
        self._scores, self.pairs, self.calls = scores, [], 0

    def __call__(self, images, texts):
        self.calls += 1
        self.pairs += list(zip(images.tolist(), texts.tolist()))
        return self._scores[images, texts]


def score(scores, task, query, candidate):
    pair = (query, candidate) if task == "itr" else (candidate, query)
    return scores[pair]


def naive_rank(values, own):
    """Of a dict of scores: one, and one for each other that is not worse."""
    return 1 + sum(v >= values[own] for c, v in values.items() if c != own)


def naive_figures(ranks):
    draws = [rank_shares(np.array(r)) for r in ranks]
    figures = {k: np.mean([d[k] for d in draws]) for k in draws[0]}
    return {**figures, "std": np.std([d["rank_at_1"] for d in draws], ddof=1)}


def check_ranks(received, expected):
    figures, ranks = received
    assert ranks.tolist() == expected
    assert figures == pytest.approx(naive_figures(expected))


@pytest.mark.parametrize("task", retrieval.TASKS)
def test_lists_are_ranked_as_a_loop_does_and_no_pair_is_asked_twice(manifest, task):
    scores, queries = table(0), np.array([3, 8, 20, 41])
    asked = Asked(scores)
    expected = [
        [
            naive_rank(
                {
                    c: score(scores, task, q, c)
                    for c in manifest.candidates[d, q].tolist()
                },
                int(manifest.queries[q]),
            )
            for q in queries
        ]
        for d in range(DRAWS)
    ]
    check_ranks(retrieval.evaluate_lists(manifest, task, asked, queries), expected)
    assert asked.calls == 1
    assert len(set(asked.pairs)) == len(asked.pairs)
    wanted = {
        (q, c) if task == "itr" else (c, q)
        for q in queries.tolist() for c in manifest.candidates[:, q].ravel().tolist()
    }
    assert set(asked.pairs) == wanted


def gallery_of(manifest, query):
    """Rows that a query is ranked among: no equal text or picture, no other of it."""
    excluded = {int(r) for q, r in manifest.full_allowed if q == query}
    return [row for row in range(POOL) if row not in excluded]


@pytest.mark.parametrize("task", retrieval.TASKS)
def test_the_full_gallery_leaves_out_equal_texts_and_pictures_of_the_product(
    manifest, task
):
    scores = table(1)
    ranks = retrieval.rank_pool(manifest, task, Table(scores))
    for query, row in enumerate(manifest.queries.tolist()):
        values = {c: score(scores, task, row, c) for c in gallery_of(manifest, query)}
        assert ranks[query] == naive_rank(values, row)
    # Rows 4 and 5 are one product; 0, 8, 17 ... have one text; 1 and 30 one picture.
    mask = galleries.full_gallery(manifest, np.array([4, 8, 30]))
    assert mask[0].sum() == POOL - 1 and not mask[0, 5]
    assert not mask[1, [0, 17, 26, 35, 44]].any() and mask[1, 8]
    assert mask[2].sum() == POOL - 1 and not mask[2, 1]


def larger_gallery_of(manifest, draw, query):
    """By hand: along the permutation, without what is no negative; then the own row."""
    row, kept = int(manifest.queries[query]), gallery_of(manifest, query)
    negatives = [
        other for other in manifest.permutations[draw].tolist()
        if other in kept and other != row
    ]
    return [*negatives[: GALLERY - 1], row]


def test_the_larger_gallery_is_the_permutations_beginning_without_positives(manifest):
    queries = np.array([0, 4, 8, 30, 49])
    for draw in range(DRAWS):
        lists = galleries.larger_lists(manifest, draw, queries)
        assert lists.shape == (5, GALLERY)
        for q, received in zip(queries.tolist(), lists.tolist()):
            assert received == larger_gallery_of(manifest, draw, q)
            assert len(set(received)) == GALLERY
            assert received.count(int(manifest.queries[q])) == 1
    assert 30 not in galleries.larger_lists(manifest, 0, np.array([1]))


def test_a_pool_without_a_larger_gallery_has_no_lists_of_it(manifest):
    settings = {**manifest.settings, "gallery": 0}
    small = dataclasses.replace(manifest, settings=settings)
    with pytest.raises(ValueError, match="no larger gallery. Received: a pool of 50"):
        galleries.larger_lists(small, 0, np.arange(3))
    assert retrieval.rank_everything(small, "itr", Table(table(1))).larger is None
    stage = retrieval.TwoStage(
        small, "itr", Table(table(1)), Asked(table(2)), np.arange(9), galleries=True
    )
    ranks = stage.ranks(None)
    assert ranks.larger is None and ranks.full.shape == (9,)


@pytest.mark.parametrize("task", retrieval.TASKS)
def test_everything_is_ranked_in_every_gallery_with_ties_against_us(
    manifest, task, monkeypatch
):
    # More than one block.
    monkeypatch.setattr(galleries, "_BLOCK", 17)
    scores = table(1, 1)
    ranks = retrieval.rank_everything(manifest, task, Table(scores))
    lists = retrieval.evaluate_lists(manifest, task, lambda i, t: scores[i, t])[1]
    assert (ranks.lists == lists).all() and (ranks.queries == np.arange(POOL)).all()
    for q, row in enumerate(manifest.queries.tolist()):
        def rank(candidates, row=row):
            return naive_rank({c: score(scores, task, row, c) for c in candidates}, row)

        assert ranks.full[q] == rank(gallery_of(manifest, q))
        for draw in range(DRAWS):
            expected = rank(larger_gallery_of(manifest, draw, q))
            assert ranks.larger[draw, q] == expected
    nothing = Table(np.zeros((POOL, POOL)))
    constant = retrieval.rank_everything(manifest, task, nothing)
    assert (constant.larger == GALLERY).all() and (constant.lists == CANDIDATES).all()


def test_equal_texts_are_no_mistake_in_the_full_gallery(manifest):
    """A scorer that sees only texts cannot tell equal ones apart, nor need it."""
    rows = np.arange(POOL)
    text = np.where(rows % 9 == 8, 0, rows - (rows % 6 == 5))
    same = Table((text[:, None] == text[None]).astype(float))
    for task in retrieval.TASKS:
        assert (retrieval.rank_pool(manifest, task, same) == 1).all()


def naive_two_stage(first, second, weight):
    """Reranks a dict of scores: the best 20 by both scores, the rest as it was."""
    order = sorted(first, key=lambda c: -first[c])
    short, rest = order[: retrieval.SHORT_LIST], order[retrieval.SHORT_LIST :]
    if weight is None:
        combined = {c: second(c) for c in short}
    else:
        combined = {c: first[c] + weight * second(c) for c in short}
    return combined, rest


def naive_two_stage_rank(first, second, weight, own):
    combined, rest = naive_two_stage(first, second, weight)
    if own in combined:
        return naive_rank(combined, own)
    return len(combined) + naive_rank({c: first[c] for c in rest}, own)


@pytest.mark.parametrize("weight", [None, 0.0, 0.7])
@pytest.mark.parametrize("task", retrieval.TASKS)
def test_two_stages_are_plain_reranking(manifest, task, weight):
    first, second = table(2, 8), table(3, 1)
    queries = np.arange(1, POOL)
    asked = Asked(second)
    whole = [2, 9, 10]
    stage = retrieval.TwoStage(
        manifest, task, Table(first), asked, queries, whole, galleries=True
    )

    def rank(row, candidates):
        return naive_two_stage_rank(
            {c: score(first, task, row, c) for c in candidates},
            lambda c: score(second, task, row, c), weight, row,
        )

    rows = manifest.queries[queries].tolist()
    expected = [
        [rank(row, manifest.candidates[d, q].tolist()) for q, row in zip(queries, rows)]
        for d in range(DRAWS)
    ]
    # Not trivially so: some are short-listed, some are not.
    flat = np.ravel(expected)
    assert (flat <= retrieval.SHORT_LIST).any() and (flat > retrieval.SHORT_LIST).any()
    check_ranks(stage.lists(weight), expected)

    ranks = stage.ranks(weight)
    assert ranks.queries.tolist() == queries.tolist()
    assert ranks.lists.tolist() == expected
    assert ranks.full.tolist() == [
        rank(row, gallery_of(manifest, q)) for q, row in zip(queries, rows)
    ]
    assert ranks.larger.tolist() == [
        [rank(row, larger_gallery_of(manifest, d, q)) for q, row in zip(queries, rows)]
        for d in range(DRAWS)
    ]

    lists = manifest.candidates[0, queries].tolist()
    alone = [
        naive_rank({c: score(second, task, rows[w], c) for c in lists[w]}, rows[w])
        for w in whole
    ]
    assert stage.match_alone().lists.tolist() == [alone]
    assert stage.match_alone().queries.tolist() == queries[whole].tolist()
    assert asked.calls == 1 and len(set(asked.pairs)) == len(asked.pairs)


def test_the_cross_encoder_sees_short_lists_only(manifest):
    first, queries = table(2, 8), np.array([1, 7])
    asked = Asked(table(3))
    retrieval.TwoStage(manifest, "itr", Table(first), asked, queries)
    allowed = set()
    for q in queries.tolist():
        for d in range(DRAWS):
            candidates = manifest.candidates[d, q]
            best = np.argsort(-first[manifest.queries[q], candidates])
            allowed |= {(q, int(c)) for c in candidates[best[: retrieval.SHORT_LIST]]}
    assert set(asked.pairs) == allowed


def test_what_is_not_short_listed_stays_behind_and_in_its_order():
    rng = np.random.default_rng(4)
    first = rng.normal(size=(3, 40, 30))
    second = rng.normal(size=first.shape) * 100 - 500
    short = retrieval.top_candidates(first, 7)
    for weight in (None, 0.0, 2.0):
        scores = retrieval.short_list_scores(first, second, short, weight)
        assert (
            np.where(short, scores, np.inf).min(-1)
            > np.where(short, -np.inf, scores).max(-1)
        ).all()
        order = np.argsort(np.where(short, np.inf, -first), axis=-1)[..., :23]
        behind = np.take_along_axis(scores, order, -1)
        assert (np.diff(behind, axis=-1) < 0).all()


def test_a_short_list_of_everything_is_plain_scoring():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(2, 4, 10))
    short = retrieval.top_candidates(first, 10)
    assert short.all()
    scores = retrieval.short_list_scores(first, second, short, 0.5)
    np.testing.assert_allclose(scores, first + 0.5 * second)
    own = np.zeros(4, int)
    assert np.isfinite(scores).all() and (pessimistic_ranks(scores, own) <= 10).all()


def test_top_candidates_by_hand():
    scores = np.array([[0.1, 0.5, 0.3, 0.4], [1.0, 1.0, 1.0, 2.0]])
    expected = [[False, True, False, True], [True, False, False, True]]
    assert retrieval.top_candidates(scores, 2).tolist() == expected
    assert retrieval.top_candidates(scores, 9).all()


def stage_where(manifest, first_is_right, second_is_right):
    """A stage whose scores rank the own candidate first, or are noise."""
    own = np.eye(POOL)
    noise = np.random.default_rng(6).normal(size=(2, POOL, POOL))
    first = 10 * own if first_is_right else noise[0]
    second = 10 * own if second_is_right else 10 * noise[1]
    return retrieval.TwoStage(
        manifest, "itr", Table(first), lambda i, t: second[i, t], np.arange(POOL)
    )


def test_the_weight_follows_what_is_right_on_validation(manifest):
    weight, tried = retrieval.choose_weight([stage_where(manifest, True, False)])
    assert weight == 0.0
    assert [t["weight"] for t in tried] == list(retrieval.WEIGHTS)
    assert tried[0]["rank_at_1"] == 1.0 > tried[-1]["rank_at_1"]
    weight, tried = retrieval.choose_weight([stage_where(manifest, False, True)])
    assert weight > 0.0
    assert max(t["rank_at_1"] for t in tried) > 2 * tried[0]["rank_at_1"]


def test_the_weight_is_judged_on_all_stages_together():
    @dataclasses.dataclass
    class Figures:
        best: float

        def lists(self, weight):
            return {"rank_at_1": -abs(weight - self.best), "rank_at_5": 0.0}, None

    weight, tried = retrieval.choose_weight([Figures(0.1), Figures(0.3), Figures(0.2)])
    assert weight == 0.2
    assert tried[0]["rank_at_1"] == pytest.approx(-0.2)


def test_unique_pairs_are_distinct_and_lead_back():
    rng = np.random.default_rng(7)
    rows, columns = rng.integers(0, 5, (2, 3, 40))
    some_rows, some_columns, inverse = unique_pairs(rows, columns)
    assert (some_rows[inverse] == rows).all()
    assert (some_columns[inverse] == columns).all()
    pairs = list(zip(some_rows.tolist(), some_columns.tolist()))
    assert len(set(pairs)) == len(pairs) < rows.size
