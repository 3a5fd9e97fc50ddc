"""Mask plans: which words and patches of a product are hidden at a visit.

Alignment-guided masking (AGM, paper section 3.3). A pair is a word and the patch
that is aligned to it. Of a pair one side is hidden, so that the other tells of
it; never both. Pairs come first, at random; unaligned words and patches fill
what they leave of the budgets. Without alignments this is the random masking of
the paper's Table 4.

Plans are drawn offline, several for a record, and the input pipeline picks
one a visit.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Tuple

import numpy as np
import tensorflow as tf

from kaleido.patches import PatchLayout

# Share of the text's word pieces that is hidden, and the cap (paper, 4.1).
TOKEN_SHARE = 0.15
MAX_MASKED_TOKENS = 10
# Hidden patches of each level (paper, section 3.3: one, two, three).
PATCH_BUDGET = {3: 1, 4: 2, 5: 3}
# Levels of which a word has an aligned patch (paper, section 3.2).
ALIGNED_LEVELS = (3, 4, 5)
# FashionBERT hides a tenth of its 64 patches.
GRID_PATCH_BUDGET = {8: 6}


def patch_budget(layout: PatchLayout) -> Mapping[int, int]:
    """Number of patches that a plan hides, by level."""
    budget = GRID_PATCH_BUDGET if layout.levels == (8,) else PATCH_BUDGET
    return {level: count for level, count in budget.items() if level in layout.levels}


def plan_columns(layout: PatchLayout) -> Mapping[int, slice]:
    """Columns of a plan's patch indices that belong to each level."""
    columns, start = {}, 0
    for level, count in patch_budget(layout).items():
        columns[level] = slice(start, start + count)
        start += count
    return columns


def word_indices(token_ids: tf.Tensor, is_continuation: tf.Tensor) -> tf.Tensor:
    """Numbers the words of a text, so that their pieces can be hidden together.

    Args:
        token_ids: int32 [batch, length].
        is_continuation: bool [vocab_size].

    Returns:
        int32 [batch, length]; the first piece starts word 0.
    """
    starts = tf.logical_not(tf.gather(is_continuation, token_ids))
    return tf.maximum(tf.cumsum(tf.cast(starts, tf.int32), axis=1) - 1, 0)


def token_budget(token_ids: tf.Tensor, is_special: tf.Tensor) -> tf.Tensor:
    """Returns how many pieces of each text may be hidden, int32 [batch]."""
    ordinary = tf.logical_not(tf.gather(is_special, token_ids))
    count = tf.reduce_sum(tf.cast(ordinary, tf.int32), axis=1)
    share = tf.cast(tf.round(TOKEN_SHARE * tf.cast(count, tf.float32)), tf.int32)
    return tf.minimum(tf.clip_by_value(share, 1, MAX_MASKED_TOKENS), count)


def plans(
    token_ids: tf.Tensor,
    alignments: tf.Tensor,
    is_continuation: tf.Tensor,
    is_special: tf.Tensor,
    layout: PatchLayout,
    num_plans: int,
    seeds: tf.Tensor,
) -> Dict[str, tf.Tensor]:
    """Draws alignment-guided mask plans.

    Pairs are visited in random order. At each a fair coin names the side to
    hide; where that cannot be hidden, the other is tried. Then unaligned words
    and patches are tried, in random order too. A side can be hidden if

    - its budget has room for it (a word is hidden with all of its pieces; one
      that does not fit is passed over for one that does),
    - no word or patch that is aligned to it is hidden,
    - and, for a word, every level keeps patches enough for its budget that are
      not aligned to a hidden word. So patch budgets are always used up, and
      it is words that give way.

    Args:
        token_ids: int32 [batch, length].
        alignments: int32 [batch, length, 3], for each token the index of its
            patch within each of `ALIGNED_LEVELS`, row-major, or -1. All pieces
            of a word have the same (else the greatest index counts). What is
            said of special tokens, or of patches that the layout does not
            have, is ignored.
        is_continuation, is_special: bool [vocab_size]. [UNK] is special and
            therefore never hidden: nothing could be learnt.
        layout: the grids.
        num_plans: plans a record.
        seeds: int [batch, 2]: a record's plans depend on nothing else of its batch.

    Returns:
        `token_plans`: int32 [batch, num_plans, MAX_MASKED_TOKENS] positions in
        the text, ascending, -1 where a plan has fewer; `patch_plans`: int32
        [batch, num_plans, sum of the budgets] indices within their level,
        ascending within a level, columns as in `plan_columns`.
    """
    length = token_ids.shape[1] or tf.shape(token_ids)[1]
    ordinary = tf.logical_not(tf.gather(is_special, token_ids))
    words = word_indices(token_ids, is_continuation)
    sizes = _collect(
        tf.math.unsorted_segment_sum, tf.cast(ordinary, tf.int32), words, length
    )
    pairs = _collect(
        tf.math.unsorted_segment_max,
        tf.where(ordinary[..., None], alignments, -1), words, length,
    )
    pairs = _maskable_patches(pairs, layout)
    order = _visiting_order(pairs, layout, num_plans, seeds)
    budget = token_budget(token_ids, is_special)
    hidden_words, hidden_patches = _hide_in_order(order, pairs, sizes, budget, layout)
    hidden_tokens = tf.gather(hidden_words, words, axis=2, batch_dims=1)
    hidden_tokens = tf.logical_and(hidden_tokens, ordinary[:, None])
    levels = tf.split(hidden_patches, [n * n for n in patch_budget(layout)], axis=-1)
    return {
        "token_plans": _ascending(hidden_tokens, MAX_MASKED_TOKENS),
        "patch_plans": tf.concat(
            [
                _ascending(level, count)
                for level, count in zip(levels, patch_budget(layout).values())
            ],
            axis=-1,
        ),
    }


def random_plans(
    token_ids: tf.Tensor,
    is_continuation: tf.Tensor,
    is_special: tf.Tensor,
    layout: PatchLayout,
    num_plans: int,
    seeds: tf.Tensor,
) -> Dict[str, tf.Tensor]:
    """Draws plans of random masking: `plans` with nothing aligned."""
    unaligned = tf.fill([*tf.unstack(tf.shape(token_ids)), len(ALIGNED_LEVELS)], -1)
    return plans(
        token_ids, unaligned, is_continuation, is_special, layout, num_plans, seeds
    )


def _collect(
    reduce: Callable, values: tf.Tensor, ids: tf.Tensor, size: int | tf.Tensor
) -> tf.Tensor:
    """Reduces values by id, each row of a batch by itself.

    Args:
        reduce: one of `tf.math.unsorted_segment_*`.
        values: [batch, ..., *inner].
        ids: int32 [batch, ...], below `size`; values of negative ids are left out.
        size: number of ids.

    Returns:
        [batch, size, *inner].
    """
    batch, rank = tf.shape(ids)[0], ids.shape.rank
    rows = tf.reshape(size * tf.range(batch), [-1] + [1] * (rank - 1))
    reduced = reduce(values, tf.where(ids >= 0, rows + ids, -1), batch * size)
    return tf.reshape(reduced, [batch, size, *values.shape[rank:]])


def _maskable_patches(alignments: tf.Tensor, layout: PatchLayout) -> tf.Tensor:
    """Numbers patches across the levels that have a budget, level by level.

    Args:
        alignments: int32 [..., 3], as in `plans`.
        layout: the grids.

    Returns:
        int32 [..., 3], -1 where a word has no patch.
    """
    starts, start = {}, 0
    for level in patch_budget(layout):
        starts[level] = start
        start += level * level
    counts = [n * n if n in starts else 0 for n in ALIGNED_LEVELS]
    exists = tf.logical_and(alignments >= 0, alignments < counts)
    return tf.where(exists, alignments + [starts.get(n, 0) for n in ALIGNED_LEVELS], -1)


def _visiting_order(
    pairs: tf.Tensor, layout: PatchLayout, num_plans: int, seeds: tf.Tensor
) -> tf.Tensor:
    """Draws when each word and each patch is tried, the least number first.

    Visiting pairs is trying their two sides one after the other, and only the
    first try of a word or patch counts: what cannot be hidden once never can
    later, for budgets and free patches only get fewer. So one number a word or
    patch says it all: that of its earliest pair, or, unaligned, a later one.

    Args:
        pairs: int32 [batch, length, 3], the patches of each word, or -1.
        layout, num_plans, seeds: as in `plans`.

    Returns:
        float32 [batch, num_plans, length + maskable patches]: below 0 for what is
        aligned, in [0, 1) for the rest.
    """
    fold = tf.random.experimental.stateless_fold_in
    _, length, levels = tf.unstack(tf.shape(pairs))

    def draw(seed):
        words = tf.random.stateless_uniform([num_plans, length], fold(seed, 101))
        patches = [
            tf.random.stateless_uniform(
                [num_plans, level * level], fold(fold(seed, 102), level)
            )
            for level in patch_budget(layout)
        ]
        turns = tf.random.stateless_uniform(
            [length, levels, num_plans], fold(seed, 103), -(2**24), 0, tf.int32
        )
        return tf.concat([words, *patches], axis=-1), turns

    unaligned, word_turn = tf.map_fn(
        draw, tf.cast(seeds, tf.int64), fn_output_signature=(tf.float32, tf.int32)
    )
    # An even number and the odd one above it are a pair's two turns; the lowest
    # bit, which of them the word has, is the coin. Whole numbers down to -2^24
    # are exact in float32.
    patch_turn = tf.bitwise.bitwise_xor(word_turn, 1)
    word_turn = tf.reduce_min(tf.where(pairs[..., None] >= 0, word_turn, 0), axis=2)
    patch_turn = _collect(
        tf.math.unsorted_segment_min, patch_turn, pairs,
        sum(level * level for level in patch_budget(layout)),
    )
    aligned = tf.transpose(tf.concat([word_turn, patch_turn], axis=1), [0, 2, 1])
    return tf.where(aligned < 0, tf.cast(aligned, tf.float32), unaligned)


def _hide_in_order(
    order: tf.Tensor,
    pairs: tf.Tensor,
    sizes: tf.Tensor,
    budget: tf.Tensor,
    layout: PatchLayout,
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Hides whatever can be hidden when its turn comes (rules: see `plans`).

    A step hides the next that can be, in every plan: 17 steps at most, where
    trying one after the other would take a hundred.

    A level of n patches and budget b bears n - b patches that are aligned to
    hidden words. Words are held to that: each has one patch a level, so that
    none oversteps it, and hiding a patch changes nothing about it. So there is a
    free patch as long as there is budget.

    Args:
        order: float32 [batch, num_plans, length + patches], of `_visiting_order`.
        pairs: int32 [batch, length, 3], the patches of each word, or -1.
        sizes: int32 [batch, length], pieces of each word that may be hidden.
        budget: int32 [batch], pieces to hide.
        layout: the grids.

    Returns:
        bool [batch, num_plans, length] and [batch, num_plans, patches]: what is
        hidden.
    """
    levels, budgets = zip(*patch_budget(layout).items())
    areas = [level * level for level in levels]
    num_patches = sum(areas)
    level_of = np.repeat(np.arange(len(levels)), areas)
    in_level = tf.one_hot(level_of, len(levels))  # [patch, level]
    bearable = tf.constant(np.subtract(areas, budgets), tf.float32)
    patch_budgets = tf.constant(budgets, tf.float32)
    aligned = tf.reduce_sum(tf.one_hot(pairs, num_patches), axis=2)
    sizes = tf.cast(sizes, tf.float32)[:, None]  # [batch, 1, word]
    budget = tf.cast(budget, tf.float32)[:, None, None]

    def spread(values):  # of levels, over their patches
        return tf.tensordot(values, tf.transpose(in_level), 1)

    def step(hidden, _):
        words, patches = tf.split(hidden, [-1, num_patches], axis=-1)
        # Aligned to a hidden word.
        blocked = tf.minimum(words @ aligned, 1.0)
        full = tf.cast(tf.tensordot(blocked, in_level, 1) >= bearable, tf.float32)
        # No word that is aligned to one of these may be hidden.
        kept = patches + (1.0 - blocked) * spread(full)
        room = budget - tf.reduce_sum(words * sizes, axis=-1, keepdims=True)
        patch_room = patch_budgets - tf.tensordot(patches, in_level, 1)
        free_words = (
            (sizes > 0.0)
            & (sizes <= room)
            & (tf.matmul(kept, aligned, transpose_b=True) == 0.0)
        )
        free_patches = (spread(patch_room) > 0.0) & (blocked == 0.0)
        free = tf.concat([free_words, free_patches], axis=-1) & (hidden == 0.0)
        turn = tf.where(free, order, np.inf)
        # Half as long with int32 as with int64.
        next_one = tf.argmin(turn, axis=-1, output_type=tf.int32)
        next_one = tf.one_hot(next_one, tf.shape(order)[-1]) * tf.cast(free, tf.float32)
        return hidden + next_one, tf.reduce_any(next_one > 0.0)

    hidden, _ = tf.while_loop(
        lambda _, found: found, step, (tf.zeros_like(order), tf.constant(True))
    )
    return tf.split(hidden > 0.0, [-1, num_patches], axis=-1)


def _ascending(chosen: tf.Tensor, count: int) -> tf.Tensor:
    """Lists where `chosen` bool [..., n] is true: int32 [..., count], then -1."""
    size = tf.shape(chosen)[-1]
    places = tf.where(chosen, tf.range(size), size)
    places = -tf.math.top_k(-places, count).values
    return tf.where(places < size, places, -1)
