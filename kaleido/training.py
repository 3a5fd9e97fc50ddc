"""Pre-training under `model.fit`: the step, the optimiser, the schedule."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

import tensorflow as tf

from kaleido import losses as task_losses
from kaleido import negatives
from kaleido.config import Config, TrainingConfig
from kaleido.models import Networks
from kaleido.optimizers import RatedAdamW

# Mined negatives are drawn among this many most similar wrong texts.
MINED_AMONG = 24


class Pretrainer(tf.keras.Model):
    """Trains the networks on all tasks at once.

    `jit_compile` compiles the passes of the networks, not the whole step: the
    exchange between replicas (gathered vectors, summed gradients) lies outside
    of what XLA compiles, and so runs on any device.

    Args:
        networks: what to train.
        config: the experiment.

    Attributes:
        step: batches trained on; also those that `mixed_float16` left out.
        active: names of the tasks that count from `step` on.
    """

    def __init__(self, networks: Networks, config: Config, **kwargs):
        super().__init__(**kwargs)
        self.networks = networks
        self.joint = networks.joint
        self.text = networks.text
        self.image = networks.image
        self.config = config
        self.step = 0
        self.active: Tuple[str, ...] = tuple(config.active_tasks())
        self._means = {"loss": tf.keras.metrics.Mean("loss")}
        for task in self.active:
            for what in ("loss", "accuracy"):
                name = f"{task}_{what}"
                self._means[name] = tf.keras.metrics.Mean(name)

    def compile(self, optimizer, jit_compile: bool = False, **kwargs):
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)
        self._passes = {
            name: tf.function(model, jit_compile=True) if jit_compile else model
            for name, model in (
                ("joint", self.joint), ("text", self.text), ("image", self.image),
            )
        }

    @property
    def metrics(self) -> List[tf.keras.metrics.Metric]:
        # All, at all times: `fit` resets what it finds here at each epoch.
        return list(self._means.values())

    def call(self, inputs, training=False):
        return self.joint(inputs, training=training)

    def set_step(self, step: int) -> bool:
        """Goes to a step; True if other tasks count from there on."""
        self.step = step
        active = tuple(
            name for name, task in self.config.active_tasks().items()
            if task.start_step <= step
        )
        changed = active != self.active
        self.active = active
        return changed

    def _contrastive(self, batch, training):
        """Contrastive loss, and this replica's similarities to all texts."""
        text = self._passes["text"](
            {"token_ids": batch["clean_token_ids"]}, training=training
        )
        image = self._passes["image"](
            {
                "patch_features": batch["clean_features"],
                "patch_positions": batch["patch_positions"],
            },
            training=training,
        )
        keys = {name: batch[name] for name in negatives.PAIR_KEYS}
        all_text, all_image, all_keys = _all_rows((text, image, keys))
        offset = _first_row(text)
        scale = self.networks.contrastive.scale
        both = [
            task_losses.contrastive(mine, theirs, scale, keys, all_keys, offset)
            for mine, theirs in ((text, all_image), (image, all_text))
        ]
        summed = task_losses.Summed(*(a + b for a, b in zip(*both)))
        similarity = tf.matmul(image, all_text, transpose_b=True)
        return summed, tf.stop_gradient(similarity), all_keys

    def _swap_mined(self, batch, similarity, all_keys):
        """Gives the unmatched rows a wrong text, most often a similar one."""
        texts = _all_rows({name: batch[name] for name in negatives.TEXT_FIELDS})
        wrong = negatives.foreign(batch, all_keys)
        ranked = tf.where(wrong, similarity, -2.0)
        among = tf.minimum(MINED_AMONG, tf.shape(ranked)[1])
        least = tf.math.top_k(ranked, among).values[:, -1:]
        similar = tf.logical_and(wrong, ranked >= least)
        mined = batch["mine_draw"] < self.config.training.mined_negatives
        valid = tf.where(mined[:, None], similar, wrong)
        partner = negatives.choose(valid, batch["partner_draw"])
        own = _first_row(partner) + tf.range(tf.shape(partner)[0])
        stays = tf.logical_or(batch["matched"] > 0.5, partner < 0)
        partner = tf.where(stays, own, partner)
        return {
            **negatives.swap_texts(batch, partner, texts),
            "matched": tf.cast(stays, tf.float32),
            "similarity": tf.gather(similarity, partner, batch_dims=1),
        }

    def losses_of(self, batch, training: bool) -> Dict[str, task_losses.Summed]:
        """Returns the summed losses of the active tasks on this replica."""
        mined = self.config.training.mined_negatives > 0 and "itm" in self.active
        summed = {}
        if "contrastive" in self.active or mined:
            loss, similarity, keys = self._contrastive(batch, training)
            if "contrastive" in self.active:
                summed["contrastive"] = loss
            if mined:
                batch = self._swap_mined(batch, similarity, keys)
        if self.config.training.mined_negatives > 0 and not mined:
            # Nobody swapped the texts that were to be swapped here.
            matched = tf.ones_like(batch["matched"])
            batch = {**batch, "matched": matched, "similarity": 0.0 * matched}
        joint_tasks = [task for task in self.active if task != "contrastive"]
        if joint_tasks:
            inputs = {name: batch[name] for name in self.joint.input}
            outputs = self._passes["joint"](inputs, training=training)
            summed.update(
                task_losses.joint_losses(
                    outputs, batch, joint_tasks,
                    self.config.training.aux_loss_on_negatives,
                )
            )
        return summed

    def _total(self, summed: Mapping[str, task_losses.Summed]) -> tf.Tensor:
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
            weight = self.config.tasks[name].weight
            total += weight * summed[name].loss / tf.maximum(counts[index], 1.0)
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
        # Heads of tasks that are not active have no gradient.
        self.optimizer.apply_gradients(
            (g, v) for g, v in zip(gradients, variables) if g is not None
        )
        return self._update_means(summed, total)

    def test_step(self, batch):
        summed = self.losses_of(batch, training=False)
        return self._update_means(summed, self._total(summed))


def _all_rows(values):
    """Joins the rows of all replicas, for each of them: any structure of tensors."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    # Inputs lie on no device that the exchange could read off them; copies do.
    return tf.nest.map_structure(
        lambda value: context.all_gather(tf.identity(value), axis=0), values
    )


def _first_row(local: tf.Tensor) -> tf.Tensor:
    """Row of the gathered tensor at which this replica's begins, int32 scalar.

    The last batch of a validation may hold fewer rows on some replicas.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tf.constant(0)
    rows = _all_rows(tf.shape(local)[:1])
    earlier = tf.range(tf.size(rows)) < context.replica_id_in_sync_group
    return tf.reduce_sum(tf.where(earlier, rows, 0))


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


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one of its job that writes files."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.cluster_spec().as_dict():
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker" and resolver.task_id == 0
        and "chief" not in resolver.cluster_spec().as_dict()
    )


def share_weights(strategy: tf.distribute.Strategy, variables) -> None:
    """Gives every replica the first one's values.

    Variables that each worker computed for itself (closed forms, files) may
    differ in their last digits; training would never notice.
    """
    variables = list(variables)

    @tf.function
    def first_values():
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        mine = [tf.where(is_first, v, tf.zeros_like(v)) for v in variables]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    for variable, value in zip(variables, strategy.run(first_values)):
        variable.assign(strategy.experimental_local_results(value)[0])


def make_strategy(name: str, devices: Sequence[str] = ()) -> tf.distribute.Strategy:
    """Returns a distribution strategy by its flag name.

    Args:
        name: `one_device`, `mirrored` (all GPUs of this machine) or
            `multi_worker` (TF_CONFIG says who takes part).
        devices: devices to use instead of all.

    Raises:
        ValueError: if the name is unknown.
    """
    if name == "one_device":
        has_gpu = bool(tf.config.list_logical_devices("GPU"))
        default = "/gpu:0" if has_gpu else "/cpu:0"
        return tf.distribute.OneDeviceStrategy(devices[0] if devices else default)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(list(devices) or None)
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(
        "The strategy must be one_device, mirrored or multi_worker. "
        f"Received: {name!r}"
    )
