"""Heads of the pre-training tasks, on the encoder's final states."""

from __future__ import annotations

import tensorflow as tf

from kaleido.layers.encoder import gelu, initializer
from kaleido.layers.layer_norm import LayerNorm
from kaleido.patches import level_overlaps


@tf.keras.utils.register_keras_serializable("kaleido")
class GatherStates(tf.keras.layers.Layer):
    """Picks states by position: [batch, length, h], int [batch, n] -> [batch, n, h].

    A position of -1 (no target) picks the first state; its loss has weight 0.
    """

    def call(self, states, positions):
        return tf.gather(states, tf.maximum(positions, 0), axis=1, batch_dims=1)


@tf.keras.utils.register_keras_serializable("kaleido")
class FirstState(tf.keras.layers.Layer):
    """The [CLS] state: [batch, length, h] -> [batch, h]."""

    def call(self, states):
        return states[:, 0]


@tf.keras.utils.register_keras_serializable("kaleido")
class SplitModalities(tf.keras.layers.Layer):
    """Parts joint states into those of the text and those of the patches.

    Args:
        num_patches: patches stand behind the text.
    """

    def __init__(self, num_patches: int, **kwargs):
        super().__init__(**kwargs)
        self._config = {"num_patches": num_patches}

    def call(self, states):
        count = self._config["num_patches"]
        return states[:, :-count], tf.ensure_shape(
            states[:, -count:], [None, count, states.shape[-1]]
        )

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class SplitLevels(tf.keras.layers.Layer):
    """Parts patch states by level: a list of [batch, n * n, h].

    Args:
        levels: grid sides, in order.
    """

    def __init__(self, levels, **kwargs):
        super().__init__(**kwargs)
        self._config = {"levels": tuple(levels)}

    def call(self, states):
        return tf.split(states, [n * n for n in self._config["levels"]], axis=1)

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class AddSurroundings(tf.keras.layers.Layer):
    """Adds to each patch's state those of the coarser patches that it lies in.

    Args:
        fine, coarse: grid sides of the two levels.
    """

    def __init__(self, fine: int, coarse: int, **kwargs):
        super().__init__(**kwargs)
        self._config = {"fine": fine, "coarse": coarse}

    def call(self, states, coarse_states):
        """Maps [batch, fine * fine, h], [batch, coarse * coarse, h] to the first."""
        overlaps = tf.constant(level_overlaps(**self._config), states.dtype)
        coarse_states = tf.cast(coarse_states, states.dtype)
        return states + tf.einsum("fc,nch->nfh", overlaps, coarse_states)

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class MaskedLanguageTransform(tf.keras.layers.Layer):
    """The part of BERT's masked-language head before the embedding table.

    Args:
        hidden_size: length of a state.
        gelu_kind: `exact` or `tanh`.
    """

    def __init__(self, hidden_size: int, gelu_kind: str = "exact", **kwargs):
        super().__init__(**kwargs)
        self._config = {"hidden_size": hidden_size, "gelu_kind": gelu_kind}
        self.transform = tf.keras.layers.Dense(
            hidden_size, gelu(gelu_kind), kernel_initializer=initializer(),
            name="transform", dtype=self.dtype_policy,
        )
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)

    def call(self, states):
        """Maps [batch, n, hidden_size] to the same shape."""
        return self.norm(self.transform(states))

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class OutputBias(tf.keras.layers.Layer):
    """Adds a learnt bias to logits and returns them in float32."""

    def build(self, input_shape):
        self.bias = self.add_weight(
            "bias", (input_shape[-1],), initializer="zeros",
            experimental_autocast=False,
        )
        super().build(input_shape)

    def call(self, logits):
        """Maps [..., n] to float32 [..., n]."""
        return tf.cast(logits, tf.float32) + self.bias


@tf.keras.utils.register_keras_serializable("kaleido")
class LevelClassifier(tf.keras.layers.Layer):
    """Classifies a level by all of its states side by side.

    Serves rotation (1 state, 4 classes), jigsaw (4 states, 24 classes) and
    camouflage (9 states, 9 classes).

    Args:
        num_classes: number of classes.
        oddness_path: where each state is a class (camouflage), adds a learnt
            multiple of how far it is, by cosine, from the mean of all patches.
            A linear layer cannot compare states, and an encoder takes more steps
            than a small catalogue allows to learn to do it in its place.
    """

    def __init__(self, num_classes: int, oddness_path: bool = False, **kwargs):
        super().__init__(**kwargs)
        self._config = {"num_classes": num_classes, "oddness_path": oddness_path}
        self.output_layer = tf.keras.layers.Dense(
            num_classes, kernel_initializer=initializer(), name="output",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        if self._config["oddness_path"]:
            self.scale = self.add_weight(
                "scale", (), initializer=tf.keras.initializers.Constant(10.0),
                experimental_autocast=False,
            )
        super().build(input_shape)

    def call(self, states, patch_mean=None):
        """Returns float32 logits [batch, num_classes].

        Args:
            states: float [batch, n, hidden_size].
            patch_mean: float [batch, hidden_size], for the oddness path.
        """
        flat = tf.reshape(states, [-1, states.shape[1] * states.shape[2]])
        logits = tf.cast(self.output_layer(flat), tf.float32)
        if self._config["oddness_path"]:
            cosine = tf.einsum(
                "nsh,nh->ns",
                tf.math.l2_normalize(tf.cast(states, tf.float32), axis=-1),
                tf.math.l2_normalize(tf.cast(patch_mean, tf.float32), axis=-1),
            )
            logits -= self.scale * cosine
        return logits

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class MatchHead(tf.keras.layers.Layer):
    """Whether picture and text belong together, from the pooled [CLS] state.

    Args:
        units: 1 for a sigmoid (the paper), 2 for a softmax over (no, yes).
        similarity_path: adds learnt multiples of two cosines: that of the mean
            text state and the mean patch state of the joint pass, and that of
            the contrastive vectors. On a small catalogue [CLS] alone stays at
            chance for hours; so the joint pass begins from what the
            single-modality passes know, and learns what they miss.
    """

    def __init__(self, units: int = 1, similarity_path: bool = False, **kwargs):
        super().__init__(**kwargs)
        self._config = {"units": units, "similarity_path": similarity_path}
        self.output_layer = tf.keras.layers.Dense(
            units, kernel_initializer=initializer(), name="output",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        if self._config["similarity_path"]:

            def scalar(name, value):
                return self.add_weight(
                    name, (), initializer=tf.keras.initializers.Constant(value),
                    experimental_autocast=False,
                )

            self.joint_scale = scalar("joint_scale", 1.0)
            self.scale = scalar("scale", 10.0)
            # The cosine at which a pair is as likely to match as not.
            self.threshold = scalar("threshold", 0.5)
        super().build(input_shape)

    def call(self, pooled, text_mean, patch_mean, similarity=None):
        """Returns the float32 match logit [batch].

        Args:
            pooled: float [batch, hidden_size].
            text_mean, patch_mean: float [batch, hidden_size].
            similarity: float32 [batch], cosine of the contrastive vectors; for
                the similarity path.
        """
        logits = tf.cast(self.output_layer(pooled), tf.float32)
        # The log-odds of a two-way softmax are the difference of its logits.
        logit = logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]
        if self._config["similarity_path"]:
            cosine = tf.reduce_sum(
                tf.math.l2_normalize(tf.cast(text_mean, tf.float32), axis=-1)
                * tf.math.l2_normalize(tf.cast(patch_mean, tf.float32), axis=-1),
                axis=-1,
            )
            logit += self.joint_scale * cosine
            logit += self.scale * (tf.cast(similarity, tf.float32) - self.threshold)
        return logit

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class FusionHead(tf.keras.layers.Layer):
    """A pair's vector, from the pooled [CLS] state, among contrastive vectors.

    The task `fusion` asks [CLS] of text and picture, parts of them hidden, to know
    both of its own among the batch's. Matching asks it for one bit, and beside the
    patches' tasks what a sentence encoder's [CLS] knew of classes went lost. Not in
    the paper.

    Args:
        size: length of the vector, that of the contrastive vectors.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self._config = {"size": size}
        self.output_layer = tf.keras.layers.Dense(
            size, kernel_initializer=initializer(), name="output",
            dtype=self.dtype_policy,
        )

    def call(self, pooled):
        """Maps [batch, hidden_size] to unit vectors float32 [batch, size]."""
        vector = tf.cast(self.output_layer(pooled), tf.float32)
        return tf.math.l2_normalize(vector, axis=-1)

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class MeanState(tf.keras.layers.Layer):
    """Mean of the visible states: [batch, n, h], bool [batch, n] -> [batch, h]."""

    def call(self, states, visible):
        weights = tf.cast(visible, tf.float32)[..., None]
        total = tf.reduce_sum(tf.cast(states, tf.float32) * weights, axis=1)
        count = tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)
        return tf.cast(total / count, self.compute_dtype)


@tf.keras.utils.register_keras_serializable("kaleido")
class ImageTower(tf.keras.layers.Layer):
    """A picture's state from its mean features: two layers, no encoder.

    Args:
        hidden_size: length of the state.
        dropout: rate in training.
    """

    def __init__(self, hidden_size: int, dropout: float = 0.1, **kwargs):
        super().__init__(**kwargs)
        self._config = {"hidden_size": hidden_size, "dropout": dropout}

        def dense(units, name, activation=None):
            return tf.keras.layers.Dense(
                units, activation, kernel_initializer="glorot_uniform", name=name,
                dtype=self.dtype_policy,
            )

        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)
        self.inner = dense(4 * hidden_size, "inner", "gelu")
        self.dropout = tf.keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.outer = dense(hidden_size, "outer")

    def call(self, means, training=None):
        """Maps float [batch, n] to [batch, hidden_size]."""
        inner = self.dropout(self.inner(self.norm(means)), training=training)
        return self.outer(inner)

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class LevelMeans(tf.keras.layers.Layer):
    """Mean feature of each chosen level, side by side.

    Args:
        levels: grid sides of all patches, in order.
        chosen: the levels to take.
    """

    def __init__(self, levels, chosen, **kwargs):
        super().__init__(**kwargs)
        self._config = {"levels": tuple(levels), "chosen": tuple(chosen)}

    def call(self, features, visible):
        """Maps [batch, patches, f] and what is seen of it, bool [batch,
        patches], to float32 [batch, len(chosen) * f]."""
        levels, chosen = self._config["levels"], self._config["chosen"]
        return level_means(features, levels, chosen, visible)

    def get_config(self):
        return {**super().get_config(), **self._config}


def level_means(features, levels, chosen, visible=None):
    """Mean feature of each chosen level, side by side, float32.

    Args:
        features: float [batch, patches, f], level by level.
        levels: grid sides of all patches, in order.
        chosen: the levels to take.
        visible: bool [batch, patches]; a level of which nothing is seen has a
            mean of 0. All by default.

    Returns:
        float32 [batch, len(chosen) * f].
    """
    sizes = [n * n for n in levels]
    features = tf.cast(features, tf.float32)
    if visible is None:
        visible = tf.ones(tf.shape(features)[:2], tf.bool)
    weights = tf.cast(visible, tf.float32)[..., None]
    sums = dict(zip(levels, tf.split(features * weights, sizes, axis=1)))
    counts = dict(zip(levels, tf.split(weights, sizes, axis=1)))
    means = [
        tf.reduce_sum(sums[n], axis=1)
        / tf.maximum(tf.reduce_sum(counts[n], axis=1), 1.0)
        for n in chosen
    ]
    return tf.concat(means, axis=-1)
