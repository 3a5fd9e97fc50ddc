"""Graphs whose variables are constants: what runs often and learns nothing."""

from __future__ import annotations

from typing import Callable, Dict, Sequence

import tensorflow as tf


def freeze(
    call: Callable[..., tf.Tensor], signature: Sequence[tf.TensorSpec]
) -> Callable[..., tf.Tensor]:
    """Traces a function and turns its variables into constants.

    The graph optimiser can then fold what depends on weights alone:
    BatchNorms, casts to half precision, the layout that a kernel wants.

    Args:
        call: from tensors to one tensor.
        signature: of its arguments.

    Returns:
        A function of the same arguments. Later changes of the variables do not
        reach it.
    """
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    traced = tf.function(call, input_signature=list(signature))
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    return lambda *arguments: frozen(*arguments)[0]


def freeze_model(
    model: tf.keras.Model,
) -> Callable[[Dict[str, tf.Tensor]], tf.Tensor]:
    """Freezes a model that takes a dict and returns one tensor.

    Args:
        model: the model, called as in inference.

    Returns:
        A function of such a dict.
    """
    names = list(model.input)

    def call(*values):
        return model(dict(zip(names, values)), training=False)

    entries = [model.input[name] for name in names]
    frozen = freeze(call, [tf.TensorSpec(e.shape, e.dtype) for e in entries])
    return lambda batch: frozen(*(batch[name] for name in names))
