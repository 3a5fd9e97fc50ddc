"""Alignment-guided masking (paper, section 3.3): of a pair, one side stays."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import masking
from kaleido.patches import LAYOUTS
from tests.test_masking import (
    CLS,
    CONTINUATION,
    KALEIDO,
    LENGTH,
    PAD,
    SEP,
    SPECIAL,
    A,
    B,
    C,
    X,
    Y,
    piece_lists,
    words_of,
)

NONE = (-1, -1, -1)
BUDGET = dict(masking.patch_budget(KALEIDO))
SEEDS = st.tuples(st.integers(0, 1000), st.integers(0, 1000))


@functools.lru_cache(maxsize=None)
def _compiled(layout, num_plans):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, LENGTH], tf.int32),
            tf.TensorSpec([None, LENGTH, 3], tf.int32),
            tf.TensorSpec([None, 2], tf.int32),
        ]
    )
    def plans(token_ids, alignments, seeds):
        return masking.plans(
            token_ids, alignments, CONTINUATION, SPECIAL, LAYOUTS[layout], num_plans,
            seeds,
        )

    return plans


def seeds(seed, batch):
    """A seed for each row: (a, b), (a, b + 1), ..."""
    return np.stack([np.full(batch, seed[0]), seed[1] + np.arange(batch)], axis=1)


def draw(ids, alignments, num_plans=4, seed=(0, 0), layout="kaleido"):
    """Token and patch plans, in NumPy."""
    plans = _compiled(layout, num_plans)(
        ids, np.asarray(alignments, np.int32), seeds(seed, len(ids)).astype(np.int32)
    )
    return plans["token_plans"].numpy(), plans["patch_plans"].numpy()


def text(*pieces):
    row = [CLS, *pieces, SEP]
    return np.array([row + [PAD] * (LENGTH - len(row))], np.int32)


def align(ids, patches_of_word):
    """Gives the pieces of the n-th word of each row its patches, others none."""
    alignments = np.full((*ids.shape, 3), -1, np.int32)
    for row, row_alignments, patches_of in zip(ids, alignments, patches_of_word):
        for n, word in enumerate(words_of(row)):
            row_alignments[word] = patches_of.get(n, NONE)
    return alignments


def hidden(token_plan, patch_plan):
    """Hidden positions and hidden (index of level, patch), as sets."""
    columns = masking.plan_columns(KALEIDO)
    return set(token_plan[token_plan >= 0].tolist()), {
        (k, int(patch))
        for k, level in enumerate(masking.ALIGNED_LEVELS)
        for patch in patch_plan[columns[level]]
    }


@st.composite
def aligned_texts(draw_):
    """A text and the patches of its words: few, many, and the hard cases."""
    pieces = draw_(piece_lists())
    ids = text(*pieces)
    count = len(words_of(ids[0]))
    kind = draw_(st.sampled_from(["any", "some", "one patch", "every patch"]))
    if kind == "one patch":  # ... has all words aligned to it
        patches = [draw_(st.sampled_from([(4, 5, 12), (4, -1, -1)]))] * count
    elif kind == "every patch":  # of every level, as far as the words go
        patches = [(n % 9, n % 16, n % 25) for n in range(count)]
    else:
        least = -1 if kind == "any" else -6
        of_levels = [
            st.lists(
                st.integers(least, n * n - 1), min_size=count, max_size=count
            )
            for n in masking.ALIGNED_LEVELS
        ]
        patches = np.maximum(np.transpose([draw_(s) for s in of_levels]), -1)
    return ids, align(ids, [dict(enumerate(map(tuple, patches)))])


@given(aligned=aligned_texts(), seed=SEEDS)
def test_a_plan_keeps_every_rule(aligned, seed):
    ids, alignments = aligned
    words = words_of(ids[0])
    pairs_of = [
        {(k, int(p)) for k, p in enumerate(alignments[0, word[0]]) if p >= 0}
        for word in words
    ]
    budget = int(masking.token_budget(tf.constant(ids), SPECIAL)[0])
    token_plans, patch_plans = draw(ids, alignments, 16, seed)
    for token_plan, patch_plan in zip(token_plans[0], patch_plans[0]):
        used, patches = hidden(token_plan, patch_plan)
        # Ascending without repetition, then -1.
        padding = [-1] * (len(token_plan) - len(used))
        assert token_plan.tolist() == sorted(used) + padding
        assert len(used) <= budget
        for level, columns in masking.plan_columns(KALEIDO).items():
            chosen = patch_plan[columns].tolist()
            assert chosen == sorted(set(chosen)) and len(chosen) == BUDGET[level]
            assert 0 <= chosen[0] and chosen[-1] < level * level

        taken = [n for n, word in enumerate(words) if set(word) & used]
        assert {p for n in taken for p in words[n]} == used, "cut, or special"
        blocked = set().union(*(pairs_of[n] for n in taken))
        assert not blocked & patches, "a pair lost both sides"

        for n, word in enumerate(words):
            if n in taken or len(used) + len(word) > budget or pairs_of[n] & patches:
                continue
            # A word that fits was left. Then a level would have been left with
            # fewer patches than its budget.
            assert any(
                sum(k == level for level, _ in blocked | pairs_of[n])
                > side * side - BUDGET[side]
                for k, side in enumerate(masking.ALIGNED_LEVELS)
            )


def test_words_give_way_to_the_last_patch_of_a_level():
    # Nine words hold the nine patches of level 3, and ten may be hidden: in one
    # plan of 512 all nine coins say "word".
    ids = np.repeat(text(*[A] * 9, *[B] * 85), 20, axis=0)
    alignments = align(ids, [{n: (n, -1, -1) for n in range(9)}] * 20)
    token_plans, patch_plans = draw(ids, alignments, 200)
    assert (token_plans >= 0).all()  # unaligned words fill what those leave
    level_3 = patch_plans[..., :1]
    assert ((level_3 >= 0) & (level_3 < 9)).all()
    assert (token_plans != level_3 + 1).all()
    aligned_words = (token_plans <= 9).sum(axis=-1)
    assert aligned_words.max() == 8


@pytest.mark.parametrize("pieces", [[A], [A, X, Y]])
@pytest.mark.parametrize("k", range(3))
def test_the_coin_is_fair(pieces, k):
    # One pair among thirty unaligned words: it comes first, and always loses one
    # side, either in half of the plans.
    ids = text(*[B] * 10, *pieces, *[B, C] * 10)
    pair = [-1, -1, -1]
    pair[k] = 7
    alignments = align(ids, [{10: pair}])
    token_plans, patch_plans = draw(ids, alignments, 1000)
    sides = np.array(
        [
            (11 in used, (k, 7) in patches)
            for used, patches in map(hidden, token_plans[0], patch_plans[0])
        ]
    )
    assert (sides.sum(axis=1) == 1).all()
    # Five standard deviations.
    assert abs(sides[:, 0].mean() - 0.5) < 5 * 0.5 / np.sqrt(1000)


def test_a_pair_that_is_served_costs_nothing_more():
    # A word with three patches: the first coin decides. If the word stays, each of
    # its other pairs can only lose its patch.
    ids = text(*[B] * 10, A, *[C] * 10)
    patches = {(0, 8), (1, 0), (2, 24)}
    alignments = align(ids, [{10: (8, 0, 24)}])
    words = 0
    token_plans, patch_plans = draw(ids, alignments, 500)
    for used, hidden_patches in map(hidden, token_plans[0], patch_plans[0]):
        assert (hidden_patches & patches) == (set() if 11 in used else patches)
        words += 11 in used
    assert 190 < words < 310


def test_a_word_that_does_not_fit_leaves_its_patch():
    # Seven pieces; the budget of 15 pieces is two.
    ids = text(A, X, X, X, X, X, X, *[B] * 8)
    token_plans, patch_plans = draw(ids, align(ids, [{0: (2, 9, 17)}]), 100)
    for used, patches in map(hidden, token_plans[0], patch_plans[0]):
        assert len(used) == 2 and min(used) > 7
        assert patches >= {(0, 2), (1, 9), (2, 17)}


def test_all_pairs_have_equal_chances():
    # Symmetric: each of nine words with patches of its own.
    ids = np.repeat(text(*[A] * 9, *[B] * 11), 50, axis=0)
    alignments = align(ids, [{n: (n, n, n) for n in range(9)}] * 50)
    token_plans, patch_plans = draw(ids, alignments, 40)
    words = np.bincount(token_plans[token_plans >= 0], minlength=LENGTH)[1:10]
    for column in masking.plan_columns(KALEIDO).values():
        patches = np.bincount(patch_plans[..., column].ravel(), minlength=25)[:9]
        for counts in (words, patches):
            # Counts of at most 2,000 draws each; sd below 0.5 sqrt(2000) = 22.
            assert np.abs(counts - counts.mean()).max() < 5 * 22


def test_hidden_sides_are_aligned_far_more_often_than_at_random():
    # Five of 20 words and 10 of 50 patches are aligned.
    ids = text(*[A, B, C, B] * 5)
    alignments = align(ids, [{4 * n: (n // 2, n, 3 * n) for n in range(5)}])
    shares = []
    for of_text in alignments, np.full_like(alignments, -1):
        token_plans, patch_plans = draw(ids, of_text, 400)
        words = patches = 0
        for used, hidden_patches in map(hidden, token_plans[0], patch_plans[0]):
            words += sum(alignments[0, p, 0] >= 0 for p in used)
            patches += sum((alignments[0, :, k] == p).any() for k, p in hidden_patches)
        shares.append((words / (400 * 3), patches / (400 * 6)))
    (guided_words, guided_patches), (words, patches) = shares
    assert 0.2 < words < 0.3 and 0.2 < patches < 0.32
    assert guided_words > 2 * words and guided_patches > 2 * patches


@given(aligned=st.lists(aligned_texts(), min_size=1, max_size=3), seed=SEEDS)
def test_a_text_without_alignments_is_masked_at_random(aligned, seed):
    # ... whatever the others of its batch have.
    ids = np.concatenate([text(A, B, X, C, A, Y, B, C), *(i for i, _ in aligned)])
    alignments = np.concatenate([np.full((1, LENGTH, 3), -1), *(a for _, a in aligned)])
    guided = draw(ids, alignments, seed=seed)
    at_random = masking.random_plans(
        tf.constant(ids), CONTINUATION, SPECIAL, KALEIDO, 4, seeds(seed, len(ids))
    )
    for plans, name in zip(guided, ("token_plans", "patch_plans")):
        np.testing.assert_array_equal(plans[0], at_random[name][0])


def test_random_plans_are_those_of_earlier_records():
    # Drawn by the version before alignments: a seed keeps its plans.
    ids = tf.constant([[CLS, *[A, B, X, C] * 8, SEP, *[PAD] * 6]])
    plans = masking.random_plans(ids, CONTINUATION, SPECIAL, KALEIDO, 3, [[2, 9]])
    assert plans["token_plans"].numpy()[0, :, :5].tolist() == [
        [14, 15, 18, 19, 24], [2, 3, 16, 17, 32], [24, 25, 29, 30, 31],
    ]
    assert (plans["token_plans"].numpy()[..., 5:] == -1).all()
    assert plans["patch_plans"].numpy()[0].tolist() == [
        [3, 1, 2, 6, 7, 9], [7, 6, 10, 0, 4, 9], [4, 5, 13, 1, 4, 10],
    ]


@given(aligned=aligned_texts(), seed=SEEDS, noise=st.integers(0, 1000))
def test_what_is_said_of_special_tokens_and_missing_patches_is_ignored(
    aligned, seed, noise
):
    ids, alignments = aligned
    random = np.random.default_rng(noise).integers(-9, 30, alignments.shape)
    noisy = np.where(SPECIAL.numpy()[ids][..., None], random, alignments)
    # Patches that no level has.
    absent = random < -3
    noisy = np.where(absent & (noisy < 0), 25 - random, noisy)
    clean = draw(ids, alignments, seed=seed)
    for plans, expected in zip(draw(ids, noisy, seed=seed), clean):
        np.testing.assert_array_equal(plans, expected)


@given(aligned=aligned_texts(), seed=SEEDS)
def test_a_layout_without_the_levels_has_no_alignments(aligned, seed):
    ids, alignments = aligned
    guided = draw(ids, alignments, seed=seed, layout="grid8")
    at_random = draw(ids, np.full_like(alignments, -1), seed=seed, layout="grid8")
    for plans, expected in zip(guided, at_random):
        np.testing.assert_array_equal(plans, expected)


def test_seeds_fix_plans_and_plans_differ():
    ids = np.repeat(text(*[A, B, C] * 12), 2, axis=0)
    rng = np.random.default_rng(0)
    alignments = align(
        ids, [{n: tuple(rng.integers(0, [9, 16, 25])) for n in range(36)}] * 2
    )
    plans = draw(ids, alignments, 10, (5, 7))
    for first, second in zip(plans, draw(ids, alignments, 10, (5, 7))):
        np.testing.assert_array_equal(first, second)
    for other in ((6, 7), (5, 8)):
        for first, second in zip(plans, draw(ids, alignments, 10, other)):
            assert (first != second).any()
    for kind in plans:
        # Two of twenty hardly ever meet.
        assert len({tuple(plan) for plan in kind.reshape(20, -1).tolist()}) >= 18


def test_shapes_need_not_be_known_beforehand():
    ids = text(*[A, B, C] * 12)
    alignments = align(ids, [{n: (n % 9, n % 16, n % 25) for n in range(36)}])
    unknown = tf.function(
        lambda i, a: masking.plans(i, a, CONTINUATION, SPECIAL, KALEIDO, 4, [[0, 0]]),
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None, 3], tf.int32),
        ],
    )(ids, alignments)
    for plans, name in zip(draw(ids, alignments), ("token_plans", "patch_plans")):
        np.testing.assert_array_equal(plans, unknown[name])


def test_a_records_plans_do_not_depend_on_its_batch():
    ids = np.concatenate([text(*[A, B, C] * 12), text(A, B, X, C), text(B)])
    alignments = align(ids[:1], [{n: (n % 9, n % 16, n % 25) for n in range(36)}])
    alignments = np.concatenate([alignments, np.full((2, LENGTH, 3), -1)])
    together = draw(ids, alignments, seed=(3, 40))
    for row in range(3):
        alone = draw(ids[[row]], alignments[[row]], seed=(3, 40 + row))
        for kind, expected in zip(alone, together):
            np.testing.assert_array_equal(kind[0], expected[row])
