"""Pictures to patch features: the KPG from encoded bytes to vectors, in the graph.

Preprocessing and serving share it.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping

import tensorflow as tf

from kaleido import foreground, patches
from kaleido.records import RecordSpec


def crop_picture(
    image: tf.Tensor,
    spec: RecordSpec,
    method: str,
    encoded_mask: tf.Tensor = "",
    probability: tf.Tensor | None = None,
    clean_only: bool = False,
) -> Dict[str, tf.Tensor]:
    """Locks the object of one picture and cuts its patches.

    Args:
        image: uint8 [height, width, 3], see `patches.decode_picture`.
        spec: layout and sizes of the crops.
        method: key of the foreground method.
        encoded_mask, probability: see `foreground.foreground_box`.
        clean_only: see `patches.extract_crops`.

    Returns:
        `box` int32 [4]; `whole_picture` bool, whether no object was found;
        `picture_size` int32 [2], height and width; and the crops of
        `patches.extract_crops`.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    box, whole = foreground.foreground_box(image, method, encoded_mask, probability)
    box = patches.lock_box(box, height, width)
    crops = patches.extract_crops(
        image, box, spec.patch_layout, spec.crop_size, spec.whole_crop_size, clean_only
    )
    return {
        "box": box,
        "whole_picture": whole,
        "picture_size": tf.stack([height, width]),
        **crops,
    }


def embed_crops(
    batch: Mapping[str, tf.Tensor], extract: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Embeds the crops of a batch of pictures.

    Args:
        batch: `parts` uint8 [batch, n, s, s, 3] and, for layouts with a level
            1, `whole` uint8 [batch, m, s', s', 3].
        extract: uint8 [k, side, side, 3] -> float32 [k, feature_size].

    Returns:
        float32 [batch, m + n, feature_size], in the order of a record's rows.
    """
    count = tf.shape(batch["parts"])[0]
    vectors = []
    for name in ("whole", "parts"):
        if name in batch:
            size = batch[name].shape[-2]
            embedded = extract(tf.reshape(batch[name], [-1, size, size, 3]))
            per_picture = batch[name].shape[1]
            vectors.append(
                tf.reshape(embedded, [count, per_picture, embedded.shape[-1]])
            )
    return tf.concat(vectors, axis=1)
