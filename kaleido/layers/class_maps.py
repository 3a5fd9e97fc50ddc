"""What closed forms know of classes, beside the [CLS] state. Not in the paper."""

from __future__ import annotations

from typing import List, Optional, Sequence

import tensorflow as tf

from kaleido.layers.lexical import PieceSums


@tf.keras.utils.register_keras_serializable("kaleido")
class ClassMaps(tf.keras.layers.Layer):
    """Adds the logits of linear maps to those of the [CLS] state, each with a weight.

    One map is of a picture's level means, one of the set of a text's word pieces.
    Nothing is trained by gradient, see `class_map.py`; as it is built [CLS] alone has
    a say.

    Args:
        num_classes: number of classes.
        feature_size: length of level means; 0 where pictures are not seen.
        vocab_size: number of word pieces; 0 where texts are not seen.
    """

    def __init__(
        self, num_classes: int, feature_size: int, vocab_size: int, **kwargs
    ):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self._config = {
            "num_classes": num_classes, "feature_size": feature_size,
            "vocab_size": vocab_size,
        }
        self.picture = self.text = None
        if feature_size:
            self.picture = tf.keras.layers.Dense(
                num_classes, kernel_initializer="zeros", name="picture",
                dtype="float32", trainable=False,
            )
            self.picture.build([None, feature_size])
        if vocab_size:
            self.text = PieceSums(vocab_size, num_classes, name="text")
            self.text.build([None, None])
        # Of [CLS], the picture, the text: those that there are.
        count = 1 + bool(feature_size) + bool(vocab_size)
        self.shares = self.add_weight(
            "shares", (count,),
            initializer=lambda shape, dtype=None: tf.one_hot(0, shape[0], dtype=dtype),
        )
        self.offset = self.add_weight("offset", (num_classes,), initializer="zeros")
        self.built = True

    @property
    def is_settled(self) -> bool:
        """Whether the maps have been weighed, or [CLS] has its say alone."""
        first, *others = self.shares.numpy().tolist()
        return first != 1.0 or any(others)

    def parts(
        self, level_means: Optional[tf.Tensor], token_ids: Optional[tf.Tensor]
    ) -> List[tf.Tensor]:
        """Returns what each map says, float32 [batch, num_classes] each.

        Args:
            level_means: float32 [batch, feature_size], see `heads.level_means`.
            token_ids: int32 [batch, length], 0 for padding.
        """
        found = []
        if self.picture is not None:
            found.append(self.picture(level_means))
        if self.text is not None:
            found.append(self.text(token_ids, tf.not_equal(token_ids, 0)))
        return found

    def mix(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the logits of all, float32 [batch, num_classes].

        Args:
            parts: those of the [CLS] state, then `parts`.
        """
        return tf.einsum("pnc,p->nc", tf.stack(list(parts)), self.shares) + self.offset

    def call(self, logits, level_means=None, token_ids=None):
        """Returns `mix` of logits float32 [batch, num_classes] and `parts`."""
        return self.mix([logits, *self.parts(level_means, token_ids)])

    def get_config(self):
        config = super().get_config()
        del config["dtype"], config["trainable"]
        return {**config, **self._config}
