"""What the authors' network returns, by a converted one.

By hand, for whatever mask and segments; and by the functional model that evaluation and
export run, where these are the usual ones.
"""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

import numpy as np
import tensorflow as tf

from kaleido.models import LEVEL_TASKS, Networks

# Levels in the authors' order, by the name of what is done to them.
_LEVELS = ("rotation", "jigsaw", "camouflage", "greymask", "blankmask")
# What the authors call outputs of the joint model.
_JOINT = {
    "mlm": "mlm_logits", "itm": "nsp_logits", "pooled": "pooled",
    **{task: f"{task}_logits" for task in LEVEL_TASKS},
    "grey": "greymask_logits", "blank": "blankmask_logits",
}


def released_outputs(
    networks: Networks, inputs: Mapping[str, np.ndarray]
) -> Dict[str, np.ndarray]:
    """Runs a batch without dropout.

    The authors' mask and segments are inputs; ours follow from the text. So the
    encoder is run by hand, and the heads on its states.

    Args:
        networks: filled by `released.fill_networks`.
        inputs: `input_ids`, `input_mask`, `segment_ids` int [batch, length];
            `masked_lm_positions` int [batch, masked]; `feature_<level>` float [batch,
            patches, feature_size] and `position_<level>` int [batch, patches, 5] for
            each of the five; `grey_lm_ids`, `blank_lm_ids` int [batch, n], within
            their levels. Blank patches are blanked here.

    Returns:
        `mlm_logits` [batch * masked, vocab_size], `nsp_logits` [batch, 2],
        `rotation_logits`, `jigsaw_logits`, `camouflage_logits` [batch, classes],
        `greymask_logits`, `target_grey`, `blankmask_logits`, `target_blank` [batch *
        n, feature_size], `pooled` [batch, hidden_size], all float32.
    """
    joint = networks.joint
    grey, blank = (
        tf.constant(inputs[f"{name}_lm_ids"], tf.int32) for name in ("grey", "blank")
    )
    # Before they are blanked.
    targets = {
        "target_grey": tf.gather(_features(inputs, "greymask"), grey, batch_dims=1),
        "target_blank": tf.gather(_features(inputs, "blankmask"), blank, batch_dims=1),
    }
    words = networks.text_embedding(
        tf.constant(inputs["input_ids"], tf.int32),
        segment_ids=tf.constant(inputs["segment_ids"], tf.int32),
    )
    patches = networks.patch_embedding(*_patches(inputs))
    seen = tf.constant(inputs["input_mask"], tf.int32) > 0
    visible = tf.concat([seen, tf.ones(tf.shape(patches)[:2], tf.bool)], axis=1)
    states = networks.encode(tf.concat([words, patches], axis=1), visible)
    text, patches = joint.get_layer("modalities")(states)
    levels = joint.get_layer("levels")(patches)
    gather = joint.get_layer("gather_states")
    masked = gather(text, tf.constant(inputs["masked_lm_positions"], tf.int32))
    pooled = joint.get_layer("pooler")(text[:, 0])
    outputs = {
        "mlm_logits": joint.get_layer("mlm_bias")(
            networks.text_embedding(joint.get_layer("mlm")(masked), reverse=True)
        ),
        # Ours is their difference, the log-odds.
        "nsp_logits": joint.get_layer("itm").output_layer(pooled),
        **{
            f"{task}_logits": joint.get_layer(task)(levels[level - 1])
            for task, (level, _) in LEVEL_TASKS.items()
        },
        "greymask_logits": joint.get_layer("grey")(gather(levels[3], grey)),
        "blankmask_logits": joint.get_layer("blank")(gather(levels[4], blank)),
        "pooled": pooled,
        **targets,
    }
    return {
        name: value.numpy().reshape(-1, value.shape[-1])
        for name, value in outputs.items()
    }


def _features(inputs, name) -> tf.Tensor:
    return tf.constant(inputs[f"feature_{name}"], tf.float32)


def _patches(inputs) -> Tuple[tf.Tensor, tf.Tensor]:
    """Returns features, blanked, float32 [batch, 55, feature_size], and positions,
    float32 [batch, 55, 5]."""
    features = {name: _features(inputs, name) for name in _LEVELS}
    blank = tf.constant(inputs["blank_lm_ids"], tf.int32)
    hidden = tf.reduce_max(tf.one_hot(blank, features["blankmask"].shape[1]), axis=1)
    features["blankmask"] *= 1.0 - hidden[:, :, None]
    positions = [
        tf.cast(inputs[f"position_{name}"], tf.float32) for name in _LEVELS
    ]
    return tf.concat(list(features.values()), axis=1), tf.concat(positions, axis=1)


def usual_rows(networks: Networks, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns which examples the joint model can take, int [n].

    Their mask hides the padding and nothing else, their segments are 0. Where other
    numbers of patches are rebuilt than the model has places for, there is none.
    """
    taken = networks.joint.input
    for name in ("grey", "blank"):
        if taken[f"{name}_indices"].shape[1] != inputs[f"{name}_lm_ids"].shape[1]:
            return np.arange(0)
    usual = (inputs["input_ids"] != 0) == (inputs["input_mask"] != 0)
    return np.flatnonzero((usual & (inputs["segment_ids"] == 0)).all(axis=1))


def joint_outputs(
    networks: Networks, inputs: Mapping[str, np.ndarray]
) -> Dict[str, np.ndarray]:
    """Runs the joint model on examples of `usual_rows`, without dropout.

    Args:
        networks, inputs: see `released_outputs`.

    Returns:
        What `released_outputs` does, but for the targets, float32 [batch, ...];
        `nsp_logits` is our one logit, float32 [batch], the difference of theirs.
    """
    features, positions = _patches(inputs)
    found = networks.joint(
        {
            "token_ids": tf.constant(inputs["input_ids"], tf.int32),
            "patch_features": features,
            "patch_positions": positions,
            "masked_positions": tf.constant(inputs["masked_lm_positions"], tf.int32),
            "grey_indices": tf.constant(inputs["grey_lm_ids"], tf.int32),
            "blank_indices": tf.constant(inputs["blank_lm_ids"], tf.int32),
        },
        training=False,
    )
    return {theirs: found[ours].numpy() for ours, theirs in _JOINT.items()}
