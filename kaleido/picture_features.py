"""Pictures to patch features: the KPG from encoded bytes to vectors, in the graph.

Preprocessing and serving share it.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping

import tensorflow as tf

from kaleido import patches
from kaleido.records import RecordSpec


def crop_picture(
    image: tf.Tensor, box: tf.Tensor, spec: RecordSpec, clean_only: bool = False
) -> Dict[str, tf.Tensor]:
    """Cuts the patches of one picture.

    Args:
        image: uint8 [height, width, 3], see `patches.decode_picture`.
        box: int32 [4], of `foreground.lock_object`.
        spec: layout and sizes of the crops.
        clean_only: see `patches.extract_crops`.

    Returns:
        `picture_size` int32 [2], height and width; and the crops of
        `patches.extract_crops`.
    """
    crops = patches.extract_crops(
        image, box, spec.patch_layout, spec.crop_size, spec.whole_crop_size, clean_only
    )
    return {"picture_size": tf.shape(image)[:2], **crops}


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
