"""AdamW whose steps can be longer for some variables than for others."""

from __future__ import annotations

from typing import Mapping

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("kaleido")
class RatedAdamW(tf.keras.optimizers.AdamW):
    """AdamW with a multiple of the learning rate for some layers.

    Adam's steps have one size whatever the gradient's. Layers that start from
    nothing beside a trained encoder want longer ones; a map that sums thousands
    of features, or that starts from a least-squares fit, wants shorter ones.

    Args:
        *args, **kwargs: of Keras' AdamW.
        rates: multiples of the learning rate by layer name; a variable takes
            that of the first part of its path that is named.
    """

    def __init__(self, *args, rates: Mapping[str, float] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self._rates = dict(rates or {})

    def _rate(self, variable) -> float:
        named = [p for p in variable.name.split("/") if p in self._rates]
        return self._rates[named[0]] if named else 1.0

    def update_step(self, gradient, variable):
        rate = self._rate(variable)
        if rate == 1.0:
            super().update_step(gradient, variable)
            return
        before = tf.identity(variable)
        super().update_step(gradient, variable)
        with tf.control_dependencies([before]):
            variable.assign(before + rate * (variable - before))

    def get_config(self):
        return {**super().get_config(), "rates": self._rates}
