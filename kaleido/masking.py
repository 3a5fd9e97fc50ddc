"""Mask plans: which words and patches of a product are hidden at a visit.

Plans are drawn offline, several for a record (DESIGN section 5.2), and the
input pipeline picks one a visit. With no alignments this is the random masking
of the paper's Table 4.
"""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

import tensorflow as tf

from kaleido.patches import PatchLayout

# Share of the text's word pieces that is hidden, and the cap (paper, 4.1).
TOKEN_SHARE = 0.15
MAX_MASKED_TOKENS = 10
# Hidden patches of each level (paper, section 3.3: one, two, three).
PATCH_BUDGET = {3: 1, 4: 2, 5: 3}
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


def random_token_plans(
    token_ids: tf.Tensor,
    is_continuation: tf.Tensor,
    is_special: tf.Tensor,
    num_plans: int,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Draws whole words at random until the budget is used.

    A word that no longer fits is passed over for one that does, so that no
    budget is left while a candidate fits.

    Args:
        token_ids: int32 [batch, length].
        is_continuation, is_special: bool [vocab_size].
        num_plans: plans a text.
        seed: int32 [2], of this batch.

    Returns:
        int32 [batch, num_plans, MAX_MASKED_TOKENS] positions in the text,
        ascending, -1 where a plan has fewer.
    """
    batch, length = tf.unstack(tf.shape(token_ids))
    words = word_indices(token_ids, is_continuation)
    ordinary = tf.logical_not(tf.gather(is_special, token_ids))
    # [UNK] is special and therefore never hidden: nothing could be learnt.
    members = tf.one_hot(words, length, dtype=tf.int32)  # [batch, length, word]
    sizes = tf.reduce_sum(members * tf.cast(ordinary, tf.int32)[..., None], axis=1)
    budget = token_budget(token_ids, is_special)[:, None]
    draw = tf.random.stateless_uniform([batch, num_plans, length], seed)
    order = tf.argsort(draw, axis=-1)
    sizes = tf.gather(
        tf.broadcast_to(sizes[:, None], [batch, num_plans, length]),
        order, axis=-1, batch_dims=2,
    )

    def visit(step, used, taken):
        size = sizes[..., step]
        take = tf.logical_and(size > 0, used + size <= budget)
        taken = taken.write(step, take)
        return step + 1, used + tf.where(take, size, 0), taken

    _, _, taken = tf.while_loop(
        lambda step, *_: step < length,
        visit,
        (0, tf.zeros([batch, num_plans], tf.int32),
         tf.TensorArray(tf.bool, length, element_shape=[None, num_plans])),
    )
    taken = tf.transpose(taken.stack(), [1, 2, 0])  # [batch, plan, visit]
    rank = tf.argsort(order, axis=-1)  # the visit of each word
    word_taken = tf.gather(taken, rank, axis=-1, batch_dims=2)
    token_taken = tf.gather(
        word_taken,
        tf.broadcast_to(words[:, None], [batch, num_plans, length]),
        axis=-1, batch_dims=2,
    )
    token_taken = tf.logical_and(token_taken, ordinary[:, None])
    positions = tf.where(token_taken, tf.range(length), length)
    positions = tf.sort(positions, axis=-1)[..., :MAX_MASKED_TOKENS]
    return tf.where(positions < length, positions, -1)


def random_patch_plans(
    batch: tf.Tensor, layout: PatchLayout, num_plans: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draws the hidden patches of each level, without repetition.

    Args:
        batch: int32 scalar, number of records.
        layout: the grids.
        num_plans: plans a record.
        seed: int32 [2], of this batch.

    Returns:
        int32 [batch, num_plans, sum of the budgets] indices within their
        level, ascending within a level; columns as in `plan_columns`.
    """
    columns = []
    for level, count in patch_budget(layout).items():
        draw = tf.random.stateless_uniform(
            [batch, num_plans, level * level],
            tf.random.experimental.stateless_fold_in(seed, level),
        )
        chosen = tf.argsort(draw, axis=-1)[..., :count]
        columns.append(tf.sort(chosen, axis=-1))
    return tf.concat(columns, axis=-1)


def random_plans(
    token_ids: tf.Tensor,
    is_continuation: tf.Tensor,
    is_special: tf.Tensor,
    layout: PatchLayout,
    num_plans: int,
    seed: Tuple[int, int],
) -> Dict[str, tf.Tensor]:
    """Returns `token_plans` and `patch_plans` of a batch (see above for shapes)."""
    fold = tf.random.experimental.stateless_fold_in
    return {
        "token_plans": random_token_plans(
            token_ids, is_continuation, is_special, num_plans, fold(seed, 101)
        ),
        "patch_plans": random_patch_plans(
            tf.shape(token_ids)[0], layout, num_plans, fold(seed, 102)
        ),
    }
