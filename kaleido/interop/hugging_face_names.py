"""Tensor names of Hugging Face's BERT, and what they are called here.

`BertModel` has no prefix, `BertForPreTraining` and its like have `bert.`; linear layers
are stored as [outputs, inputs].
"""

from __future__ import annotations

from typing import Tuple

from kaleido.interop.variable_rules import Rule

_BERT, _CLS = r"(?:bert\.)?", r"cls\.predictions\."
_LAYER = rf"{_BERT}encoder\.layer\.(\d+)\."


def _dense(source: str, target: str) -> Tuple[Rule, ...]:
    return (
        Rule(rf"{source}\.weight", f"{target}/kernel", transposed=True),
        Rule(rf"{source}\.bias", f"{target}/bias"),
    )


def _norm(source: str, target: str) -> Tuple[Rule, ...]:
    # Files of TensorFlow's time say gamma and beta.
    return (
        Rule(rf"{source}\.(?:weight|gamma)", f"{target}/gamma"),
        Rule(rf"{source}\.(?:bias|beta)", f"{target}/beta"),
    )


_TEXT = rf"{_BERT}embeddings\."
HUGGING_FACE: Tuple[Rule, ...] = (
    Rule(rf"{_TEXT}word_embeddings\.weight", "text_embedding/words"),
    Rule(rf"{_TEXT}position_embeddings\.weight", "text_embedding/positions", rows=True),
    Rule(rf"{_TEXT}token_type_embeddings\.weight", "text_embedding/segments"),
    *_norm(rf"{_TEXT}LayerNorm", "text_embedding/norm"),
    *(
        Rule(
            rf"{_LAYER}attention\.self\.{source}\.{name}", rf"layer_\1/qkv/{ours}",
            part=part, transposed=name == "weight",
        )
        for part, source in enumerate(("query", "key", "value"))
        for name, ours in (("weight", "kernel"), ("bias", "bias"))
    ),
    *_dense(rf"{_LAYER}attention\.output\.dense", r"layer_\1/attention_output"),
    *_norm(rf"{_LAYER}attention\.output\.LayerNorm", r"layer_\1/attention_norm"),
    *_dense(rf"{_LAYER}intermediate\.dense", r"layer_\1/intermediate"),
    *_dense(rf"{_LAYER}output\.dense", r"layer_\1/feed_forward_output"),
    *_norm(rf"{_LAYER}output\.LayerNorm", r"layer_\1/output_norm"),
    *_dense(rf"{_BERT}pooler\.dense", "pooler"),
    *_dense(rf"{_CLS}transform\.dense", "mlm/transform"),
    *_norm(rf"{_CLS}transform\.LayerNorm", "mlm/norm"),
    Rule(rf"{_CLS}bias", "mlm_bias/bias"),
    # A cached range; whether a sentence follows another is not asked here.
    Rule(rf"{_TEXT}position_ids", ""),
    Rule(r"cls\.seq_relationship\.(weight|bias)", ""),
)

# Copies of other tensors, where a file holds them: BERT's output matrix is its
# embedding table.
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
