"""Training of the saliency network: masked pictures, augmentation, loss.

The augmentations are those that make a mask network robust: scale, crop, flip,
rotation by 15 degrees at most, other backgrounds, colour, JPEG.
"""

from __future__ import annotations

import math
import time
from typing import Dict, Iterable, Sequence, Tuple

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa
from absl import logging
from PIL import Image

from kaleido.masked_pictures import MaskedPicture
from kaleido.saliency import SIDE

# Training pictures are kept a little larger than the input, for crops.
STORED_SIDE = 224
# Steps between two checkpoints.
EPOCH_STEPS = 250

_ROTATION = math.radians(15.0)
_ZOOM = (0.6, 1.2)  # side of the window on the picture, in sides of the picture
_SHIFT = 0.15
_PASTE_SHARE = 0.35
_JPEG_SHARE = 0.4

Stored = Dict[str, np.ndarray]


def store_pictures(pictures: Iterable[MaskedPicture], most: int) -> Stored:
    """Shrinks pictures and masks to `STORED_SIDE`, 0.2 MB each.

    Args:
        pictures: of `masked_pictures`.
        most: how many there are at most.

    Returns:
        `images` uint8 [n, s, s, 3] and `masks` uint8 [n, s, s].
    """
    side = (STORED_SIDE, STORED_SIDE)
    images = np.empty((most, *side, 3), np.uint8)
    masks = np.empty((most, *side), np.uint8)
    count = 0
    for picture in pictures:
        images[count] = Image.fromarray(picture.image).resize(side, Image.BOX)
        masks[count] = Image.fromarray(picture.mask).resize(side, Image.BOX)
        count += 1
    return {"images": images[:count], "masks": masks[:count]}


def make_dataset(
    pairs: Stored,
    batch_size: int,
    first_step: int,
    steps: int,
    seed: int,
    strength: float = 1.0,
) -> tf.data.Dataset:
    """Returns augmented batches of steps `first_step` to `steps` - 1.

    A step's batch depends on seed and step alone: a resumed run sees what an
    uninterrupted one would have seen.

    Args:
        pairs: of `store_pictures`.
        batch_size: pictures a step.
        first_step, steps: the range.
        seed: of order and augmentations.
        strength: of the augmentations, see `augment`.

    Returns:
        Pairs of float32 [batch, SIDE, SIDE, 3] in [0, 255] and float32
        [batch, SIDE, SIDE] in [0, 1].
    """
    count = len(pairs["images"])

    def take(places):
        return pairs["images"][places], pairs["masks"][places]

    per_epoch = max(count // batch_size, 1)

    def batch(step):
        epoch, part = step // per_epoch, step % per_epoch
        places = tf.range(part * batch_size, (part + 1) * batch_size, dtype=tf.int64)
        order = tf.random.experimental.index_shuffle(
            places % count,
            tf.stack([tf.constant(seed, tf.int64), epoch]), count - 1,
        )
        # Not a constant of the graph, which would be a second copy of all pictures.
        images, masks = tf.numpy_function(take, [order], (tf.uint8, tf.uint8))
        side = [batch_size, STORED_SIDE, STORED_SIDE]
        return augment(
            tf.ensure_shape(images, [*side, 3]), tf.ensure_shape(masks, side),
            tf.stack([tf.constant(seed, tf.int64), step]), strength,
        )

    dataset = tf.data.Dataset.range(first_step, steps)
    return dataset.map(batch, num_parallel_calls=2).prefetch(2)


def augment(
    images: tf.Tensor, masks: tf.Tensor, seed: tf.Tensor, strength: float = 1.0
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Returns other views of pictures and masks; see `make_dataset` for shapes.

    Args:
        images, masks: stored pictures.
        seed: int64 [2].
        strength: in [0, 1], of all changes but the flip; at 0 there is no other.
    """
    count = tf.shape(images)[0]

    def draw(stream, low=0.0, high=1.0, shape=()):
        stream_seed = tf.random.experimental.stateless_fold_in(seed, stream)
        return tf.random.stateless_uniform(
            [count, *shape], stream_seed, low, high
        )

    def shift(stream, most):
        return strength * draw(stream, -most, most)

    def scale(stream, low, high, shape=()):
        return 1.0 + strength * (draw(stream, low, high, shape) - 1.0)

    transforms = _windows(
        scale(1, *_ZOOM), shift(2, _ROTATION), tf.sign(draw(3) - 0.5),
        shift(4, _SHIFT), shift(5, _SHIFT),
    )
    stacked = tf.concat(
        [tf.cast(images, tf.float32), tf.cast(masks, tf.float32)[..., None]], axis=-1
    )
    # A mirror image beyond the edge would show a second object, mask and all.
    warped = tfa.image.transform(
        stacked, transforms, "bilinear", fill_mode="nearest", output_shape=(SIDE, SIDE)
    )
    pixels, mask = warped[..., :3], warped[..., 3:] / 255.0

    # A small piece of another picture, magnified, is a texture without objects.
    texture = tfa.image.transform(
        tf.cast(tf.roll(images, 1, axis=0), tf.float32),
        _windows(
            draw(6, 0.02, 0.2), draw(7, -3.0, 3.0), tf.ones([count]),
            draw(8, -0.4, 0.4), draw(9, -0.4, 0.4),
        ),
        "bilinear", fill_mode="reflect", output_shape=(SIDE, SIDE),
    )
    plain = draw(10, 60.0, 255.0, (1, 1, 1)) + draw(11, -20.0, 20.0, (1, 1, 3))
    ramp = tf.linspace(-1.0, 1.0, SIDE)[None, :, None, None]
    plain += ramp * draw(12, -30.0, 30.0, (1, 1, 1))
    backdrop = tf.where(_column(draw(13)) < 0.5, texture, plain)
    pasted = pixels * mask + tf.clip_by_value(backdrop, 0.0, 255.0) * (1.0 - mask)
    pixels = tf.where(_column(draw(14)) < strength * _PASTE_SHARE, pasted, pixels)

    grey = tf.reduce_mean(pixels, axis=-1, keepdims=True)
    pixels = grey + (pixels - grey) * _column(scale(15, 0.5, 1.4))
    middle = tf.reduce_mean(pixels, axis=(1, 2), keepdims=True)
    pixels = middle + (pixels - middle) * _column(scale(16, 0.7, 1.35))
    pixels *= _column(scale(17, 0.75, 1.25)) * scale(18, 0.92, 1.08, (1, 1, 3))
    pixels = tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, 255.0), tf.uint8)

    def compress(arguments):
        picture, quality = arguments
        return tf.image.adjust_jpeg_quality(picture, quality)

    chosen = tf.where(draw(19) < strength * _JPEG_SHARE)
    quality = tf.cast(draw(20, 25.0, 90.0), tf.int32)
    compressed = tf.map_fn(
        compress,
        (tf.gather_nd(pixels, chosen), tf.gather_nd(quality, chosen)),
        fn_output_signature=tf.TensorSpec([SIDE, SIDE, 3], tf.uint8),
    )
    pixels = tf.tensor_scatter_nd_update(pixels, chosen, compressed)
    return tf.cast(pixels, tf.float32), mask[..., 0]


def saliency_loss(truth: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy, heavier along the mask's edge, plus Dice loss.

    Args:
        truth: float32 [batch, side, side] in [0, 1].
        logits: float32 [batch, side, side].

    Returns:
        float32 [batch].
    """
    local = tf.nn.avg_pool2d(truth[..., None], 9, 1, "SAME")[..., 0]
    weight = 1.0 + 4.0 * tf.abs(local - truth)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    entropy = tf.reduce_sum(weight * entropy, (1, 2)) / tf.reduce_sum(weight, (1, 2))
    found = tf.sigmoid(logits)
    shared = tf.reduce_sum(truth * found, (1, 2))
    total = tf.reduce_sum(truth, (1, 2)) + tf.reduce_sum(found, (1, 2))
    return entropy + 1.0 - (2.0 * shared + 1.0) / (total + 1.0)


def _column(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def _windows(
    side: tf.Tensor, angle: tf.Tensor, flip: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor
) -> Sequence[tf.Tensor]:
    """Maps output pixels to a rotated, shifted window of the stored picture.

    Args:
        side, angle, flip, dx, dy: float32 [batch]; side and shifts in sides of
            the picture, flip 1 or -1.

    Returns:
        float32 [batch, 8], as `tfa.image.transform` takes them.
    """
    scale = side * STORED_SIDE / SIDE
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    a0, a1 = cosine * flip, -sine
    b0, b1 = sine * flip, cosine
    middle, target = (SIDE - 1) / 2.0, (STORED_SIDE - 1) / 2.0
    a2 = target + dx * STORED_SIDE - (a0 + a1) * middle
    b2 = target + dy * STORED_SIDE - (b0 + b1) * middle
    zero = tf.zeros_like(side)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


class _Saving(tf.keras.callbacks.Callback):
    """Keeps the training's state after each epoch, and says how it goes."""

    def __init__(self, manager: tf.train.CheckpointManager, epochs: int):
        super().__init__()
        self._manager, self._epochs = manager, epochs
        self._start = self._first = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._start is None:
            self._start, self._first = time.monotonic(), epoch

    def on_epoch_end(self, epoch, logs=None):
        self._manager.save(checkpoint_number=epoch + 1)
        seconds = (time.monotonic() - self._start) / (epoch + 1 - self._first)
        logging.info(
            "step %d/%d, loss %.4f, %.0f s left", (epoch + 1) * EPOCH_STEPS,
            self._epochs * EPOCH_STEPS, logs["loss"],
            seconds * (self._epochs - epoch - 1),
        )


def train_saliency(
    network: tf.keras.Model,
    pairs: Stored,
    workdir: str,
    epochs: int,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    seed: int = 0,
    strength: float = 1.0,
) -> None:
    """Trains a network in place; a run that was stopped goes on where it was.

    Its final weights are an exponential mean over the last steps; the moving means and
    variances of its normalisations are those of the last step's weights.

    Args:
        network: of `saliency.build_saliency_network`.
        pairs: of `store_pictures`.
        workdir: receives the checkpoints.
        epochs: epochs of `EPOCH_STEPS` steps each.
        batch_size: pictures a step.
        learning_rate: its peak; rises within an epoch, falls as a cosine.
        seed: of order and augmentations.
        strength: of the augmentations, see `augment`.
    """
    tf.keras.utils.set_random_seed(seed)
    steps = epochs * EPOCH_STEPS
    optimizer = tf.keras.optimizers.AdamW(
        tf.keras.optimizers.schedules.CosineDecay(
            0.0, steps - EPOCH_STEPS, 0.01, warmup_target=learning_rate,
            warmup_steps=EPOCH_STEPS,
        ),
        weight_decay=1e-4, global_clipnorm=1.0, use_ema=True, ema_momentum=0.998,
    )
    network.compile(optimizer, saliency_loss)
    optimizer.build(network.trainable_variables)
    checkpoint = tf.train.Checkpoint(network=network, optimizer=optimizer)
    manager = tf.train.CheckpointManager(checkpoint, workdir, max_to_keep=1)
    first = 0
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint)
        first = int(manager.latest_checkpoint.rsplit("-", 1)[1])
        logging.info("resumed at step %d", first * EPOCH_STEPS)
    if first < epochs:
        dataset = make_dataset(
            pairs, batch_size, first * EPOCH_STEPS, steps, seed, strength
        )
        network.fit(
            dataset, initial_epoch=first, epochs=epochs, steps_per_epoch=EPOCH_STEPS,
            verbose=0, callbacks=[_Saving(manager, epochs)],
        )
    optimizer.finalize_variable_values(network.trainable_variables)
