"""Kaleido-BERT as Keras functional models that share their layers.

`joint` is the paper's model: text and patches through one encoder, a head a
task. `text` and `image` are passes of one modality through the same network,
which end in contrastive vectors.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Tuple

import tensorflow as tf

from kaleido.config import Config, ModelConfig
from kaleido.layers import embeddings, encoder, heads, visibility
from kaleido.layers.contrastive import ContrastiveHead
from kaleido.masking import patch_budget
from kaleido.patches import LAYOUTS, PatchLayout

# What the encoder sees of a pair.
PAIR_INPUTS = ("token_ids", "patch_features", "patch_positions")
# Classes of the tasks that look at a whole level: task -> (level, classes).
LEVEL_TASKS = {"rotation": (1, 4), "jigsaw": (2, 24), "camouflage": (3, 9)}


def feature_tasks(layout: PatchLayout) -> Dict[str, int]:
    """Level of the tasks that rebuild hidden features, by task.

    A layout of one grid has one such task, `blank` (FashionBERT's).
    """
    if layout.levels == (8,):
        return {"blank": 8}
    return {"grey": 4, "blank": 5}


@dataclasses.dataclass(frozen=True)
class Networks:
    """The functional models of one Kaleido-BERT.

    Attributes:
        joint: a dict of `token_ids` int32 [batch, length], `patch_features`
            float [batch, patches, feature_size], `patch_positions` float32
            [batch, patches, 5], `masked_positions` int32 [batch, masked], with
            a similarity path `similarity` float32 [batch] (cosine of the pair's
            contrastive vectors), and
            for each feature task `<task>_indices` int32 [batch, n] (within its
            level; -1 for none) -> a dict of a float32 logit tensor a task, and
            `states` [batch, length + patches, hidden_size].
        text: `token_ids` -> unit vectors float32 [batch, contrastive_size +
            word_size].
        text_mean: `token_ids` -> mean text state [batch, hidden_size].
        image: `patch_features`, `patch_positions` -> the same.
        contrastive: the layer that holds temperature and projections.
    """

    joint: tf.keras.Model
    text: tf.keras.Model
    text_mean: tf.keras.Model
    image: tf.keras.Model
    contrastive: ContrastiveHead

    @property
    def text_embedding(self) -> embeddings.TextEmbedding:
        return self.joint.get_layer("text_embedding")

    @property
    def patch_embedding(self) -> embeddings.PatchEmbedding:
        return self.joint.get_layer("patch_embedding")

    def encode(
        self, states: tf.Tensor, visible: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Runs the encoder over any states, outside of the functional models.

        Args:
            states: float [batch, length, hidden_size], embedded.
            visible: bool [batch, length], or [batch, length, length] where rows look
                at columns.
            training: whether dropout is on.
        """
        bias = self.joint.get_layer("attention_bias")(visible)
        for layer in self.encoder_layers:
            states = layer(states, bias, training=training)
        return states

    @property
    def encoder_layers(self) -> List[encoder.TransformerLayer]:
        return [
            layer for layer in self.joint.layers
            if isinstance(layer, encoder.TransformerLayer)
        ]


@tf.keras.utils.register_keras_serializable("kaleido")
class _VisibleText(tf.keras.layers.Layer):
    """bool [batch, length]: which pieces are not padding (id 0)."""

    def call(self, token_ids):
        return tf.not_equal(token_ids, 0)


@tf.keras.utils.register_keras_serializable("kaleido")
class _VisibleAll(tf.keras.layers.Layer):
    """bool [batch, patches]: all patches are always there."""

    def call(self, features):
        return tf.ones(tf.shape(features)[:2], tf.bool)


def build_networks(
    config: ModelConfig, layout: PatchLayout, vocab_size: int, feature_size: int
) -> Networks:
    """Builds the models; the global Keras policy says in which precision.

    Args:
        config: sizes and variants.
        layout: grids of the patches.
        vocab_size: number of word pieces.
        feature_size: length of a patch feature.

    Raises:
        ValueError: if a shortcut level is not in the layout.
    """
    missing = set(config.shortcut_levels) - set(layout.levels)
    if missing:
        raise ValueError(
            f"Layout {layout.name!r} has the levels {layout.levels}. "
            f"Received: shortcut_levels={config.shortcut_levels}"
        )
    token_ids = tf.keras.Input((None,), dtype=tf.int32, name="token_ids")
    features = tf.keras.Input(
        (layout.num_patches, feature_size), dtype=tf.float32, name="patch_features"
    )
    positions = tf.keras.Input((layout.num_patches, 5), name="patch_positions")

    embed_text = embeddings.TextEmbedding(
        vocab_size, config.hidden_size, config.max_text_positions, config.segment_rows,
        config.dropout, name="text_embedding",
    )
    embed_patches = embeddings.PatchEmbedding(
        layout.levels, config.hidden_size, config.projection,
        config.feature_norm, config.patch_type_rows, config.dropout,
        name="patch_embedding",
    )
    layers = [
        encoder.TransformerLayer(
            config.hidden_size, config.num_heads, config.intermediate_size,
            config.dropout, config.attention_dropout, config.gelu, name=f"layer_{i}",
        )
        for i in range(config.num_layers)
    ]
    bias = encoder.AttentionBias(name="attention_bias")
    mean_state = heads.MeanState(name="mean_state")
    contrastive = ContrastiveHead(
        config.contrastive_size, bool(config.shortcut_levels),
        config.shortcut_dropout, config.word_size, vocab_size, name="contrastive",
    )

    def encode(states, visible):
        attention_bias = bias(visible)
        for layer in layers:
            states = layer(states, attention_bias)
        return states

    text_visible = _VisibleText(name="visible_text")(token_ids)
    patches_visible = _VisibleAll(name="visible_patches")(features)
    text_states = embed_text(token_ids)
    patch_states = embed_patches(features, positions)

    words_seen = visibility.Visible(config.word_dropout, 1, name="words_seen")(
        text_visible
    )
    patches_seen = visibility.Visible(config.patch_dropout, 2, name="patches_seen")(
        patches_visible
    )
    packed_text, packed_words = visibility.PackVisible(
        config.word_dropout, name="packed_words"
    )(text_states, words_seen)
    text_mean = mean_state(encode(packed_text, packed_words), packed_words)
    text_vector = contrastive(
        text_mean, is_text=True, token_ids=token_ids, seen=words_seen
    )
    normed = features
    if config.feature_norm:
        normed = embed_patches.feature_norm(features)
    level_means = None
    if config.shortcut_levels:
        level_means = heads.LevelMeans(
            layout.levels, config.shortcut_levels, name="level_means", dtype="float32"
        )(normed, patches_seen)
    if config.image_tower == "projection":
        tower = heads.ImageTower(
            config.hidden_size, config.dropout, name="image_tower"
        )
        image_mean = tower(
            heads.LevelMeans(
                layout.levels, layout.levels, name="all_level_means", dtype="float32"
            )(normed, patches_seen)
        )
    else:
        packed_image, packed_patches = visibility.PackVisible(
            config.patch_dropout, name="packed_patches"
        )(patch_states, patches_seen)
        image_mean = mean_state(encode(packed_image, packed_patches), packed_patches)
    image_vector = contrastive(image_mean, level_means)

    outputs, joint_inputs = _joint_heads(
        config, layout, feature_size, embed_text, mean_state,
        states=encode(
            tf.keras.layers.Concatenate(axis=1)([text_states, patch_states]),
            tf.keras.layers.Concatenate(axis=1)([text_visible, patches_visible]),
        ),
        text_visible=text_visible,
        patches_visible=patches_visible,
    )
    image_inputs = {"patch_features": features, "patch_positions": positions}
    return Networks(
        joint=tf.keras.Model(
            {"token_ids": token_ids, **image_inputs, **joint_inputs}, outputs,
            name="joint",
        ),
        text=tf.keras.Model({"token_ids": token_ids}, text_vector, name="text"),
        text_mean=tf.keras.Model({"token_ids": token_ids}, text_mean, name="text_mean"),
        image=tf.keras.Model(image_inputs, image_vector, name="image"),
        contrastive=contrastive,
    )


def _joint_heads(
    config, layout, feature_size, embed_text, mean_state, states, text_visible,
    patches_visible,
) -> Tuple[Dict[str, tf.Tensor], Dict[str, tf.Tensor]]:
    """Puts a head a task on the joint states; returns outputs and their inputs."""
    text, patches = heads.SplitModalities(layout.num_patches, name="modalities")(states)
    levels = dict(
        zip(
            layout.levels,
            heads.SplitLevels(layout.levels, name="levels")(patches),
        )
    )
    gather = heads.GatherStates(name="gather_states")
    pooled = tf.keras.layers.Dense(
        config.hidden_size, "tanh", kernel_initializer=encoder.initializer(),
        name="pooler",
    )(heads.FirstState(name="first_state")(text))
    masked_positions = tf.keras.Input((None,), dtype=tf.int32, name="masked_positions")
    inputs = {"masked_positions": masked_positions}
    outputs = {
        "states": states,
        "pooled": pooled,
        "mlm": heads.OutputBias(name="mlm_bias")(
            embed_text(
                heads.MaskedLanguageTransform(
                    config.hidden_size, config.gelu, name="mlm"
                )(gather(text, masked_positions)),
                reverse=True,
            )
        ),
    }
    means = mean_state(text, text_visible), mean_state(patches, patches_visible)
    match = heads.MatchHead(config.match_units, config.similarity_path, name="itm")
    if config.similarity_path:
        inputs["similarity"] = tf.keras.Input((), name="similarity")
        outputs["itm"] = match(pooled, *means, inputs["similarity"])
    else:
        outputs["itm"] = match(pooled, *means)
    if config.fusion:
        outputs["fusion"] = heads.FusionHead(
            config.contrastive_size + config.word_size, name="fusion"
        )(pooled)
    for task, (level, classes) in LEVEL_TASKS.items():
        if level not in levels:
            continue
        odd = config.patch_paths and task == "camouflage"
        classifier = heads.LevelClassifier(classes, odd, name=task)
        outputs[task] = classifier(levels[level], means[1] if odd else None)
    budget = patch_budget(layout)
    for task, level in feature_tasks(layout).items():
        indices = tf.keras.Input(
            (budget[level],), dtype=tf.int32, name=f"{task}_indices"
        )
        inputs[f"{task}_indices"] = indices
        hidden = levels[level]
        if config.patch_paths and task == "blank" and 4 in levels:
            around = heads.AddSurroundings(level, 4, name="surroundings")
            hidden = around(hidden, levels[4])
        # No bias, as in the authors' code.
        prediction = tf.keras.layers.Dense(
            feature_size, use_bias=False, kernel_initializer=encoder.initializer(),
            name=task,
        )(gather(hidden, indices))
        outputs[task] = tf.keras.layers.Activation(
            "linear", dtype="float32", name=f"{task}_logits"
        )(prediction)
    return outputs, inputs


def _tasks_of(layout: PatchLayout) -> List[str]:
    levels = [t for t, (level, _) in LEVEL_TASKS.items() if level in layout.levels]
    return ["mlm", "itm", "contrastive", "fusion", *levels, *feature_tasks(layout)]


def networks_for(config: Config, spec) -> Networks:
    """Builds the models that fit a set of records.

    Args:
        config: the experiment.
        spec: the `records.RecordSpec` of what they will be trained on.
    """
    missing = set(config.active_tasks()) - set(_tasks_of(spec.patch_layout))
    if missing:
        raise ValueError(
            f"Records of layout {spec.layout!r} have no patches for the tasks "
            f"{sorted(missing)}. Received: tasks={sorted(config.active_tasks())}"
        )
    if spec.max_tokens > config.model.max_text_positions:
        raise ValueError(
            f"The records hold texts of {spec.max_tokens} pieces. Received: "
            f"max_text_positions={config.model.max_text_positions}"
        )
    return build_networks(
        config.model, LAYOUTS[spec.layout], spec.vocab_size, spec.feature_size
    )
