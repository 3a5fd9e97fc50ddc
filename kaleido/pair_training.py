"""Pairs in training: contrastive losses over all replicas, and mined wrong texts."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, NamedTuple

import tensorflow as tf

from kaleido import losses, negatives
from kaleido.distribution import all_rows, first_row
from kaleido.losses import Summed

# Mined negatives are drawn among this many most similar wrong texts.
MINED_AMONG = 24


class Compared(NamedTuple):
    """This replica's pictures beside the texts of all.

    Attributes:
        loss: contrastive, both ways.
        similarity: cosines float32 [batch, all], without gradient.
        keys: `negatives.PAIR_KEYS` of all texts, int64 [all].
        text, image: unit vectors float32 [all, size], without gradient.
    """

    loss: Summed
    similarity: tf.Tensor
    keys: Dict[str, tf.Tensor]
    text: tf.Tensor
    image: tf.Tensor


def compare(
    batch: Mapping[str, tf.Tensor],
    text_pass: Callable,
    image_pass: Callable,
    scale: tf.Tensor,
    training: bool,
) -> Compared:
    """Runs both passes of one modality, and compares them over all replicas.

    Args:
        batch: holds `clean_token_ids`, `clean_features`, `patch_positions` and
            `negatives.PAIR_KEYS`.
        text_pass, image_pass: see `models.Networks`.
        scale: float32 scalar, the inverse temperature.
        training: whether dropout is on.
    """
    text = text_pass({"token_ids": batch["clean_token_ids"]}, training=training)
    image = image_pass(
        {
            "patch_features": batch["clean_features"],
            "patch_positions": batch["patch_positions"],
        },
        training=training,
    )
    keys = {name: batch[name] for name in negatives.PAIR_KEYS}
    all_text, all_image, all_keys = all_rows((text, image, keys))
    offset = first_row(text)
    both = [
        losses.contrastive(mine, theirs, scale, keys, all_keys, offset)
        for mine, theirs in ((text, all_image), (image, all_text))
    ]
    summed = Summed(*(a + b for a, b in zip(*both)))
    similarity = tf.matmul(image, all_text, transpose_b=True)
    return Compared(
        summed, tf.stop_gradient(similarity), all_keys,
        tf.stop_gradient(all_text), tf.stop_gradient(all_image),
    )


def fusion_loss(
    vectors: tf.Tensor, batch: Mapping[str, tf.Tensor], compared: Compared,
    scale: tf.Tensor,
) -> Summed:
    """InfoNCE of pairs' vectors against texts' and pictures' of all replicas.

    These and the temperature are given: the pass of the pair learns to know them.

    Args:
        vectors: float32 [n, size], see `heads.FusionHead`.
        batch: holds `negatives.PAIR_KEYS`, and `matched`, float32 [n]: a pair with a
            wrong text is neither and does not count.
        compared: of the batch.
        scale: float32 scalar, the inverse temperature.
    """
    keys = {name: batch[name] for name in negatives.PAIR_KEYS}
    both = [
        losses.contrastive(
            vectors, others, tf.stop_gradient(scale), keys, compared.keys,
            first_row(vectors), batch["matched"],
        )
        for others in (compared.text, compared.image)
    ]
    return Summed(*(a + b for a, b in zip(*both)))


def swap_mined(
    batch: Mapping[str, tf.Tensor], compared: Compared, share: float
) -> Dict[str, tf.Tensor]:
    """Gives the unmatched rows a wrong text, most often a similar one.

    Args:
        batch: of `corruption.swap` with `keep_texts`.
        compared: of the batch.
        share: of the swaps that are mined.
    """
    similarity = compared.similarity
    texts = all_rows({name: batch[name] for name in negatives.TEXT_FIELDS})
    wrong = negatives.foreign(batch, compared.keys)
    similar = similar_wrong(similarity, wrong, MINED_AMONG)
    mined = batch["mine_draw"] < share
    valid = tf.where(mined[:, None], similar, wrong)
    partner = negatives.choose(valid, batch["partner_draw"])
    own = first_row(partner) + tf.range(tf.shape(partner)[0])
    stays = tf.logical_or(batch["matched"] > 0.5, partner < 0)
    partner = tf.where(stays, own, partner)
    return {
        **negatives.swap_texts(batch, partner, texts),
        "matched": tf.cast(stays, tf.float32),
        "similarity": tf.gather(similarity, partner, batch_dims=1),
    }


def similar_wrong(similarity: tf.Tensor, wrong: tf.Tensor, among: int) -> tf.Tensor:
    """bool [n, m]: which of the wrong ones are among the most similar of a row.

    Args:
        similarity: float32 [n, m], cosines.
        wrong: bool [n, m].
        among: how many a row.
    """
    ranked = tf.where(wrong, similarity, -2.0)
    among = tf.minimum(among, tf.shape(ranked)[1])
    least = tf.math.top_k(ranked, among).values[:, -1:]
    return tf.logical_and(wrong, ranked >= least)
