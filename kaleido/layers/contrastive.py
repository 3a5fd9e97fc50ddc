"""What ends the passes of one modality: vectors that are compared by their cosine."""

from __future__ import annotations

import tensorflow as tf

from kaleido.layers.encoder import initializer
from kaleido.layers.lexical import TextWords

# Share of the words in a cosine. On Myntra's validation .4 is best for closed forms, .3
# beside a trained encoder; a tenth more or less costs half a point of Rank@1. It is no
# trained weight: of the texts of training a picture knows the words by heart.
WORD_SHARE = 0.3


@tf.keras.utils.register_keras_serializable("kaleido")
class ContrastiveHead(tf.keras.layers.Layer):
    """Unit vectors of a text or a picture, and the learnt temperature.

    The image projection starts at zero when there is a shortcut, so that the
    closed-form map is what training begins from.

    With words, a second unit vector stands behind the first: which words the text has
    (`lexical.TextWords`), and a linear map to that from the picture. Together they
    have length 1; `WORD_SHARE` of a cosine is the second one's.

    Args:
        size: length of the first vector.
        shortcut: whether the image vector has a linear path past the encoder.
        shortcut_dropout: rate on that path's features in training.
        word_size: length of the second vector; 0 for none.
        vocab_size: number of word pieces, where there are words.
    """

    def __init__(
        self, size: int, shortcut: bool = False, shortcut_dropout: float = 0.0,
        word_size: int = 0, vocab_size: int = 0, **kwargs,
    ):
        super().__init__(dtype="float32", **kwargs)
        self._config = {
            "size": size, "shortcut": shortcut, "shortcut_dropout": shortcut_dropout,
            "word_size": word_size, "vocab_size": vocab_size,
        }
        self.dropout = tf.keras.layers.Dropout(shortcut_dropout, dtype="float32")

        def dense(name, kernel_initializer, units=size):
            return tf.keras.layers.Dense(
                units, kernel_initializer=kernel_initializer, name=name,
                dtype="float32",
            )

        self.text_projection = dense("text_projection", initializer())
        self.image_projection = dense(
            "image_projection", "zeros" if shortcut else initializer()
        )
        self.shortcut = dense("shortcut", initializer()) if shortcut else None
        self.words = None
        if word_size:
            self.words = TextWords(vocab_size, word_size, name="words")
            self.word_shortcut = dense(
                "word_shortcut", initializer(), word_size
            )

    def build(self, input_shape):
        # CLIP's starting value: 1 / 0.07.
        self.log_scale = self.add_weight(
            "log_scale", (), initializer=tf.keras.initializers.Constant(2.659)
        )
        super().build(input_shape)

    @property
    def scale(self) -> tf.Tensor:
        """What cosines are multiplied by, float32 scalar; 100 at most."""
        return tf.minimum(tf.exp(self.log_scale), 100.0)

    def call(
        self, mean_state, level_means=None, is_text=False, token_ids=None, seen=None,
        training=None,
    ):
        """Maps mean states to unit vectors float32 [batch, size + word_size].

        Args:
            mean_state: float [batch, hidden_size].
            level_means: float [batch, n], the shortcut's input, pictures only.
            is_text: which of the two projections to take.
            token_ids: int32 [batch, length], the words, texts only.
            seen: bool [batch, length], which of them are seen.
            training: whether dropout is on.
        """
        mean_state = tf.cast(mean_state, tf.float32)
        if is_text:
            # Sentence encoders are trained on unit vectors; lengths are noise.
            vector = self.text_projection(tf.math.l2_normalize(mean_state, axis=-1))
            words = self.words and self.words(token_ids, seen)
        else:
            vector = self.image_projection(mean_state)
            if self.shortcut is not None:
                level_means = self.dropout(level_means, training=training)
                vector += self.shortcut(level_means)
            words = self.words and tf.math.l2_normalize(
                self.word_shortcut(level_means), axis=-1
            )
        vector = tf.math.l2_normalize(vector, axis=-1)
        if words is None:
            return vector
        first, second = (1.0 - WORD_SHARE) ** 0.5, WORD_SHARE**0.5
        return tf.concat([first * vector, second * words], axis=-1)

    def get_config(self):
        config = super().get_config()
        del config["dtype"]
        return {**config, **self._config}
