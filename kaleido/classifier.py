"""Classes from the [CLS] state (CR and SUB, paper section 4.3)."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence

import tensorflow as tf

from kaleido.layers.class_maps import ClassMaps
from kaleido.layers.encoder import initializer
from kaleido.layers.heads import level_means
from kaleido.models import Networks
from kaleido.patches import PatchLayout

_DROPOUT = 0.1


class Classifier:
    """A linear layer on the pooled [CLS] state of a pair, a text or a picture.

    Args:
        networks: the models; their layers are shared, not copied.
        num_classes: number of classes.
        inputs: what it sees: `both`, `text` or `picture`.
        layout: of the patches, if closed forms have a say, too.

    Attributes:
        layer: the linear layer, built, in float32.
        maps: the closed forms, built, in float32; None if none have a say.
        inputs: as given.
    """

    def __init__(
        self, networks: Networks, num_classes: int, inputs: str,
        layout: Optional[PatchLayout] = None,
    ):
        self._networks, self._layout = networks, layout
        self.inputs = inputs
        self._dropout = tf.keras.layers.Dropout(_DROPOUT)
        self.layer = tf.keras.layers.Dense(
            num_classes, kernel_initializer=initializer(), name="classifier",
            dtype="float32",
        )
        vocab_size, hidden_size = networks.text_embedding.words.shape
        # Rates are by name, which `build` alone does not give to variables.
        with tf.name_scope(self.layer.name):
            self.layer.build([None, hidden_size])
        self.maps = None
        if layout:
            features = networks.image.input["patch_features"].shape[-1]
            self.maps = ClassMaps(
                num_classes,
                0 if inputs == "text" else features * len(layout.levels),
                0 if inputs == "picture" else vocab_size,
            )

    @property
    def saved(self) -> Dict[str, tf.keras.layers.Layer]:
        """What it has of its own, by name in a checkpoint."""
        maps = {} if self.maps is None else {"maps": self.maps}
        return {"classifier": self.layer, **maps}

    def pooled(self, batch: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """Returns the pooled [CLS] state, [batch, hidden_size].

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
        return networks.joint.get_layer("pooler")(encoded[:, 0])

    def state(self, batch: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """Returns what the linear layer sees: the pooled state, with dropout.

        Args:
            batch, training: see `pooled`.
        """
        return self._dropout(self.pooled(batch, training), training=training)

    def logits(self, batch: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """Returns those of the [CLS] state, float32 [batch, num_classes].

        Args:
            batch, training: see `pooled`.
        """
        return self.layer(self.state(batch, training))

    def parts(self, batch: Mapping[str, tf.Tensor]) -> List[tf.Tensor]:
        """Returns what each has to say: `logits`, then the closed forms' if any, all
        float32 [batch, num_classes]."""
        said = [self.logits(batch, False)]
        if self.maps is not None:
            means = None
            if self.inputs != "text":
                levels = self._layout.levels
                means = level_means(batch["patch_features"], levels, levels)
            said += self.maps.parts(means, batch["token_ids"])
        return said

    @property
    def witnesses(self) -> List[str]:
        """Names of `parts`."""
        seen = {"both": ["picture", "text"]}.get(self.inputs, [self.inputs])
        return ["cls", *(seen if self.maps is not None else ())]

    def mix(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the logits of the answer, float32 [batch, num_classes]."""
        return parts[0] if self.maps is None else self.maps.mix(parts)

    def answer(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns `mix` of `parts`; takes what `logits` does."""
        return self.mix(self.parts(batch))
