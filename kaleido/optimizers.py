"""AdamW whose steps can be longer for some variables than for others."""

from __future__ import annotations

from typing import Sequence

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("kaleido")
class RatedAdamW(tf.keras.optimizers.AdamW):
    """AdamW with a multiple of the learning rate for some layers.

    Heads begin from nothing (or from closed forms that the encoder moves away
    from) beside an encoder that was trained before; at one rate for both they
    lag behind.

    Args:
        *args, **kwargs: of Keras' AdamW.
        fast: names; a variable whose path holds one of them is fast.
        rate: multiple of the learning rate for these.
    """

    def __init__(self, *args, fast: Sequence[str] = (), rate: float = 1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self._fast, self._rate = tuple(fast), rate

    def _is_fast(self, variable) -> bool:
        return any(part in self._fast for part in variable.name.split("/"))

    def update_step(self, gradient, variable):
        if self._rate == 1.0 or not self._is_fast(variable):
            super().update_step(gradient, variable)
            return
        before = tf.identity(variable)
        super().update_step(gradient, variable)
        with tf.control_dependencies([before]):
            variable.assign(before + self._rate * (variable - before))

    def get_config(self):
        return {**super().get_config(), "fast": self._fast, "rate": self._rate}
