"""The authors' network in NumPy, and checkpoints of it with random weights.

Written from section 2 of the design page, not from our layers: double precision, one
matrix product after the other.
"""

from __future__ import annotations

import json
import os
from typing import Dict, Mapping

import numpy as np
import tensorflow as tf

ROOT = "kaleido_bert_pre_trained_model"
SIZES: Dict[str, int] = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 64,
    "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 24,
    "type_vocab_size": 2, "patch_type_vocab_size": 2, "patch_feature_size": 12,
    "text_seq_len": 16,
}
LEVELS = {
    "rotation": 1, "jigsaw": 4, "camouflage": 9, "greymask": 16, "blankmask": 25,
}
_CLASSES = {"rotation": 4, "jigsaw": 24, "camouflage": 9}


def random_variables(sizes: Mapping[str, int], seed: int = 0) -> Dict[str, np.ndarray]:
    """All variables of a pre-trained checkpoint, by their full names."""
    rng = np.random.default_rng(seed)
    hidden, features = sizes["hidden_size"], sizes["patch_feature_size"]
    inner = sizes["intermediate_size"]
    shapes = {
        "bert/embeddings/word_embeddings": (sizes["vocab_size"], hidden),
        "bert/embeddings/position_embeddings": (
            sizes["max_position_embeddings"], hidden,
        ),
        "bert/embeddings/token_type_embeddings": (sizes["type_vocab_size"], hidden),
        "bert/position_dense": (5, hidden),
        "cls/predictions/output_bias": (sizes["vocab_size"],),
        "cls/seq_relationship/output_weights": (2, hidden),
        "cls/seq_relationship/output_bias": (2,),
        "cls/img_rotation/rotation_output_weights": (4, hidden),
        "cls/img_jigsaw/jiasaw_output_weights": (24, 4 * hidden),
        "cls/img_camouflage/camouflage_output_weights": (9, 9 * hidden),
        "cls/img_greymask/greymask_output_weights": (hidden, features),
        "cls/img_blankmask/blanmask_output_weights": (hidden, features),
    }
    for task, classes in _CLASSES.items():
        shapes[f"cls/img_{task}/{task}_output_bias"] = (classes,)
    for level in LEVELS:
        scope = _scope(level)
        shapes[f"{scope}/{level}_projector"] = (features, hidden)
        shapes[f"{scope}/{level}_type_embeddings"] = (
            sizes["patch_type_vocab_size"], hidden,
        )
    dense = {"bert/pooler/dense": (hidden, hidden)}
    dense["cls/predictions/transform/dense"] = (hidden, hidden)
    norms = ["bert/embeddings/LayerNorm", "cls/predictions/transform/LayerNorm"]
    norms += [f"{_scope(level)}/{level}EmbLayerNorm" for level in LEVELS]
    for i in range(sizes["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{i}"
        for part in ("query", "key", "value"):
            dense[f"{layer}/attention/self/{part}"] = (hidden, hidden)
        dense[f"{layer}/attention/output/dense"] = (hidden, hidden)
        dense[f"{layer}/intermediate/dense"] = (hidden, inner)
        dense[f"{layer}/output/dense"] = (inner, hidden)
        norms += [f"{layer}/attention/output/LayerNorm", f"{layer}/output/LayerNorm"]
    for name, shape in dense.items():
        shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = shape, shape[1:]
    made = {name: rng.normal(0, 0.1, shape) for name, shape in shapes.items()}
    for name in norms:
        made[f"{name}/gamma"] = rng.normal(1, 0.1, hidden)
        made[f"{name}/beta"] = rng.normal(0, 0.1, hidden)
    return {f"{ROOT}/{k}": v.astype(np.float32) for k, v in made.items()}


def optimizer_variables(variables: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """What TensorFlow 1's Adam saves beside the variables."""
    slots = {
        f"{name}/{slot}": np.zeros_like(value)
        for name, value in variables.items() for slot in ("Adam", "Adam_1")
    }
    one = np.float32(1)
    return {
        **slots, "beta1_power": one, "beta2_power": one, "global_step": np.int64(7),
    }


def save_checkpoint(folder: str, variables: Mapping[str, np.ndarray], sizes) -> str:
    """Writes `model.ckpt` and `config.json` as TensorFlow 1 did; returns the prefix."""
    os.makedirs(folder, exist_ok=True)
    prefix = os.path.join(folder, "model.ckpt")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in variables.items():
            tf.compat.v1.get_variable(name, initializer=value, use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, prefix, write_meta_graph=False)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(sizes, file)
    return prefix


def random_inputs(sizes: Mapping[str, int], batch: int = 2, seed: int = 0):
    """A batch as the authors' code takes it."""
    rng = np.random.default_rng(seed)
    length = sizes["text_seq_len"]
    mask = np.arange(length) < rng.integers(length // 2, length, batch)[:, None]
    features = sizes["patch_feature_size"]
    ids = rng.integers(1, sizes["vocab_size"], mask.shape)
    inputs = {
        "input_ids": np.where(mask, ids, 0),
        "input_mask": mask.astype(np.int64),
        "segment_ids": np.zeros(mask.shape, np.int64),
        "masked_lm_positions": rng.integers(1, length // 2, (batch, 3)),
        "grey_lm_ids": np.array([rng.choice(16, 2, False) for _ in range(batch)]),
        "blank_lm_ids": np.array([rng.choice(25, 3, False) for _ in range(batch)]),
    }
    for level, count in LEVELS.items():
        inputs[f"feature_{level}"] = rng.gamma(2, 0.5, (batch, count, features)).astype(
            np.float32
        )
        inputs[f"position_{level}"] = rng.integers(0, 256, (batch, count, 5))
    return inputs


def run(variables, sizes, inputs) -> Dict[str, np.ndarray]:
    """What the authors' network returns, in double precision."""

    def variable(name):
        return variables[f"{ROOT}/{name}"].astype(np.float64)

    def dense(x, name):
        return x @ variable(f"{name}/kernel") + variable(f"{name}/bias")

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * variable(f"{name}/gamma") + variable(f"{name}/beta")

    ids = inputs["input_ids"]
    batch, length = ids.shape
    words = variable("bert/embeddings/word_embeddings")
    x = words[ids] + variable("bert/embeddings/position_embeddings")[:length]
    # A one-hot row of a table that has no such row is all zeros.
    types = variable("bert/embeddings/token_type_embeddings")
    one_hot = inputs["segment_ids"][..., None] == np.arange(len(types))
    x = x + one_hot @ types
    parts = [norm(x, "bert/embeddings/LayerNorm")]
    chosen = np.arange(batch)[:, None]
    blanked = inputs["feature_blankmask"].copy()
    blanked[chosen, inputs["blank_lm_ids"]] = 0
    for segment, level in enumerate(LEVELS, 1):
        features = blanked if level == "blankmask" else inputs[f"feature_{level}"]
        scope = _scope(level)
        x = features.astype(np.float64) @ variable(f"{scope}/{level}_projector")
        one_hot = np.zeros(sizes["patch_type_vocab_size"])
        one_hot[segment : segment + 1] = 1
        x = x + one_hot @ variable(f"{scope}/{level}_type_embeddings")
        x = x + inputs[f"position_{level}"] @ variable("bert/position_dense")
        parts.append(norm(x, f"{scope}/{level}EmbLayerNorm"))
    x = np.concatenate(parts, axis=1)
    seen = np.concatenate([inputs["input_mask"], np.ones((batch, 55))], axis=1)
    bias = (1 - seen)[:, None, None] * -10000.0
    heads = sizes["num_attention_heads"]
    for i in range(sizes["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{i}"
        query, key, value = (
            dense(x, f"{layer}/attention/self/{part}").reshape(
                batch, x.shape[1], heads, -1
            )
            for part in ("query", "key", "value")
        )
        logits = np.einsum("nqhd,nkhd->nhqk", query, key) / np.sqrt(query.shape[-1])
        weights = _softmax(logits + bias)
        context = np.einsum("nhqk,nkhd->nqhd", weights, value).reshape(x.shape)
        attended = dense(context, f"{layer}/attention/output/dense")
        x = norm(x + attended, f"{layer}/attention/output/LayerNorm")
        inner = _tanh_gelu(dense(x, f"{layer}/intermediate/dense"))
        x = norm(x + dense(inner, f"{layer}/output/dense"), f"{layer}/output/LayerNorm")
    pooled = np.tanh(dense(x[:, 0], "bert/pooler/dense"))
    states, start = {}, length
    for level, count in LEVELS.items():
        states[level] = x[:, start : start + count]
        start += count
    masked = x[chosen, inputs["masked_lm_positions"]]
    hidden = norm(
        _tanh_gelu(dense(masked, "cls/predictions/transform/dense")),
        "cls/predictions/transform/LayerNorm",
    )
    outputs = {
        "mlm_logits": hidden @ words.T + variable("cls/predictions/output_bias"),
        "nsp_logits": pooled @ variable("cls/seq_relationship/output_weights").T
        + variable("cls/seq_relationship/output_bias"),
        "pooled": pooled,
    }
    for task in _CLASSES:
        misspelt = "jiasaw" if task == "jigsaw" else task
        weights = variable(f"cls/img_{task}/{misspelt}_output_weights")
        outputs[f"{task}_logits"] = states[task].reshape(batch, -1) @ weights.T
        outputs[f"{task}_logits"] += variable(f"cls/img_{task}/{task}_output_bias")
    for level, misspelt, ids in (
        ("greymask", "greymask", inputs["grey_lm_ids"]),
        ("blankmask", "blanmask", inputs["blank_lm_ids"]),
    ):
        weights = variable(f"cls/img_{level}/{misspelt}_output_weights")
        outputs[f"{level}_logits"] = states[level][chosen, ids] @ weights
        outputs[f"target_{level[:-4]}"] = inputs[f"feature_{level}"][chosen, ids]
    return {name: v.reshape(-1, v.shape[-1]) for name, v in outputs.items()}


def _scope(level):
    return "bert/blank_embeddings" if level == "blankmask" else (
        f"bert/{level}_embeddings"
    )


def _softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def _tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
