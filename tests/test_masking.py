"""Random mask plans keep budgets, whole words together, and are drawn evenly."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import masking
from kaleido.patches import LAYOUTS
from kaleido.text import RESERVED, Vocabulary

KALEIDO = LAYOUTS["kaleido"]
VOCABULARY = Vocabulary((*RESERVED, "a", "b", "c", "##x", "##y"))
PAD, UNK, CLS, SEP, MASK, A, B, C, X, Y = range(10)
CONTINUATION = tf.constant(VOCABULARY.is_continuation)
SPECIAL = tf.constant(VOCABULARY.is_special)
LENGTH = 96


@functools.lru_cache(maxsize=None)
def _compiled(num_plans):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, LENGTH], tf.int32), tf.TensorSpec([None, 2], tf.int32)
        ]
    )
    def plans(token_ids, seeds):
        return masking.random_plans(
            token_ids, CONTINUATION, SPECIAL, KALEIDO, num_plans, seeds
        )["token_plans"]

    return plans


def seeds(seed, batch):
    """A seed for each row: (a, b), (a, b + 1), ..."""
    return np.stack([np.full(batch, seed[0]), seed[1] + np.arange(batch)], axis=1)


def token_plans(texts, num_plans=4, seed=(0, 0)):
    """Plans of texts given as lists of piece ids without [CLS] and [SEP]."""
    rows = [[CLS, *pieces, SEP] for pieces in texts]
    ids = np.array([row + [PAD] * (LENGTH - len(row)) for row in rows], np.int32)
    plans = _compiled(num_plans)(ids, seeds(seed, len(ids)).astype(np.int32)).numpy()
    return ids, plans


def patch_plans(batch, layout, num_plans, seed):
    """Plans of the patches of texts that do not matter here."""
    ids = tf.constant([[CLS, A, SEP] + [PAD] * 9] * batch)
    return masking.random_plans(
        ids, CONTINUATION, SPECIAL, layout, num_plans, seeds(seed, batch)
    )["patch_plans"].numpy()


def words_of(ids):
    """Lists of positions, a word each, by the definition of WordPiece."""
    words = []
    for position, piece in enumerate(ids.tolist()):
        if piece < A:
            continue
        if piece in (X, Y):
            words[-1].append(position)
        else:
            words.append([position])
    return words


@st.composite
def piece_lists(draw):
    words = draw(
        st.lists(
            st.one_of(
                st.builds(
                    lambda first, rest: [first, *rest],
                    st.sampled_from([A, B, C]),
                    st.lists(st.sampled_from([X, Y]), max_size=6),
                ),
                st.just([UNK]),
            ),
            max_size=60,
        )
    )
    return sum(words, [])[: LENGTH - 2]


texts_and_seeds = given(
    texts=st.lists(piece_lists(), min_size=1, max_size=4), seed=st.integers(0, 1000)
)


@texts_and_seeds
def test_a_plan_keeps_every_rule(texts, seed):
    ids, plans = token_plans(texts, seed=(seed, 1))
    for row, row_plans in zip(ids, plans):
        words = words_of(row)
        count = sum(map(len, words))
        # Either neighbour is right where 15 % is half-way between two numbers.
        least, budget = (
            min(max(int(0.15 * count + half), 1), masking.MAX_MASKED_TOKENS)
            for half in (0.499, 0.501)
        )
        for plan in row_plans:
            used = plan[plan >= 0].tolist()
            # Ascending without repetition, then -1.
            assert plan.tolist() == sorted(set(used)) + [-1] * (len(plan) - len(used))
            assert all(row[position] >= A for position in used)
            assert len(used) <= budget
            taken = [word for word in words if set(word) & set(used)]
            assert sorted(sum(taken, [])) == used, "a word was cut"
            for word in words:
                if word not in taken:
                    assert len(used) + len(word) > least, "a word that fits was left"


def test_fifteen_percent_ten_at_most_one_at_least():
    counts = [1, 3, 6, 7, 20, 60, 66, 94]
    ids, _ = token_plans([[A] * n for n in counts])
    budget = masking.token_budget(tf.constant(ids), SPECIAL).numpy()
    #             .15 .45 .9 1.05 3  9  9.9 14.1
    assert budget.tolist() == [1, 1, 1, 1, 3, 9, 10, 10]


def test_an_empty_text_hides_nothing():
    for pieces in ([], [UNK, UNK]):
        _, plans = token_plans([pieces])
        assert (plans == -1).all()


def test_unknown_pieces_do_not_count_into_the_budget():
    ids, plans = token_plans([[UNK] * 50 + [A] * 13], num_plans=8)
    assert ((plans >= 0).sum(-1) == 2).all()  # 15 % of 13
    assert (ids[0][plans[plans >= 0]] == A).all()


def test_a_special_piece_is_not_hidden_along_with_its_continuation():
    # No tokenizer of ours cuts like this; a learnt or foreign one may.
    ids, plans = token_plans([[X, Y, A, UNK, X, B, C, A, B, C, A, B, C, A, B]], 40)
    assert (ids[0][plans[plans >= 0]] >= A).all()
    assert (plans == 1).any()  # the continuation itself may be


def test_words_are_numbered_by_their_first_pieces():
    ids = tf.constant([[CLS, A, X, Y, B, C, X, SEP]])
    words = masking.word_indices(ids, CONTINUATION).numpy()[0].tolist()
    assert words == [0, 1, 1, 1, 2, 3, 3, 4]


@pytest.mark.parametrize("kind", ["token", "patch"])
def test_seeds_fix_plans_and_plans_differ(kind):
    def draw(seed):
        if kind == "token":
            return token_plans([[A, B, C] * 12] * 2, 10, seed)[1]
        return patch_plans(2, KALEIDO, 10, seed)

    plans = draw((5, 7))
    np.testing.assert_array_equal(plans, draw((5, 7)))
    for other in ((6, 7), (5, 8)):
        assert (plans != draw(other)).any()
    distinct = {tuple(plan) for plan in plans.reshape(20, -1).tolist()}
    # Among 377,000 sets of 5 of 36 words, and more sets of patches, two of 20
    # draws hardly ever meet.
    assert len(distinct) >= 18


def test_all_words_are_hidden_equally_often():
    texts = [[A] * 20] * 100
    _, plans = token_plans(texts, num_plans=20, seed=(3, 1))
    assert ((plans >= 0).sum(-1) == 3).all()
    counts = np.bincount(plans[plans >= 0], minlength=LENGTH)[1:21]
    assert_even(counts, total=100 * 20 * 3, pick=3)


@pytest.mark.parametrize("layout", ["kaleido", "grid8"])
def test_all_patches_are_hidden_equally_often(layout):
    layout = LAYOUTS[layout]
    plans = patch_plans(200, layout, 20, (1, 2))
    for level, columns in masking.plan_columns(layout).items():
        chosen = plans[..., columns]
        pick = chosen.shape[-1]
        assert (np.diff(chosen, axis=-1) > 0).all()
        counts = np.bincount(chosen.ravel(), minlength=level * level)
        assert len(counts) == level * level
        assert_even(counts, total=200 * 20 * pick, pick=pick)


def assert_even(counts, total, pick):
    """A chi-square bound that a fair draw misses once in 10,000 times.

    Drawing without repetition makes the statistic smaller, by (n - k) / (n - 1).
    """
    n = len(counts)
    assert counts.sum() == total
    statistic = ((counts - total / n) ** 2 / (total / n)).sum()
    freedom = n - 1
    assert statistic * (n - 1) / (n - pick) < freedom + 3.72 * np.sqrt(2 * freedom) + 9


def test_the_budget_is_the_papers():
    # One, two and three patches of levels 3, 4, 5; none of 1 and 2.
    assert dict(masking.patch_budget(KALEIDO)) == {3: 1, 4: 2, 5: 3}
    assert masking.plan_columns(KALEIDO) == {
        3: slice(0, 1), 4: slice(1, 3), 5: slice(3, 6),
    }
    assert dict(masking.patch_budget(LAYOUTS["grid8"])) == {8: 6}
    # A tenth of 64.
    assert round(64 / 10) == 6


def test_token_and_patch_plans_come_together():
    ids, _ = token_plans([[A, B, C] * 5, [B]])
    plans = masking.random_plans(
        tf.constant(ids), CONTINUATION, SPECIAL, KALEIDO, 3, seeds((2, 9), 2)
    )
    assert plans["token_plans"].shape == (2, 3, masking.MAX_MASKED_TOKENS)
    assert plans["patch_plans"].shape == (2, 3, 6)
    other = masking.random_plans(
        tf.constant(ids), CONTINUATION, SPECIAL, KALEIDO, 3, seeds((2, 10), 2)
    )
    assert (plans["patch_plans"].numpy() != other["patch_plans"].numpy()).any()
