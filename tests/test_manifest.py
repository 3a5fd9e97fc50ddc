"""A retrieval test set: who is asked, among whom, and that it stays the same."""

import dataclasses
import json

import numpy as np
import pytest

from kaleido.manifest import VERSION, Manifest, draw_manifest, list_length

DRAWS, CANDIDATES = 3, 11


def toy_pool(rows=60):
    """Pairs of three sub-categories; some share a product, a text or a picture."""
    products = np.arange(rows) - (np.arange(rows) % 6 == 5)
    texts = products.copy()
    texts[np.arange(rows) % 9 == 8] = texts[0]
    pictures = np.arange(rows) + 5000
    pictures[[21, 40]] = pictures[3]
    return {
        "image_ids": [f"image{i:03d}" for i in range(rows)],
        "product_keys": products,
        "text_keys": texts + 1000,
        "picture_keys": pictures,
        "subcategories": [("boots", "coats", "hats")[i * i % 3] for i in range(rows)],
    }


def plain_pool(rows=12):
    """Pairs that share nothing: four boots, the rest coats."""
    return {
        "image_ids": [f"{i:02d}" for i in range(rows)],
        **{f"{k}_keys": np.arange(rows) for k in ("product", "text", "picture")},
        "subcategories": ["boots"] * 4 + ["coats"] * (rows - 4),
    }


def test_lists_are_those_of_version_1():
    """Older figures were measured on these."""
    manifest = draw(plain_pool(), seed=7, draws=2, candidates=5)
    assert manifest.candidates[:, :3].tolist() == [
        [[2, 3, 1, 0, 8], [2, 3, 1, 0, 6], [0, 1, 2, 3, 9]],
        [[3, 2, 0, 1, 6], [1, 3, 2, 0, 10], [2, 1, 0, 3, 7]],
    ]
    assert manifest.candidates[1, 11].tolist() == [5, 9, 7, 10, 11]
    assert manifest.own[:, -3:].tolist() == [[1, 1, 4], [1, 1, 4]]
    some = draw(plain_pool(), seed=7, draws=2, candidates=5, max_queries=3)
    assert some.queries.tolist() == [3, 6, 7]
    assert some.candidates[1].tolist() == [
        [1, 2, 3, 0, 6], [6, 5, 8, 11, 9], [4, 5, 9, 7, 6],
    ]


def test_a_permutation_a_draw_and_none_like_another():
    manifest = draw(toy_pool())
    assert manifest.permutations.dtype == np.int32
    assert (np.sort(manifest.permutations) == np.arange(60)).all()
    assert len({tuple(p) for p in manifest.permutations.tolist()}) == DRAWS
    assert (draw(toy_pool(), seed=1).permutations != manifest.permutations).any()


@pytest.mark.parametrize("gallery, has", [(12, 12), (13, 0)])
def test_the_larger_gallery_is_absent_where_a_query_has_too_few_negatives(gallery, has):
    manifest = draw(plain_pool(), candidates=5, gallery=gallery)
    assert manifest.gallery == manifest.summary()["gallery"] == has
    shared = plain_pool()
    shared["picture_keys"][11] = 0
    assert draw(shared, candidates=5, gallery=gallery).gallery == 0


@pytest.mark.parametrize(
    "field", ["queries", "candidates", "own", "permutations", "full_allowed"]
)
def test_the_fingerprint_covers_every_row_that_is_asked_for(field):
    manifest = draw(toy_pool(), gallery=40)
    changed = getattr(manifest, field).copy()
    changed.flat[-1] += 1
    other = dataclasses.replace(manifest, **{field: changed})
    assert other.fingerprint != manifest.fingerprint


def test_the_fingerprint_is_of_texts_and_pictures_not_of_who_drew_it():
    pool = toy_pool()
    manifest = draw(pool)
    assert draw(pool, gallery=40).fingerprint != manifest.fingerprint
    from_records = draw(pool, origin={"records": "abc"})
    assert from_records.summary()["records"] == "abc"
    assert from_records.fingerprint == manifest.fingerprint
    for name in ("product_keys", "text_keys", "picture_keys"):
        # Equal where it was equal, and yet of another catalogue.
        other = draw({**pool, name: pool[name] + 7})
        assert (other.candidates == manifest.candidates).all()
        assert other.fingerprint != manifest.fingerprint


def draw(pool, **options):
    options = {"draws": DRAWS, "candidates": CANDIDATES, **options}
    return draw_manifest(**pool, **options)


def test_what_has_no_subcategory_has_no_neighbours():
    pool = {**toy_pool(), "subcategories": [""] * 60}
    manifest = draw(pool)
    assert manifest.fill_rate == 0.0 and not manifest.all_neighbours.any()
    pool["subcategories"] = ["boots"] * 30 + [""] * 30
    half = draw(pool)
    assert half.all_neighbours[:30].all() and not half.all_neighbours[30:].any()


def in_other_order(pool, seed=1):
    order = np.random.default_rng(seed).permutation(len(pool["image_ids"]))
    return {
        key: values[order] if isinstance(values, np.ndarray)
        else [values[i] for i in order]
        for key, values in pool.items()
    }


def test_the_own_candidate_is_in_each_list_once_and_where_the_manifest_says():
    manifest = draw(toy_pool())
    rows = np.broadcast_to(manifest.queries, manifest.own.shape)
    assert manifest.candidates.shape == (DRAWS, 60, CANDIDATES)
    is_own = manifest.candidates == rows[..., None]
    assert (is_own.sum(axis=-1) == 1).all()
    assert (is_own.argmax(axis=-1) == manifest.own).all()


def test_no_list_holds_a_row_twice():
    # Of its own sub-category alone, and with more from the others.
    for candidates in (CANDIDATES, 41):
        manifest = draw(toy_pool(), candidates=candidates)
        ordered = np.sort(manifest.candidates, axis=-1)
        assert (np.diff(ordered, axis=-1) > 0).all()
    assert manifest.fill_rate < 1.0


def test_negatives_share_neither_product_nor_text_nor_picture():
    pool = toy_pool()
    manifest = draw(pool)
    row = manifest.queries[None, :, None]
    others = manifest.candidates != row
    for keys in (pool["product_keys"], pool["text_keys"], pool["picture_keys"]):
        assert not ((keys[manifest.candidates] == keys[row]) & others).any()


def test_pairs_that_are_no_negatives_are_listed_for_the_full_gallery():
    pool = toy_pool()
    manifest = draw(pool)
    expected = {
        (q, other)
        for q, row in enumerate(manifest.queries.tolist())
        for other in range(60)
        if other != row
        and any(
            pool[f"{what}_keys"][other] == pool[f"{what}_keys"][row]
            for what in ("product", "text", "picture")
        )
    }
    assert {(3, 21), (40, 21)} < expected
    assert set(map(tuple, manifest.full_allowed.tolist())) == expected


def test_own_subcategory_first_and_the_fill_rate_by_hand():
    # Four boots (one with another's text), six coats; lists of four.
    pool = {
        "image_ids": list("abcdefghij"),
        "product_keys": np.arange(10),
        "text_keys": np.array([0, 1, 2, 2, 4, 5, 6, 7, 8, 9]),
        "picture_keys": np.arange(10),
        "subcategories": ["boots"] * 4 + ["coats"] * 6,
    }
    manifest = draw(pool, candidates=4)
    near = {0: 3, 1: 3, 2: 2, 3: 2}
    classes = np.array(pool["subcategories"])
    for q, row in enumerate(manifest.queries.tolist()):
        for d in range(DRAWS):
            same = (classes[manifest.candidates[d, q]] == classes[row]).sum() - 1
            assert same == near.get(row, 3)
    # 8 queries with 3 of 3 negatives of their own, 2 with 2 of 3.
    assert manifest.fill_rate == pytest.approx((8 * 3 + 2 * 2) / 30)
    full = {int(manifest.queries[q]) for q in np.flatnonzero(manifest.all_neighbours)}
    assert full == set(range(10)) - {2, 3}
    assert manifest.summary()["queries_all_of_subcategory"] == 8


def test_negatives_are_drawn_evenly_among_neighbours():
    pool = {
        "image_ids": [f"{i:03d}" for i in range(40)], "product_keys": np.arange(40),
        "text_keys": np.arange(40), "picture_keys": np.arange(40),
        "subcategories": ["boots"] * 40,
    }
    manifest = draw(pool, draws=400, candidates=9)
    times = np.bincount(manifest.candidates.ravel(), minlength=40)
    times = times - 400  # its own lists
    # Each of the 39 others draws a row with 8 / 39: binomial, 15,600 trials.
    expected, chance = 39 * 400 * 8 / 39, 8 / 39
    deviation = np.sqrt(39 * 400 * chance * (1 - chance))
    assert (np.abs(times - expected) < 4.5 * deviation).all()


def test_the_own_candidate_stands_anywhere():
    manifest = draw(toy_pool(), draws=100)
    times = np.bincount(manifest.own.ravel(), minlength=CANDIDATES)
    expected = 60 * 100 / CANDIDATES
    # Chi-squared, 10 degrees of freedom: 29.6 is the 99.9th percentile.
    assert ((times - expected) ** 2 / expected).sum() < 29.6


def test_draws_of_a_query_differ():
    lists = draw(toy_pool()).candidates
    assert not (np.sort(lists[0]) == np.sort(lists[1])).all()


def test_the_order_of_the_pool_does_not_matter():
    pool = toy_pool()
    first = draw(pool, max_queries=20)
    second = draw(in_other_order(pool), max_queries=20)
    assert first.image_ids == second.image_ids == tuple(sorted(pool["image_ids"]))
    assert first.to_json() == second.to_json()


def test_a_query_set_is_a_subset_without_repetition():
    manifest = draw(toy_pool(), max_queries=20)
    assert len(set(manifest.queries.tolist())) == 20
    assert manifest.candidates.shape[1] == manifest.own.shape[1] == 20
    assert draw(toy_pool(), max_queries=1000).candidates.shape[1] == 60


def test_same_seed_same_fingerprint_other_seed_another():
    pool = toy_pool()
    assert draw(pool).fingerprint == draw(pool).fingerprint
    assert draw(pool).fingerprint != draw(pool, seed=1).fingerprint


def test_a_pool_that_is_too_small_is_an_error():
    with pytest.raises(ValueError, match="60 pairs, too few for lists of 101"):
        draw(toy_pool(), candidates=101)


def test_json_round_trip():
    manifest = draw(toy_pool(), max_queries=20)
    copy = Manifest.from_json(manifest.to_json())
    assert copy.fingerprint == manifest.fingerprint
    assert copy.summary() == manifest.summary()
    assert copy.image_ids == manifest.image_ids
    assert copy.keys == manifest.keys and copy.settings == manifest.settings
    for name in (
        "queries", "candidates", "own", "permutations", "full_allowed",
        "all_neighbours",
    ):
        one, other = getattr(copy, name), getattr(manifest, name)
        assert one.dtype == other.dtype and (one == other).all()


def test_json_of_another_version_is_an_error():
    content = json.loads(draw(toy_pool()).to_json())
    content["summary"]["version"] = VERSION + 1
    with pytest.raises(ValueError, match=f"reads manifest version {VERSION}"):
        Manifest.from_json(json.dumps(content))


def test_a_manifest_that_was_changed_and_a_file_that_is_none_are_errors():
    def other_lists(content):
        content["candidates"][0][0][0] += 1

    def other_protocol(content):
        # Tables print it, though nobody is asked otherwise.
        content["fill_rate"] += 0.1

    def another_audit(content):
        content["settings"]["audit"] = {"removed": 0}

    def no_digest(content):
        del content["digest"]

    for change in (other_lists, other_protocol, another_audit, no_digest):
        content = json.loads(draw(toy_pool()).to_json())
        change(content)
        with pytest.raises(ValueError, match="changed after it was drawn. Received: "):
            Manifest.from_json(json.dumps(content))
    for text in ('{"scorers": {}}', "[1]", "nothing"):
        with pytest.raises(ValueError, match="is no manifest. Received: "):
            Manifest.from_json(text)


def test_a_small_pool_has_the_longest_lists_that_it_allows():
    pool = toy_pool()
    longest = list_length(**pool)
    assert draw(pool, candidates=longest).candidates.shape[-1] == longest
    # Six rows have one text: no list is longer than 60 - 6 + 1.
    assert 50 < longest <= 55
    names = ("product_keys", "text_keys", "picture_keys")
    alone = {name: np.arange(7) for name in names}
    assert list_length(**alone) == 7
    # Two pairs of one picture have one negative less, and so has every list.
    alone["picture_keys"] = np.array([0, 1, 2, 3, 4, 5, 5])
    assert list_length(**alone) == 6


@pytest.mark.parametrize(
    "keys, length",
    [(range(500), 101), (range(101), 101), ([3], 1), ([3, 3, 3], 1), ([], 1)],
)
def test_lists_have_101_candidates_where_they_can_and_one_where_all_is_alike(
    keys, length
):
    keys = np.array(keys)
    assert list_length(keys, keys, keys) == length
