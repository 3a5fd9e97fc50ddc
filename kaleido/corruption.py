"""What is done to a batch at each visit: the seven tasks' inputs and targets.

Pure functions from a batch (a dict) to a batch. Pictures were embedded offline;
all corruption here is picking and permuting of vectors (paper, section 3.4).
Randomness comes from `draws`, one row of uniform numbers a record that depends
on nothing but (seed, epoch, record), so that a run can be resumed anywhere.
"""

from __future__ import annotations

import itertools
from typing import Collection, Dict, List, Mapping, Sequence

import numpy as np
import tensorflow as tf

from kaleido import negatives, patches, records
from kaleido.config import Config
from kaleido.masking import MAX_MASKED_TOKENS, plan_columns
from kaleido.patches import PatchLayout
from kaleido.text import MASK, Vocabulary

Batch = Dict[str, tf.Tensor]

# Columns of the uniform numbers that are drawn for a record at a visit.
_SCALAR_DRAWS = (
    "plan", "rotation", "jigsaw", "camouflage_donor", "swap", "swap_partner", "mine",
)
_NUM_DRAWS = len(_SCALAR_DRAWS) + 2 * MAX_MASKED_TOKENS

JIGSAW_PERMUTATIONS = np.array(list(itertools.permutations(range(4))), np.int32)

# Shares of hidden words that become [MASK], or a random piece (BERT).
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1


def draw(record_keys: tf.Tensor, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Returns float32 [batch, n] in [0, 1), a row for each (seed, epoch, record)."""
    first = seed * 1_000_003 + tf.cast(epoch, tf.int64)
    return tf.map_fn(
        lambda key: tf.random.stateless_uniform([_NUM_DRAWS], tf.stack([first, key])),
        record_keys,
        fn_output_signature=tf.TensorSpec([_NUM_DRAWS], tf.float32),
        parallel_iterations=16,
    )


def corrupt(
    batch: Batch, config: Config, spec: records.RecordSpec, vocabulary: Vocabulary
) -> Batch:
    """Turns parsed records into the inputs and targets of all tasks.

    Args:
        batch: as `records.parse_examples` returns it, with `draws`.
        config: the experiment.
        spec: what made the records.
        vocabulary: the word pieces.

    Returns:
        Inputs `token_ids` int32 [batch, length], `patch_features` float16
        [batch, patches, feature_size], `patch_positions` float32 [batch,
        patches, 5], `masked_positions` int32 [batch, MAX_MASKED_TOKENS] (-1 for
        none), `grey_indices`, `blank_indices` int32 [batch, n]; targets
        `masked_ids`, `masked_weights`, `rotation`, `jigsaw`, `camouflage`,
        `camouflage_weight`, `grey_targets`, `blank_targets`, `matched`; and the
        uncorrupted `clean_token_ids`, `clean_features`, with
        `negatives.PAIR_KEYS`.
    """
    layout = spec.patch_layout
    draws = {
        name: batch["draws"][:, i] for i, name in enumerate(_SCALAR_DRAWS)
    }
    word_draws = batch["draws"][:, len(_SCALAR_DRAWS) :]
    batch = pick_plan(batch, draws["plan"], config.data.random_plans)
    batch = add_positions(batch, config.model.positions)
    batch = trim_texts(batch, config.data.text_lengths)
    batch = mask_tokens(batch, word_draws, vocabulary)
    batch = corrupt_patches(batch, draws, layout, config.active_tasks())
    # Mined negatives are swapped in by the model, which knows who is similar.
    mined = config.training.mined_negatives > 0
    batch = swap(batch, draws, config.data.swap_share, keep_texts=mined)
    dropped = (
        "draws", "features", "patch_boxes", "picture_size", "token_plans",
        "patch_plans", "patch_plan", "record_key", "subcategory_key",
    )
    return {k: v for k, v in batch.items() if k not in dropped}


def pick_plan(batch: Batch, draw_: tf.Tensor, at_random: bool) -> Batch:
    """Picks one of a record's mask plans: `masked_positions`, `patch_plan`."""
    plans = batch["token_plans"].shape[1]
    index = tf.cast(tf.floor(draw_ * plans), tf.int32)
    index = tf.minimum(index, plans - 1) if at_random else tf.zeros_like(index)
    return {
        **batch,
        "masked_positions": tf.gather(batch["token_plans"], index, batch_dims=1),
        "patch_plan": tf.gather(batch["patch_plans"], index, batch_dims=1),
    }


def add_positions(batch: Batch, units: str) -> Batch:
    """Adds the 5-D `patch_positions`; see `patches.patch_positions`."""
    height, width = batch["picture_size"][:, :1], batch["picture_size"][:, 1:]
    positions = patches.patch_positions(batch["patch_boxes"], height, width, units)
    return {**batch, "patch_positions": positions}


def length_options(lengths: Sequence[int], longest: int) -> List[int]:
    """Returns the lengths that a batch of texts may have, ascending.

    Args:
        lengths: those that are wanted.
        longest: of all texts; always among them.
    """
    return sorted({n for n in lengths if n < longest} | {longest})


def trim_texts(batch: Batch, lengths: Sequence[int]) -> Batch:
    """Cuts padding: to the least of a few lengths that holds the longest text.

    Few, because XLA compiles a program a length.
    """
    options = length_options(lengths, batch["token_ids"].shape[1])
    used = tf.reduce_max(
        tf.reduce_sum(tf.cast(tf.not_equal(batch["token_ids"], 0), tf.int32), axis=1)
    )
    fits = tf.constant(options) >= used
    length = tf.gather(options, tf.argmax(tf.cast(fits, tf.int32)))
    return {**batch, "token_ids": batch["token_ids"][:, :length]}


def mask_tokens(batch: Batch, draws: tf.Tensor, vocabulary: Vocabulary) -> Batch:
    """Hides the words of the plan: 80 % [MASK], 10 % a random piece, 10 % left.

    Args:
        batch: holds `token_ids` and `masked_positions`.
        draws: float32 [batch, 2 * MAX_MASKED_TOKENS]: what becomes of each
            word, and which random piece.
        vocabulary: the word pieces.

    Returns:
        The batch with hidden words, `masked_ids` int32 (the truth),
        `masked_weights` float32 (0 where a plan has no word) and
        `clean_token_ids`.
    """
    token_ids, positions = batch["token_ids"], batch["masked_positions"]
    valid = positions >= 0
    safe = tf.maximum(positions, 0)
    truth = tf.gather(token_ids, safe, batch_dims=1)
    fate, which = tf.split(draws, 2, axis=1)
    ordinary = tf.constant(np.flatnonzero(~vocabulary.is_special).astype(np.int32))
    size = tf.cast(tf.size(ordinary), tf.float32)
    random = tf.gather(ordinary, tf.cast(which * size, tf.int32))
    shown = tf.where(
        fate < MASK_SHARE,
        vocabulary.ids[MASK],
        tf.where(fate < MASK_SHARE + RANDOM_SHARE, random, truth),
    )
    # Scattering changes: two entries never share a position, and those without
    # a word add 0.
    change = tf.where(valid, shown - truth, 0)
    rows = tf.broadcast_to(tf.range(tf.shape(safe)[0])[:, None], tf.shape(safe))
    hidden = tf.tensor_scatter_nd_add(token_ids, tf.stack([rows, safe], -1), change)
    return {
        **batch,
        "token_ids": hidden,
        "clean_token_ids": token_ids,
        "masked_ids": tf.where(valid, truth, 0),
        "masked_weights": tf.cast(valid, tf.float32),
    }


def clean_patches(features: tf.Tensor, layout: PatchLayout) -> tf.Tensor:
    """Returns the uncorrupted patches, [batch, num_patches, feature_size]."""
    return tf.gather(features, layout.clean_rows, axis=1)


def corrupt_patches(
    batch: Batch, draws: Mapping[str, tf.Tensor], layout: PatchLayout,
    tasks: Collection[str],
) -> Batch:
    """Rotates, permutes, camouflages, greys and blanks (paper, section 3.4).

    Positions stay with their slots; only features move. Each level is
    corrupted on its own, so a task never sees another's corruption. All that
    a task does is to choose for its slots another one of the vectors that the
    records hold, and so the batch is picked in one go. A level whose task is not among
    `tasks` stays as it is: nobody asks what was done to it.
    """
    features = batch["features"]
    batch = {**batch, "clean_features": clean_patches(features, layout)}
    columns = plan_columns(layout)
    # A batch's vectors in one row; where each example's begin.
    flat = tf.reshape(features, [-1, features.shape[-1]])
    first = tf.range(tf.shape(features)[0]) * layout.num_vectors

    def vectors_of(name):
        return first[:, None] + np.array(layout.vectors[name], np.int32)

    def vectors_at(rows, indices):
        return tf.gather(flat, tf.gather(rows, indices, batch_dims=1))

    slots, blanks = [], None
    for n in layout.levels:
        if n == 1:
            batch["rotation"] = _class(draws["rotation"], 4)
            turned = batch["rotation"][:, None] * ("rotation" in tasks)
            slots.append(
                tf.gather(vectors_of("level_1_rotated"), turned, batch_dims=1)
            )
            continue
        rows = vectors_of(f"level_{n}")
        plan = batch["patch_plan"][:, columns[n]] if n in columns else None
        if n == 2:
            batch["jigsaw"] = _class(draws["jigsaw"], len(JIGSAW_PERMUTATIONS))
            if "jigsaw" in tasks:
                order = tf.gather(JIGSAW_PERMUTATIONS, batch["jigsaw"])
                rows = tf.gather(rows, order, batch_dims=1)
        elif n == 3:
            batch["camouflage"] = plan[:, 0]
            donor = negatives.choose(
                negatives.different(batch["product_key"]), draws["camouflage_donor"]
            )
            batch["camouflage_weight"] = tf.cast(donor >= 0, tf.float32)
            # The donor's patch of the same slot: it fits in by its place. Without
            # a donor the picture keeps its own.
            donor = tf.where(donor >= 0, donor, tf.range(tf.shape(donor)[0]))
            if "camouflage" in tasks:
                rows = tf.where(_at(plan, n), tf.gather(rows, donor), rows)
        elif n == 4:
            batch["grey_indices"] = plan
            batch["grey_targets"] = vectors_at(rows, plan)
            if "grey" in tasks:
                rows = tf.where(_at(plan, n), vectors_of("level_4_grey"), rows)
        else:
            batch["blank_indices"] = plan
            if "blank" in tasks:
                blanks = plan + layout.patches(n).start
            batch["blank_targets"] = vectors_at(rows, plan)
        slots.append(rows)
    picked = tf.gather(flat, tf.concat(slots, axis=1))
    batch["patch_features"] = picked if blanks is None else _blank(picked, blanks)
    return batch


def _blank(vectors: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
    """Sets the vectors [batch, n, f] at int32 [batch, k] slots to zero."""
    examples = tf.broadcast_to(
        tf.range(tf.shape(slots)[0])[:, None], tf.shape(slots)
    )
    zeros = tf.zeros(
        tf.concat([tf.shape(slots), tf.shape(vectors)[2:]], 0), vectors.dtype
    )
    return tf.tensor_scatter_nd_update(
        vectors, tf.stack([examples, slots], axis=-1), zeros
    )


def _class(draw_: tf.Tensor, count: int) -> tf.Tensor:
    """Uniform numbers [batch] in [0, 1) to int32 classes in [0, count)."""
    return tf.minimum(tf.cast(tf.floor(draw_ * count), tf.int32), count - 1)


def _at(indices: tf.Tensor, n: int) -> tf.Tensor:
    """bool [batch, n * n]: whether a slot is among int32 [batch, k] indices."""
    return tf.reduce_any(tf.equal(indices[:, :, None], tf.range(n * n)), axis=1)


def swap(
    batch: Batch, draws: Mapping[str, tf.Tensor], share: float, keep_texts: bool
) -> Batch:
    """Gives a share of the rows the text of another product of the batch.

    A partner is another product, and its text differs after normalisation.
    Where the batch holds none the row stays matched.

    Args:
        batch: holds the text fields and `negatives.PAIR_KEYS`.
        draws: `swap` and `swap_partner`, float32 [batch] each.
        share: of the rows to be swapped.
        keep_texts: only says in `matched` which rows are to be swapped.

    Returns:
        The batch with `matched` float32 [batch] (1 = own text).
    """
    partner = negatives.choose(negatives.foreign(batch), draws["swap_partner"])
    swapped = tf.logical_and(draws["swap"] < share, partner >= 0)
    batch = {**batch, "matched": 1.0 - tf.cast(swapped, tf.float32)}
    if keep_texts:
        return {
            **batch, "mine_draw": draws["mine"], "partner_draw": draws["swap_partner"],
        }
    own = tf.range(tf.shape(partner)[0])
    return negatives.swap_texts(batch, tf.where(swapped, partner, own))
