"""The seven pre-training losses (paper, section 3.4) and the contrastive one.

Each returns a sum over targets and their number, not a mean: with several
replicas the mean must be over the targets of the global batch, and replicas
hold different numbers of them.
"""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, Optional

import tensorflow as tf

from kaleido import negatives


class Summed(NamedTuple):
    """A loss and its accuracy, as sums over targets.

    Attributes:
        loss: float32 scalar, sum of the losses.
        count: float32 scalar, sum of the targets' weights.
        correct: float32 scalar, sum of the weights of targets that were right.
    """

    loss: tf.Tensor
    count: tf.Tensor
    correct: tf.Tensor


def classification(
    logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
) -> Summed:
    """Cross-entropy: AMLM, rotation, jigsaw, camouflage.

    Args:
        logits: float32 [..., classes].
        labels: int32 [...].
        weights: float32 [...].
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    right = tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), labels), tf.float32)
    return Summed(
        tf.reduce_sum(losses * weights),
        tf.reduce_sum(weights),
        tf.reduce_sum(right * weights),
    )


def matching(logits: tf.Tensor, matched: tf.Tensor) -> Summed:
    """Binary cross-entropy: ITM.

    Args:
        logits: float32 [batch], log-odds of a match.
        matched: float32 [batch], 1 or 0.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(matched, logits)
    right = tf.cast(tf.equal(logits > 0, matched > 0.5), tf.float32)
    count = tf.cast(tf.size(matched), tf.float32)
    return Summed(tf.reduce_sum(losses), count, tf.reduce_sum(right))


# Wrong features that a prediction is compared with in the accuracy.
NEAREST_AMONG = 100


def feature_divergence(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor
) -> Summed:
    """KL divergence of softmaxed features: grey to colour, blank to colour.

    A prediction counts as right when, of the true feature and up to
    `NEAREST_AMONG` others of the batch, the true one is strictly the nearest.

    Args:
        logits: float32 [batch, n, feature_size].
        targets: float [batch, n, feature_size], the true features.
        weights: float32 [batch], one a picture.
    """
    size = logits.shape[-1]
    weights = tf.reshape(
        tf.broadcast_to(weights[:, None], tf.shape(logits)[:2]), [-1]
    )
    predicted = tf.nn.log_softmax(tf.reshape(logits, [-1, size]))
    true_log = tf.nn.log_softmax(tf.reshape(tf.cast(targets, tf.float32), [-1, size]))
    true = tf.exp(true_log)
    losses = tf.reduce_sum(true * (true_log - predicted), axis=-1)

    # KL(true_j || predicted_i) for all j; a window of others behind each i.
    negative_entropy = tf.reduce_sum(true * true_log, axis=-1)
    divergence = negative_entropy[None] - tf.matmul(predicted, true, transpose_b=True)
    count = tf.shape(divergence)[0]
    index = tf.range(count)
    behind = tf.math.floormod(index[None] - index[:, None], count)
    others = tf.logical_and(behind > 0, behind <= NEAREST_AMONG)
    nearest_other = tf.reduce_min(
        tf.where(others, divergence, divergence.dtype.max), axis=1
    )
    right = tf.cast(tf.linalg.diag_part(divergence) < nearest_other, tf.float32)
    return Summed(
        tf.reduce_sum(losses * weights),
        tf.reduce_sum(weights),
        tf.reduce_sum(tf.stop_gradient(right) * weights),
    )


def contrastive(
    vectors: tf.Tensor,
    others: tf.Tensor,
    scale: tf.Tensor,
    keys: Mapping[str, tf.Tensor],
    other_keys: Mapping[str, tf.Tensor],
    offset: tf.Tensor,
    weights: Optional[tf.Tensor] = None,
) -> Summed:
    """InfoNCE of local vectors against the global batch's of another kind.

    Who may be whose negative, `negatives.foreign` says.

    Args:
        vectors: float32 [n, size], unit vectors of texts, pictures or pairs.
        others: float32 [m, size], unit vectors of texts or pictures of all replicas.
        scale: float32 scalar, the inverse temperature.
        keys: `negatives.PAIR_KEYS`, int64 [n] each.
        other_keys: the same, [m].
        offset: int32 scalar, row of `others` that belongs to the first vector.
        weights: float32 [n], what each counts; 1 by default.
    """
    count = tf.shape(vectors)[0]
    labels = tf.range(count) + offset
    negative = negatives.foreign(keys, other_keys)
    own = tf.equal(labels[:, None], tf.range(tf.shape(others)[0]))
    logits = scale * tf.matmul(vectors, others, transpose_b=True)
    logits = tf.where(tf.logical_or(negative, own), logits, -1e9)
    if weights is None:
        weights = tf.ones(tf.shape(labels))
    return classification(logits, labels, weights)


def joint_losses(
    outputs: Mapping[str, tf.Tensor],
    batch: Mapping[str, tf.Tensor],
    tasks,
    aux_on_negatives: bool,
) -> Dict[str, Summed]:
    """Returns the losses of the tasks on the joint pass.

    Args:
        outputs: of the joint model, see `models.Networks`.
        batch: see `corruption.corrupt`.
        tasks: names of the tasks that take part.
        aux_on_negatives: counts the tasks other than matching on pairs whose
            text was swapped, too. Off as in the paper; the authors' code has
            it on.
    """
    matched = batch["matched"]
    pairs = tf.ones_like(matched) if aux_on_negatives else matched
    camouflaged: Optional[tf.Tensor] = batch.get("camouflage_weight")
    losses = {}
    for task in tasks:
        if task == "mlm":
            losses[task] = classification(
                outputs[task], batch["masked_ids"],
                batch["masked_weights"] * pairs[:, None],
            )
        elif task == "itm":
            losses[task] = matching(outputs[task], matched)
        elif task in ("grey", "blank"):
            losses[task] = feature_divergence(
                outputs[task], batch[f"{task}_targets"], pairs
            )
        elif task not in ("contrastive", "fusion"):
            weights = pairs * camouflaged if task == "camouflage" else pairs
            losses[task] = classification(outputs[task], batch[task], weights)
    return losses
