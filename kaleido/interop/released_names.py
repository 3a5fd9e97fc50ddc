"""Names in the authors' checkpoints, and what they are called here.

In order; the first rule that describes a name counts. The misspelled ones are theirs.
"""

from __future__ import annotations

from typing import Sequence

from kaleido.interop.variable_rules import Rule

ROOT = "kaleido_bert_pre_trained_model"

# Their name of a level's embedding, the name of its variables in it, our level.
_LEVELS = (
    ("rotation_embeddings", "rotation", 1),
    ("jigsaw_embeddings", "jigsaw", 2),
    ("camouflage_embeddings", "camouflage", 3),
    ("greymask_embeddings", "greymask", 4),
    ("blank_embeddings", "blankmask", 5),
)


def _dense(source: str, target: str) -> Sequence[Rule]:
    return tuple(
        Rule(f"{ROOT}/{source}/{name}", f"{target}/{name}")
        for name in ("kernel", "bias")
    )


def _norm(source: str, target: str) -> Sequence[Rule]:
    return tuple(
        Rule(f"{ROOT}/{source}/{name}", f"{target}/{name}")
        for name in ("gamma", "beta")
    )


def _head(source: str, weights: str, bias: str, target: str) -> Sequence[Rule]:
    """A linear layer whose weights are stored as [classes, states]."""
    return (
        Rule(f"{ROOT}/cls/{source}/{weights}", f"{target}/kernel", transposed=True),
        Rule(f"{ROOT}/cls/{source}/{bias}", f"{target}/bias"),
    )


# What the optimiser remembers.
OPTIMIZER = (
    Rule(r".*/(Adam|Adam_\d+|adam_[mv]|AdamWeightDecayOptimizer(_\d+)?)", ""),
    Rule(r"(.*/)?beta\d_power(_\d+)?", ""),
    Rule(r"(.*/)?global_step", ""),
    Rule(r"(.*/)?(loss_scale|good_steps)", ""),
)

TEXT = (
    Rule(f"{ROOT}/bert/embeddings/word_embeddings", "text_embedding/words"),
    Rule(f"{ROOT}/bert/embeddings/position_embeddings", "text_embedding/positions"),
    Rule(f"{ROOT}/bert/embeddings/token_type_embeddings", "text_embedding/segments"),
    *_norm("bert/embeddings/LayerNorm", "text_embedding/norm"),
)

PATCHES = (
    Rule(f"{ROOT}/bert/position_dense", "patch_embedding/position_projection/kernel"),
    *(
        rule
        for scope, name, level in _LEVELS
        for rule in (
            Rule(
                f"{ROOT}/bert/{scope}/{name}_projector",
                f"patch_embedding/projection_{level}/kernel",
            ),
            Rule(
                f"{ROOT}/bert/{scope}/{name}_type_embeddings",
                f"patch_embedding/types_{level}",
            ),
            *_norm(f"bert/{scope}/{name}EmbLayerNorm", f"patch_embedding/norm_{level}"),
        )
    ),
)

_LAYER = r"bert/encoder/layer_(\d+)"
ENCODER = (
    *(
        Rule(
            f"{ROOT}/{_LAYER}/attention/self/{source}/{name}",
            rf"layer_\1/qkv/{name}", part=part,
        )
        for part, source in enumerate(("query", "key", "value"))
        for name in ("kernel", "bias")
    ),
    *_dense(f"{_LAYER}/attention/output/dense", r"layer_\1/attention_output"),
    *_norm(f"{_LAYER}/attention/output/LayerNorm", r"layer_\1/attention_norm"),
    *_dense(f"{_LAYER}/intermediate/dense", r"layer_\1/intermediate"),
    *_dense(f"{_LAYER}/output/dense", r"layer_\1/feed_forward_output"),
    *_norm(f"{_LAYER}/output/LayerNorm", r"layer_\1/output_norm"),
    *_dense("bert/pooler/dense", "pooler"),
)

HEADS = (
    *_dense("cls/predictions/transform/dense", "mlm/transform"),
    *_norm("cls/predictions/transform/LayerNorm", "mlm/norm"),
    Rule(f"{ROOT}/cls/predictions/output_bias", "mlm_bias/bias"),
    *_head("seq_relationship", "output_weights", "output_bias", "itm/output"),
    *_head(
        "img_rotation", "rotation_output_weights", "rotation_output_bias",
        "rotation/output",
    ),
    *_head(
        "img_jigsaw", "jiasaw_output_weights", "jigsaw_output_bias", "jigsaw/output"
    ),
    *_head(
        "img_camouflage", "camouflage_output_weights", "camouflage_output_bias",
        "camouflage/output",
    ),
    Rule(f"{ROOT}/cls/img_greymask/greymask_output_weights", "grey/kernel"),
    Rule(f"{ROOT}/cls/img_blankmask/blanmask_output_weights", "blank/kernel"),
)

# Fine-tuned checkpoints: 48 categories, 122 sub-categories.
CLASSIFIERS = (
    Rule(rf"({ROOT}/)?catepred_dense/(kernel|bias)", r"category/\2"),
    Rule(rf"({ROOT}/)?subcatepred_dense/(kernel|bias)", r"subcategory/\2"),
)

RELEASED = (*OPTIMIZER, *TEXT, *PATCHES, *ENCODER, *HEADS, *CLASSIFIERS)
