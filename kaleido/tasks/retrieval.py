"""Picture to text and text to picture (ITR and TIR, paper section 4.3)."""

from __future__ import annotations

import dataclasses
from typing import Dict, List

import tensorflow as tf

from kaleido import losses, negatives, pair_training
from kaleido.config import Config, TaskConfig
from kaleido.distribution import first_row
from kaleido.finetuning_config import FinetuningConfig
from kaleido.models import PAIR_INPUTS
from kaleido.pools import rankable_pairs
from kaleido.tasks.task import Task

# Share of the lists that are ranked without knowing the contrastive similarity: on
# training pairs it is right too often to leave the match head anything to learn.
_ALONE = 0.5


class Retrieval(Task):
    """Learns to rank: contrastive over the batch, and short lists by the match head.

    A list holds the own partner and `config.lists` wrong ones that the contrastive
    view finds most similar; without that view, of the same sub-category. The match
    head learns to put the own one first (softmax over the list), which is what a
    ranking asks of it, more than to say yes or no.
    `experiments.evaluate` says what it is worth.
    """

    def __init__(self, networks, config, run, records):
        names = ("lists",)
        if "contrastive" in run.active_tasks():
            names = ("contrastive", *names)
        super().__init__(networks, config, run, records, {n: 1.0 for n in names})
        self.chosen_by = ([f"val_{name}_accuracy" for name in names], True)
        joint = networks.joint
        self._has_similarity = "similarity" in joint.input
        wanted = (*PAIR_INPUTS, *["similarity"] * self._has_similarity)
        # Only the match logit is wanted; the graph leaves out the other heads.
        self.match = tf.keras.Model(
            {name: joint.input[name] for name in wanted}, joint.output["itm"]
        )

    def losses_of(self, batch, training: bool) -> Dict[str, losses.Summed]:
        batch = {
            **batch,
            "clean_token_ids": batch["token_ids"],
            "clean_features": batch["patch_features"],
        }
        wrong = negatives.foreign(batch)
        summed = {}
        if "contrastive" in self.active:
            compared = pair_training.compare(
                batch, self.passes["text"], self.passes["image"],
                self.networks.contrastive.scale, training,
            )
            summed["contrastive"] = compared.loss
            first, count = first_row(batch["token_ids"]), tf.shape(wrong)[0]
            # Lists are of this replica's pairs.
            near = cosines = compared.similarity[:, first : first + count]
        else:
            keys = batch["subcategory_key"]
            near = tf.cast(tf.equal(keys[:, None], keys[None]), tf.float32)
            cosines = tf.zeros_like(near)
        logits = self._score_lists(batch, wrong, near, cosines, training)
        summed["lists"] = losses.classification(
            logits, tf.zeros_like(logits[:, 0], tf.int32), tf.ones_like(logits[:, 0])
        )
        return summed

    def _score_lists(self, batch, wrong, near, cosines, training) -> tf.Tensor:
        """Match logits float32 [anchors, 1 + lists], the own pair's first."""
        count, size = tf.shape(wrong)[0], self.config.lists
        by_text = self.config.task == "tir"
        if by_text:
            near = tf.transpose(near)
        # As many pairs as the batch holds, from all over it: groups stand together.
        anchors = tf.range(0, count - count % (size + 1), size + 1)
        wrong, near = tf.gather(wrong, anchors), tf.gather(near, anchors)
        candidates = pair_training.similar_wrong(near, wrong, pair_training.MINED_AMONG)
        # Validation asks for the most similar ones, training for any of them.
        drawn = near + 1.0
        if training:
            of_lists, of_similarity = self._seeds()
            drawn = tf.random.stateless_uniform(tf.shape(near), of_lists)
            if "contrastive" not in self.active:
                # A sub-category is not ranked: all of it comes before the others.
                drawn += near
        drawn = tf.where(candidates, drawn, -1.0)
        # A replica's last batch may hold fewer than a list does.
        drawn = tf.pad(drawn, [[0, 0], [0, size]], constant_values=-1.0)
        best, others = tf.math.top_k(drawn, size)
        others = tf.minimum(others, tf.maximum(count - 1, 0))
        partners = tf.concat([anchors[:, None], others], axis=1)
        owners = tf.broadcast_to(anchors[:, None], tf.shape(partners))
        pictures, texts = (partners, owners) if by_text else (owners, partners)
        pictures, texts = tf.reshape(pictures, [-1]), tf.reshape(texts, [-1])
        inputs = {
            "token_ids": tf.gather(batch["token_ids"], texts),
            "patch_features": tf.gather(batch["patch_features"], pictures),
            "patch_positions": tf.gather(batch["patch_positions"], pictures),
        }
        if self._has_similarity:
            pairs = tf.stack([pictures, texts], axis=1)
            similarity = tf.gather_nd(cosines, pairs)
            if training:
                alone = tf.random.stateless_uniform(tf.shape(anchors), of_similarity)
                alone = alone < _ALONE
                alone = tf.repeat(alone, size + 1)
                similarity = tf.where(alone, 0.0, similarity)
            inputs["similarity"] = similarity
        logits = self.passes["match"](inputs, training=training)
        logits = tf.reshape(logits, tf.shape(partners))
        # Where a batch holds too few wrong ones the list is shorter.
        there = tf.concat([tf.ones_like(best[:, :1], tf.bool), best >= 0], axis=1)
        return tf.where(there, logits, -1e9)

    def _seeds(self) -> List[tf.Tensor]:
        """Returns two seeds of this step and replica, int32 [2] each.

        A run that goes on finds them again: the optimiser knows the step.
        """
        step = tf.cast(self.optimizer.iterations, tf.int32)
        seed = tf.stack([self.config.training.seed, step])
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.random.experimental.stateless_fold_in(seed, replica)
        return tf.unstack(tf.random.experimental.stateless_split(seed, 2))

    @classmethod
    def check_split(cls, task, records, split) -> None:
        rankable_pairs(records, split)

    @property
    def functions(self):
        return {"text": self.text, "image": self.image, "match": self.match}


def scoring_config(run: Config, config: FinetuningConfig) -> Config:
    """Returns the configuration of a run whose networks score pairs, no more."""
    names = [name for name in ("contrastive", "itm") if name in run.active_tasks()]
    tasks = {name: TaskConfig() for name in dict.fromkeys([*names, "itm"])}
    training = dataclasses.replace(
        run.training, precision=config.training.precision
    )
    return dataclasses.replace(run, data=config.data, training=training, tasks=tasks)
