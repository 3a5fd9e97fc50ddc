"""Saliency network of the KPG (paper section 3.1): a small U-Net.

Its encoder is the default backbone, cut before its widest layers; its weights
come with the package, so that a shop's pictures need no training.
"""

from __future__ import annotations

import os
from typing import Callable, Optional

import numpy as np
import tensorflow as tf

from kaleido.backbones import BACKBONES
from kaleido.foreground import MASK_SIDE, main_regions
from kaleido.freezing import freeze
from kaleido.weights_file import load_weights

# Pictures are squeezed into a square of this side, in pixels.
SIDE = MASK_SIDE
PACKAGED = os.path.join(os.path.dirname(__file__), "weights", "saliency.npz")

_ENCODER = "efficientnet_lite0"
# Where the encoder's features of strides 2, 4, 8, 16 and 32 leave it. What
# comes after (320 and 1,280 channels) costs half of its weights and adds nothing.
_SKIPS = ("block1a_project_bn", "block2b_add", "block3b_add", "block5c_add")
_DEEPEST = "block6d_add"
# Channels of the decoder, from stride 16 down to stride 2.
_CHANNELS = (96, 64, 48, 32)


def build_saliency_network(pretrained: bool = True) -> tf.keras.Model:
    """Returns the U-Net, from pictures to logits.

    The last layer predicts a 2 x 2 block for each position of stride 2, so that
    edges are as sharp as the input.

    Args:
        pretrained: whether the encoder starts from its ImageNet weights.

    Returns:
        float32 [batch, SIDE, SIDE, 3] in [0, 255] RGB -> logits float32
        [batch, SIDE, SIDE]. The encoder's BatchNorms keep their statistics.
    """
    backbone = BACKBONES[_ENCODER]
    network = backbone.build()
    if pretrained:
        backbone.load(network, None)
    ends = [network.get_layer(name).output for name in (*_SKIPS, _DEEPEST)]
    encoder = tf.keras.Model(network.input, ends, name="encoder")
    for layer in encoder.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.trainable = False
    pixels = tf.keras.Input((SIDE, SIDE, 3), name="pixels")
    x = (pixels - np.float32(backbone.mean)) / np.float32(backbone.scale)
    *skips, x = encoder(x)
    for stage, (skip, channels) in enumerate(zip(reversed(skips), _CHANNELS)):
        x = tf.keras.layers.UpSampling2D(interpolation="bilinear")(x)
        x = tf.keras.layers.Concatenate()([x, skip])
        for half in "ab":
            name = f"decoder{stage}{half}"
            x = tf.keras.layers.SeparableConv2D(
                channels, 3, padding="same", use_bias=False, name=name
            )(x)
            x = tf.keras.layers.BatchNormalization(name=f"{name}_bn")(x)
            x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.Conv2D(4, 3, padding="same", name="blocks")(x)
    x = tf.nn.depth_to_space(x, 2)
    return tf.keras.Model(pixels, x[..., 0], name="saliency")


def load_saliency(path: Optional[str] = None) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the trained network as a function for use inside graphs.

    Args:
        path: a weights file; None takes the packaged one.

    Returns:
        A function of squeezed pictures, float32 [batch, SIDE, SIDE, 3] ->
        probability of foreground, float32 [batch, SIDE, SIDE], of what
        `main_regions` keeps.

    Raises:
        FileNotFoundError, ValueError: see `weights_file.load_weights`.
    """
    network = build_saliency_network(pretrained=False)
    load_weights(network, path or PACKAGED)
    frozen = freeze(
        lambda pixels: tf.sigmoid(network(pixels, training=False)),
        [tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)],
    )
    return lambda small: main_regions(
        tf.ensure_shape(frozen(small), [None, SIDE, SIDE])
    )


def squeeze(image: tf.Tensor) -> tf.Tensor:
    """Resizes a picture to the network's square, float32 [SIDE, SIDE, 3]."""
    return tf.image.resize(image, (SIDE, SIDE), antialias=True)
