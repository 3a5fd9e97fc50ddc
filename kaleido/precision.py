"""What a configuration's precision is on the device at hand."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Iterator, TypeVar

import tensorflow as tf
from absl import logging

from kaleido.processor import cpu_flags

_Trained = TypeVar("_Trained")

# Arithmetic of x86 processors, as Linux names it.
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
# Ampere, the first GPUs with bfloat16.
_GPU_CAPABILITY = (8, 0)


def set_precision(precision: str) -> None:
    """Sets Keras' global policy.

    Args:
        precision: see `device_precision`.
    """
    policy = device_precision(precision)
    if policy != precision:
        logging.info("precision: %s, by what the device has", policy)
    tf.keras.mixed_precision.set_global_policy(policy)


def device_precision(precision: str) -> str:
    """Returns the Keras policy that a precision is on the device at hand.

    Args:
        precision: a policy, or `auto`: `mixed_bfloat16` where the device has
            arithmetic for it, else `float32`, which is then faster than imitating it.
    """
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if has_bfloat16() else "float32"


def on_this_device(config: _Trained) -> _Trained:
    """Returns a configuration with what its precision is here.

    Figures of two devices do not stand in one table unless that is equal.

    Args:
        config: a frozen one with a `training.precision`.
    """
    policy = device_precision(config.training.precision)
    training = dataclasses.replace(config.training, precision=policy)
    return dataclasses.replace(config, training=training)


@contextlib.contextmanager
def whole_float32() -> Iterator[None]:
    """Computes in float32 and nothing less; afterwards all is as it was set.

    Keras' policy is float32, and matrix products of newer GPUs keep the whole mantissa,
    not the ten bits that they have unless told otherwise.
    """
    policy = tf.keras.mixed_precision.global_policy()
    short = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.keras.mixed_precision.set_global_policy("float32")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
        tf.config.experimental.enable_tensor_float_32_execution(short)


def has_bfloat16() -> bool:
    """Whether all GPUs, or without one the CPU, multiply in bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        return all(
            # ROCm, which has no such number, has bfloat16.
            gpu.get("compute_capability", _GPU_CAPABILITY) >= _GPU_CAPABILITY
            for gpu in details
        )
    return not _CPU_FLAGS.isdisjoint(cpu_flags())
