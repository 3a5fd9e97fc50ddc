"""The training step under `model.fit`, whatever is learnt."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Tuple

import tensorflow as tf

from kaleido.losses import Summed


class Trainer(tf.keras.Model):
    """Trains on one or more losses, each a mean over the global batch's targets.

    A subclass gives `losses_of`, and keeps what it trains as attributes.

    Args:
        weights: factor of each loss, by name, in the order they are logged.

    Attributes:
        step: batches trained on; also those that `mixed_float16` left out.
        all: names of all losses.
        active: of those, the ones that count from `step` on.
        passes: once compiled, `functions` by name, by XLA where it was asked for.
    """

    def __init__(self, weights: Mapping[str, float], **kwargs):
        super().__init__(**kwargs)
        self.step = 0
        self.all: Tuple[str, ...] = tuple(weights)
        self.active = self.all
        self._weights_of = dict(weights)
        self._means = {"loss": tf.keras.metrics.Mean("loss")}
        for name in self.active:
            for what in ("loss", "accuracy"):
                self._means[f"{name}_{what}"] = tf.keras.metrics.Mean(f"{name}_{what}")

    def compile(self, optimizer, jit_compile: bool = False, **kwargs):
        """As Keras', but that XLA is asked to compile passes, not the whole step.

        The exchange between replicas (gathered vectors, summed gradients) lies outside
        of what it compiles, and so runs on any device.
        """
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)
        self.passes = {
            name: tf.function(function, jit_compile=True) if jit_compile else function
            for name, function in self.functions.items()
        }

    @property
    def functions(self) -> Mapping[str, Callable]:
        """The networks' passes, which `losses_of` takes from `self.passes`."""
        raise NotImplementedError

    @property
    def metrics(self) -> List[tf.keras.metrics.Metric]:
        # All, at all times: `fit` resets what it finds here at each epoch.
        return list(self._means.values())

    def losses_of(
        self, batch: Mapping[str, tf.Tensor], training: bool
    ) -> Dict[str, Summed]:
        """Returns the summed losses of what is active, on this replica."""
        raise NotImplementedError

    @property
    def saved(self) -> Dict[str, tf.Module]:
        """What a checkpoint holds, beside the optimiser."""
        raise NotImplementedError

    def set_step(self, step: int) -> bool:
        """Goes to a step; True if other losses count from there on."""
        self.step = step
        return False

    def _total(self, summed: Mapping[str, Summed]) -> tf.Tensor:
        """Weighted sum of means over the global batch's targets.

        Replicas' gradients are summed, so each divides by the global count.
        """
        names = list(summed)
        counts = tf.stack([summed[name].count for name in names])
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            counts = context.all_reduce(tf.distribute.ReduceOp.SUM, counts)
        total = 0.0
        for index, name in enumerate(names):
            mean = summed[name].loss / tf.maximum(counts[index], 1.0)
            total += self._weights_of[name] * mean
        return total

    def _update_means(self, summed, total) -> Dict[str, tf.Tensor]:
        context = tf.distribute.get_replica_context()
        # `total` is this replica's share of a sum over replicas.
        self._means["loss"].update_state(total * context.num_replicas_in_sync)
        for name, (loss, count, correct) in summed.items():
            for what, value in (("loss", loss), ("accuracy", correct)):
                self._means[f"{name}_{what}"].update_state(
                    tf.math.divide_no_nan(value, count), sample_weight=count
                )
        logged = ["loss"] + [f"{n}_{w}" for n in summed for w in ("loss", "accuracy")]
        return {name: self._means[name].result() for name in logged}

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            summed = self.losses_of(batch, training=True)
            total = self._total(summed)
            scaled = total
            if isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
                scaled = self.optimizer.get_scaled_loss(total)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        if scaled is not total:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        # Heads of what is not active have no gradient.
        self.optimizer.apply_gradients(
            (g, v) for g, v in zip(gradients, variables) if g is not None
        )
        return self._update_means(summed, total)

    def test_step(self, batch):
        summed = self.losses_of(batch, training=False)
        return self._update_means(summed, self._total(summed))
