"""Names in the authors' checkpoints, and what they are called here.

In order; the first rule that describes a name counts. The misspelled ones are theirs.
"""

from __future__ import annotations

from kaleido.interop.tensorflow_names import Rules, bert_rules, norm
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


def _level(scope: str, name: str, level: int) -> Rules:
    source, target = f"{ROOT}/bert/{scope}/{name}", "patch_embedding"
    return (
        Rule(f"{source}_projector", f"{target}/projection_{level}/kernel"),
        Rule(f"{source}_type_embeddings", f"{target}/types_{level}"),
        *norm(f"{source}EmbLayerNorm", f"{target}/norm_{level}"),
    )


def _head(source: str, weights: str, bias: str, target: str) -> Rules:
    """A linear layer whose weights are stored as [classes, states]."""
    return (
        Rule(f"{ROOT}/cls/{source}/{weights}", f"{target}/kernel", transposed=True),
        Rule(f"{ROOT}/cls/{source}/{bias}", f"{target}/bias"),
    )


PATCHES: Rules = (
    Rule(f"{ROOT}/bert/position_dense", "patch_embedding/position_projection/kernel"),
    *(rule for names in _LEVELS for rule in _level(*names)),
)

HEADS: Rules = (
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
CLASSIFIERS: Rules = (
    Rule(rf"({ROOT}/)?catepred_dense/(kernel|bias)", r"category/\2"),
    Rule(rf"({ROOT}/)?subcatepred_dense/(kernel|bias)", r"subcategory/\2"),
)

# Of the networks; the optimiser's and a classifier's variables are told apart before.
RELEASED: Rules = (*bert_rules(f"{ROOT}/"), *PATCHES, *HEADS)
