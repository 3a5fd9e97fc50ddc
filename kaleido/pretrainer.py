"""Pre-training of all tasks at once (paper, section 3.4)."""

from __future__ import annotations

from typing import Dict

import tensorflow as tf

from kaleido import losses, pair_training
from kaleido.config import Config
from kaleido.models import Networks
from kaleido.trainer import Trainer


class Pretrainer(Trainer):
    """Trains the networks on the tasks of a configuration, from their steps on.

    Args:
        networks: what to train.
        config: the experiment.
    """

    def __init__(self, networks: Networks, config: Config, **kwargs):
        weights = {name: task.weight for name, task in config.active_tasks().items()}
        super().__init__(weights, **kwargs)
        self.networks = networks
        self.joint = networks.joint
        self.text = networks.text
        self.image = networks.image
        self.config = config

    @property
    def functions(self) -> Dict[str, tf.keras.Model]:
        return self.saved

    @property
    def saved(self) -> Dict[str, tf.keras.Model]:
        return {"joint": self.joint, "text": self.text, "image": self.image}

    def call(self, inputs, training=False):
        return self.joint(inputs, training=training)

    def set_step(self, step: int) -> bool:
        self.step = step
        active = tuple(
            name for name, task in self.config.active_tasks().items()
            if task.start_step <= step
        )
        changed = active != self.active
        self.active = active
        return changed

    def losses_of(self, batch, training: bool) -> Dict[str, losses.Summed]:
        settings = self.config.training
        mined = settings.mined_negatives > 0 and "itm" in self.active
        summed = {}
        if mined or {"contrastive", "fusion"} & set(self.active):
            compared = pair_training.compare(
                batch, self.passes["text"], self.passes["image"],
                self.networks.contrastive.scale, training,
            )
            if "contrastive" in self.active:
                summed["contrastive"] = compared.loss
            if mined:
                batch = pair_training.swap_mined(
                    batch, compared, settings.mined_negatives
                )
        if settings.mined_negatives > 0 and not mined:
            # Nobody swapped the texts that were to be swapped here.
            matched = tf.ones_like(batch["matched"])
            batch = {**batch, "matched": matched, "similarity": 0.0 * matched}
        joint_tasks = [task for task in self.active if task != "contrastive"]
        if joint_tasks:
            inputs = {name: batch[name] for name in self.joint.input}
            outputs = self.passes["joint"](inputs, training=training)
            summed.update(
                losses.joint_losses(
                    outputs, batch, joint_tasks, settings.aux_loss_on_negatives
                )
            )
            if "fusion" in self.active:
                summed["fusion"] = pair_training.fusion_loss(
                    outputs["fusion"], batch, compared,
                    self.networks.contrastive.scale,
                )
        return summed
