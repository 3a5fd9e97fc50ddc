"""Names in Google's BERT checkpoints (TensorFlow 1), and what they are called here.

The authors' code keeps them, below a root of its own.
"""

from __future__ import annotations

from typing import Tuple

from kaleido.interop.variable_rules import Rule

Rules = Tuple[Rule, ...]

# What the optimiser remembers.
OPTIMIZER: Rules = (
    # Its slots beside each variable, whichever Adam it is, and its own numbers.
    Rule(r".*[Aa]dam.*", ""),
    Rule(r"(.*/)?beta\d_power(_\d+)?", ""),
    Rule(r"(.*/)?global_step", ""),
    Rule(r"(.*/)?(loss_scale|good_steps)", ""),
)


def dense(source: str, target: str) -> Rules:
    """Rules of a linear layer."""
    return tuple(
        Rule(f"{source}/{name}", f"{target}/{name}") for name in ("kernel", "bias")
    )


def norm(source: str, target: str) -> Rules:
    """Rules of a LayerNorm."""
    return tuple(
        Rule(f"{source}/{name}", f"{target}/{name}") for name in ("gamma", "beta")
    )


def bert_rules(root: str = "") -> Rules:
    """Returns the rules of text embedding, encoder, pooler and masked-language head.

    Args:
        root: what stands before all names, with its slash.
    """
    text, cls = f"{root}bert/embeddings", f"{root}cls/predictions"
    layer = rf"{root}bert/encoder/layer_(\d+)"
    return (
        Rule(f"{text}/word_embeddings", "text_embedding/words"),
        Rule(f"{text}/position_embeddings", "text_embedding/positions", rows=True),
        Rule(f"{text}/token_type_embeddings", "text_embedding/segments"),
        *norm(f"{text}/LayerNorm", "text_embedding/norm"),
        *(
            Rule(
                f"{layer}/attention/self/{source}/{name}", rf"layer_\1/qkv/{name}",
                part=part,
            )
            for part, source in enumerate(("query", "key", "value"))
            for name in ("kernel", "bias")
        ),
        *dense(f"{layer}/attention/output/dense", r"layer_\1/attention_output"),
        *norm(f"{layer}/attention/output/LayerNorm", r"layer_\1/attention_norm"),
        *dense(f"{layer}/intermediate/dense", r"layer_\1/intermediate"),
        *dense(f"{layer}/output/dense", r"layer_\1/feed_forward_output"),
        *norm(f"{layer}/output/LayerNorm", r"layer_\1/output_norm"),
        *dense(f"{root}bert/pooler/dense", "pooler"),
        *dense(f"{cls}/transform/dense", "mlm/transform"),
        *norm(f"{cls}/transform/LayerNorm", "mlm/norm"),
        Rule(f"{cls}/output_bias", "mlm_bias/bias"),
    )


# Whether a sentence follows another is not asked here.
_NEXT_SENTENCE = (Rule(r"cls/seq_relationship/output_(weights|bias)", ""),)

GOOGLE: Rules = (*OPTIMIZER, *bert_rules(), *_NEXT_SENTENCE)
