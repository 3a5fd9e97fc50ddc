"""The convolutional grid that captions attend to: the default backbone's stride 16."""

from __future__ import annotations

from typing import Callable

import numpy as np
import tensorflow as tf

from kaleido.backbones import BACKBONES, weights_fingerprint
from kaleido.freezing import freeze
from kaleido.patches import to_uint8

# Cells a side, and side of the picture in pixels.
GRID, INPUT_SIDE = 14, 224
_BACKBONE, _LAYER = "efficientnet_lite0", "block5c_add"


class GridExtractor:
    """Maps locked objects to grids of features.

    Attributes:
        channels: of the grid.
        fingerprint: of the weights.
    """

    def __init__(self):
        backbone = BACKBONES[_BACKBONE]
        network = backbone.build()
        backbone.load(network, None)
        pixels = tf.keras.Input((INPUT_SIDE, INPUT_SIDE, 3))
        x = (pixels - np.float32(backbone.mean)) / np.float32(backbone.scale)
        cut = tf.keras.Model(network.input, network.get_layer(_LAYER).output)
        model = tf.keras.Model(pixels, cut(x, training=False))
        self.channels = int(model.output_shape[-1])
        self.fingerprint = weights_fingerprint(cut)
        self._frozen: Callable[[tf.Tensor], tf.Tensor] = freeze(
            lambda crops: model(tf.cast(crops, tf.float32), training=False),
            [tf.TensorSpec([None, INPUT_SIDE, INPUT_SIDE, 3], tf.uint8)],
        )

    def __call__(self, crops: tf.Tensor) -> tf.Tensor:
        """uint8 [n, 224, 224, 3] -> float32 [n, GRID, GRID, channels]."""
        return tf.ensure_shape(
            self._frozen(crops), [None, GRID, GRID, self.channels]
        )


def object_crop(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Cuts the locked object out and resizes it, uint8 [224, 224, 3].

    Args:
        image: uint8 [height, width, 3].
        box: int32 [4], (x1, y1, x2, y2).
    """
    x1, y1, x2, y2 = tf.unstack(box)
    crop = image[y1:y2, x1:x2]
    return to_uint8(tf.image.resize(crop, (INPUT_SIDE, INPUT_SIDE), antialias=True))
