"""Classes from the [CLS] state (CR and SUB, paper section 4.3)."""

from __future__ import annotations

from typing import Mapping

import tensorflow as tf

from kaleido.layers.encoder import initializer
from kaleido.models import Networks

_DROPOUT = 0.1


class Classifier:
    """A linear layer on the pooled [CLS] state of a pair, a text or a picture.

    Args:
        networks: the models; their layers are shared, not copied.
        num_classes: number of classes.
        inputs: what it sees: `both`, `text` or `picture`.

    Attributes:
        layer: the linear layer, built, in float32.
        inputs: as given.
    """

    def __init__(self, networks: Networks, num_classes: int, inputs: str):
        self._networks = networks
        self.inputs = inputs
        self._dropout = tf.keras.layers.Dropout(_DROPOUT)
        self.layer = tf.keras.layers.Dense(
            num_classes, kernel_initializer=initializer(), name="classifier",
            dtype="float32",
        )
        # Rates are by name, which `build` alone does not give to variables.
        with tf.name_scope(self.layer.name):
            self.layer.build([None, networks.text_embedding.words.shape[1]])

    def logits(self, batch: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """Returns float32 [batch, num_classes].

        Args:
            batch: of `models.PAIR_INPUTS` those that it sees; `token_ids` always, of
                which [CLS] alone counts for pictures.
            training: whether dropout is on.
        """
        networks, token_ids = self._networks, batch["token_ids"]
        states, visible = [], []
        if self.inputs == "picture":
            # [CLS] and nothing else of the text.
            token_ids = token_ids[:, :1]
        states.append(networks.text_embedding(token_ids, training=training))
        visible.append(tf.not_equal(token_ids, 0))
        if self.inputs != "text":
            patches = networks.patch_embedding(
                batch["patch_features"], batch["patch_positions"], training=training
            )
            states.append(patches)
            visible.append(tf.ones(tf.shape(patches)[:2], tf.bool))
        encoded = networks.encode(
            tf.concat(states, 1), tf.concat(visible, 1), training
        )
        pooled = networks.joint.get_layer("pooler")(encoded[:, 0])
        return self.layer(self._dropout(pooled, training=training))
