"""Who may stand in for whom: donors of patches and wrong texts within a batch."""

from __future__ import annotations

from typing import Dict, Mapping

import tensorflow as tf

# What belongs to a text and moves with it when texts are swapped.
TEXT_FIELDS = ("token_ids", "masked_positions", "masked_ids", "masked_weights")


def different(
    keys: tf.Tensor, other_keys: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns bool [n, m]: whether rows have different keys, int64 [n], [m]."""
    other_keys = keys if other_keys is None else other_keys
    return tf.not_equal(keys[:, None], other_keys[None])


# What tells that two pairs show or say the same.
PAIR_KEYS = ("product_key", "text_key", "picture_key")


def foreign(
    batch: Mapping[str, tf.Tensor], others: Mapping[str, tf.Tensor] | None = None
) -> tf.Tensor:
    """Returns bool [n, m]: who may be whose negative.

    A negative is another product with another text and another picture: shops
    sell one thing under two ids.

    Args:
        batch: holds `PAIR_KEYS`, int64 [n] each.
        others: holds them, int64 [m]; by default the batch.
    """
    others = batch if others is None else others
    apart = [different(batch[key], others[key]) for key in PAIR_KEYS]
    return tf.reduce_all(tf.stack(apart), axis=0)


def choose(valid: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Picks one valid column a row, all of them equally likely.

    Args:
        valid: bool [n, m].
        draw: float32 [n], uniform in [0, 1).

    Returns:
        int32 [n]; -1 where no column is valid.
    """
    count = tf.reduce_sum(tf.cast(valid, tf.int32), axis=1)
    wanted = tf.cast(tf.floor(draw * tf.cast(count, tf.float32)), tf.int32)
    wanted = tf.minimum(wanted, count - 1)
    seen = tf.cumsum(tf.cast(valid, tf.int32), axis=1)
    hit = tf.logical_and(valid, tf.equal(seen, wanted[:, None] + 1))
    index = tf.argmax(tf.cast(hit, tf.int32), axis=1, output_type=tf.int32)
    return tf.where(count > 0, index, -1)


def swap_texts(
    batch: Mapping[str, tf.Tensor],
    partners: tf.Tensor,
    texts: Mapping[str, tf.Tensor] | None = None,
) -> Dict[str, tf.Tensor]:
    """Gives every row the text of its partner.

    A text brings its own hidden words along, so that nothing but its content
    tells a wrong text from a right one.

    Args:
        batch: holds `TEXT_FIELDS`, [n, ...] each.
        partners: int32 [n], row of `texts`.
        texts: where the texts come from, [m, ...] each; by default the batch.

    Returns:
        The batch with other texts.
    """
    texts = batch if texts is None else texts
    return {
        **batch,
        **{name: tf.gather(texts[name], partners) for name in TEXT_FIELDS},
    }
