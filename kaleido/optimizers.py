"""AdamW with rates by layer, warm-up and decay of the rate."""

from __future__ import annotations

from typing import Mapping

import tensorflow as tf

from kaleido.config import TrainingConfig


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


@tf.keras.utils.register_keras_serializable("kaleido")
class WarmUpDecay(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to a peak, then linear, cosine or no decay.

    Args:
        peak: the highest rate.
        warmup_steps: steps until it is reached.
        steps: where linear and cosine decay reach zero.
        decay: `linear`, `cosine` or `constant`.
    """

    def __init__(self, peak: float, warmup_steps: int, steps: int, decay: str):
        self._config = {
            "peak": peak, "warmup_steps": warmup_steps, "steps": steps, "decay": decay,
        }
        left = max(steps - warmup_steps, 1)
        schedules = tf.keras.optimizers.schedules
        self._after = {
            "linear": schedules.PolynomialDecay(peak, left, 0.0),
            "cosine": schedules.CosineDecay(peak, left),
            "constant": lambda step: peak,
        }[decay]

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        warmup = float(self._config["warmup_steps"])
        rising = self._config["peak"] * (step + 1.0) / max(warmup, 1.0)
        return tf.where(step < warmup, rising, self._after(step - warmup))

    def get_config(self):
        return dict(self._config)


# LayerNorms and biases are not decayed (BERT), nor are learnt scalars.
_NOT_DECAYED = ("norm", "bias", "beta", "gamma", "scale", "threshold")


def make_optimizer(config: TrainingConfig) -> tf.keras.optimizers.Optimizer:
    """Returns AdamW with warm-up, decay and clipping."""
    optimizer = RatedAdamW(
        WarmUpDecay(
            config.learning_rate, config.warmup_steps, config.steps, config.decay
        ),
        weight_decay=config.weight_decay,
        beta_2=config.beta_2,
        epsilon=config.epsilon,
        global_clipnorm=config.clip_norm or None,
        rates=config.rates,
    )
    optimizer.exclude_from_weight_decay(var_names=list(_NOT_DECAYED))
    if config.precision == "mixed_float16":
        return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
