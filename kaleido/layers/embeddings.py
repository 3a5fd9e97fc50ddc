"""What enters the encoder: word pieces, and patches with their positions.

Paper, section 3.3: text is token + position + segment embedding; a patch is
FC(feature) + FC(5-D position) + modality embedding; each with LayerNorm.
"""

from __future__ import annotations

from typing import Sequence

import tensorflow as tf

from kaleido.layers.encoder import initializer
from kaleido.layers.layer_norm import LayerNorm


@tf.keras.utils.register_keras_serializable("kaleido")
class TextEmbedding(tf.keras.layers.Layer):
    """Sum of piece, position and segment embeddings, LayerNorm, dropout.

    Of the segment table's two rows 0 is for text, 1 for patches ('T' and 'I' in
    the paper); `PatchEmbedding` has its own copy of the latter, and so row 1 is
    for those who pass `segment_ids`, as the authors' code can.

    Args:
        vocab_size: number of word pieces.
        hidden_size: length of an embedding.
        max_positions: longest text.
        segment_rows: rows of the segment table.
        dropout: rate in training.
    """

    def __init__(
        self, vocab_size: int, hidden_size: int, max_positions: int = 512,
        segment_rows: int = 2, dropout: float = 0.1, **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "vocab_size": vocab_size, "hidden_size": hidden_size,
            "max_positions": max_positions, "segment_rows": segment_rows,
            "dropout": dropout,
        }
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)
        self.dropout = tf.keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        def table(name, rows):
            # Cast after the look-up: the whole table would be cast otherwise.
            return self.add_weight(
                name, (rows, self._config["hidden_size"]), initializer=initializer(),
                experimental_autocast=False,
            )

        self.words = table("words", self._config["vocab_size"])
        self.positions = table("positions", self._config["max_positions"])
        self.segments = table("segments", self._config["segment_rows"])
        super().build(input_shape)

    def call(
        self, token_ids, training=None, reverse=False, first_position=0,
        segment_ids=None,
    ):
        """Maps int32 [batch, length] to [batch, length, hidden_size].

        The first token stands at `first_position` of its text; segments are 0 unless
        given, int32 [batch, length]. One beyond the table adds nothing, as a one-hot
        product does.

        With `reverse`, maps states float [batch, n, hidden_size] to their
        products with the piece table, [batch, n, vocab_size]: BERT's output
        matrix is its embedding table.
        """
        if reverse:
            table = tf.cast(self.words, self.compute_dtype)
            return tf.matmul(token_ids, table, transpose_b=True)
        length = tf.shape(token_ids)[1]
        words = tf.gather(self.words, token_ids)
        places = self.positions[first_position : first_position + length]
        segments = self.segments[0]
        if segment_ids is not None:
            rows = tf.one_hot(segment_ids, self._config["segment_rows"])
            segments = tf.tensordot(rows, self.segments, 1)
        states = words + places + segments
        states = tf.cast(states, self.compute_dtype)
        return self.dropout(self.norm(states), training=training)

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class FeatureNorm(tf.keras.layers.Layer):
    """Brings each feature to zero mean and unit variance over the training patches.

    Pooled features are positive: what they have in common is several times what tells
    them apart, and would be all that a projection or dropout sees. The statistics are
    no trained weights, see `warm_start.apply_feature_norm`; until then it does nothing.
    """

    def build(self, input_shape):
        def constant(name, value):
            return self.add_weight(
                name, (input_shape[-1],), initializer=value, trainable=False,
            )

        self.mean = constant("mean", "zeros")
        self.scale = constant("scale", "ones")
        super().build(input_shape)

    def call(self, features):
        """Maps float [batch, patches, f] to float32 of the same shape."""
        return (tf.cast(features, tf.float32) - self.mean) * self.scale


@tf.keras.utils.register_keras_serializable("kaleido")
class PatchEmbedding(tf.keras.layers.Layer):
    """Projects patch features and 5-D positions into the encoder's space.

    Args:
        levels: grid sides of the patches, in order.
        hidden_size: length of an embedding.
        projection: `shared`, the paper's: one projection of features, one of
            positions, one modality embedding, one LayerNorm. `per_level`, the
            authors' code: a bias-free projection, a type table and a LayerNorm
            for each level, and a bias-free position matrix for all.
        feature_norm: whether a `FeatureNorm` stands before the projection.
        type_rows: rows of each level's type table. Level k has segment id k;
            an id beyond the table adds nothing, as a one-hot product does.
        dropout: rate in training.
    """

    def __init__(
        self, levels: Sequence[int], hidden_size: int, projection: str = "shared",
        feature_norm: bool = False, type_rows: int = 2, dropout: float = 0.1, **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "levels": tuple(levels), "hidden_size": hidden_size,
            "projection": projection, "feature_norm": feature_norm,
            "type_rows": type_rows, "dropout": dropout,
        }
        self.feature_norm = None
        if feature_norm:
            self.feature_norm = FeatureNorm(name="feature_norm", dtype="float32")
        per_level = projection == "per_level"
        self._per_level = per_level

        def dense(name, use_bias, kernel_initializer=None):
            return tf.keras.layers.Dense(
                hidden_size, use_bias=use_bias, name=name, dtype=self.dtype_policy,
                kernel_initializer=kernel_initializer or initializer(),
            )

        def norm(name):
            return LayerNorm(name=name, dtype=self.dtype_policy)

        suffixes = [f"_{n}" for n in levels] if per_level else [""]
        self.projections = [dense(f"projection{s}", not per_level) for s in suffixes]
        self.norms = [norm(f"norm{s}") for s in suffixes]
        # Five numbers of at most 1 must be heard beside a thousand features: with
        # BERT's small weights, words and patches would not learn where they are.
        self.position_projection = dense(
            "position_projection", not per_level,
            None if per_level else tf.keras.initializers.LecunNormal(),
        )
        self.dropout = tf.keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        hidden_size = self._config["hidden_size"]
        if self._per_level:
            self.types = [
                self.add_weight(
                    f"types_{n}", (self._config["type_rows"], hidden_size),
                    initializer=initializer(),
                )
                for n in self._config["levels"]
            ]
        else:
            self.modality = self.add_weight(
                "modality", (hidden_size,), initializer=initializer()
            )
        super().build(input_shape)

    def call(self, features, positions, training=None):
        """Maps features and positions to [batch, patches, hidden_size].

        Args:
            features: float [batch, patches, feature_size], level by level.
            positions: float [batch, patches, 5], see `patches.patch_positions`.
            training: whether dropout is on.
        """
        if self.feature_norm is not None:
            features = self.feature_norm(features)
        features = tf.cast(features, self.compute_dtype)
        placed = self.position_projection(tf.cast(positions, self.compute_dtype))
        if not self._per_level:
            states = self.projections[0](features) + placed + self.modality
            return self.dropout(self.norms[0](states), training=training)
        # The authors drop out the raw feature as well.
        features = self.dropout(features, training=training)
        levels = self._config["levels"]
        sizes = [n * n for n in levels]
        embedded = []
        for index, (patches, place) in enumerate(
            zip(tf.split(features, sizes, axis=1), tf.split(placed, sizes, axis=1))
        ):
            states = self.projections[index](patches) + place
            segment = index + 1
            if segment < self._config["type_rows"]:
                states += tf.cast(self.types[index][segment], states.dtype)
            embedded.append(self.norms[index](states))
        return self.dropout(tf.concat(embedded, axis=1), training=training)

    def get_config(self):
        return {**super().get_config(), **self._config}
