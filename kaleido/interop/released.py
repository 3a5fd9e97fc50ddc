"""The authors' TensorFlow 1 checkpoints as runs of ours.

What they hold stands in `released_names.py`; how the two codes differ, in FIDELITY.md.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping

import numpy as np
import tensorflow as tf

from kaleido.config import Config
from kaleido.interop.released_names import CLASSIFIERS, RELEASED, ROOT
from kaleido.interop.tensorflow_names import OPTIMIZER
from kaleido.interop.variable_rules import Filled, fill, find_rule, variables_by_name
from kaleido.layers.layer_norm import EPSILON
from kaleido.models import Networks, build_networks
from kaleido.patches import LAYOUTS
from kaleido.presets import preset
from kaleido.records import RecordSpec

LAYOUT = "kaleido"
# Sizes in config.json: which dimension of which variable they are.
_SIZES = {
    "vocab_size": ("bert/embeddings/word_embeddings", 0),
    "hidden_size": ("bert/embeddings/word_embeddings", 1),
    "max_position_embeddings": ("bert/embeddings/position_embeddings", 0),
    "type_vocab_size": ("bert/embeddings/token_type_embeddings", 0),
    "intermediate_size": ("bert/encoder/layer_0/intermediate/dense/kernel", 1),
    "patch_feature_size": ("bert/rotation_embeddings/rotation_projector", 0),
    "patch_type_vocab_size": ("bert/rotation_embeddings/rotation_type_embeddings", 0),
    "img_rotation_label_num": ("cls/img_rotation/rotation_output_bias", 0),
    "img_jigsaw_label_num": ("cls/img_jigsaw/jigsaw_output_bias", 0),
    "img_camouflage_label_num": ("cls/img_camouflage/camouflage_output_bias", 0),
}
# Patches of a level, which are the layout's.
_PATCHES = {
    "img_rotation_seq_len": 1, "img_jigsaw_seq_len": 4, "img_camouflage_seq_len": 9,
    "img_greymask_seq_len": 16, "img_blankmask_seq_len": 25,
}
_TEXT_LENGTH = 64
# Names of the approximated gelu: what their code computes, whatever it is called.
_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast")


@dataclasses.dataclass(frozen=True)
class Released:
    """A checkpoint of the authors', read.

    Attributes:
        config: the preset `released`, in the checkpoint's sizes.
        vocab_size, feature_size, max_tokens: what its records hold.
        tensors: by the authors' names, without the optimiser's.
        skipped: names of the optimiser's.
    """

    config: Config
    vocab_size: int
    feature_size: int
    max_tokens: int
    tensors: Mapping[str, np.ndarray]
    skipped: tuple

    @property
    def spec(self) -> RecordSpec:
        """What is known of records that it fits."""
        return RecordSpec.of_sizes(
            LAYOUT, self.feature_size, self.vocab_size, self.max_tokens
        )

    def build(self) -> Networks:
        """Builds networks of the checkpoint's sizes, with random weights."""
        return build_networks(
            self.config.model, LAYOUTS[LAYOUT], self.vocab_size, self.feature_size
        )


def read_released(prefix: str, sizes: Mapping[str, Any]) -> Released:
    """Reads a checkpoint, and checks it against its configuration.

    Args:
        prefix: of a TensorFlow 1 checkpoint.
        sizes: the authors' config.json.

    Raises:
        ValueError: if there is no checkpoint, the configuration lacks a size or is of
            another network, or a variable has another shape than it says; names both.
    """
    try:
        reader = tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(f"There is no checkpoint at {prefix}: {error}") from error
    shapes = reader.get_variable_to_shape_map()
    _check_kind(sizes)
    skipped = tuple(name for name in sorted(shapes) if find_rule(OPTIMIZER, name))
    kept = [name for name in sorted(shapes) if name not in skipped]
    _check_sizes(prefix, sizes, {name: shapes[name] for name in kept})
    config = preset("released")
    model = dataclasses.replace(
        config.model,
        hidden_size=sizes["hidden_size"],
        num_layers=sizes["num_hidden_layers"],
        num_heads=sizes["num_attention_heads"],
        intermediate_size=sizes["intermediate_size"],
        dropout=sizes.get("hidden_dropout_prob", config.model.dropout),
        attention_dropout=sizes.get(
            "attention_probs_dropout_prob", config.model.attention_dropout
        ),
        max_text_positions=sizes["max_position_embeddings"],
        segment_rows=sizes["type_vocab_size"],
        patch_type_rows=sizes["patch_type_vocab_size"],
    )
    return Released(
        config=dataclasses.replace(config, model=model),
        vocab_size=sizes["vocab_size"],
        feature_size=sizes["patch_feature_size"],
        max_tokens=sizes.get("text_seq_len", _TEXT_LENGTH),
        tensors={name: reader.get_tensor(name) for name in kept},
        skipped=skipped,
    )


def _check_kind(sizes) -> None:
    """Refuses what no shape of a variable tells."""
    activation = sizes.get("hidden_act", _ACTIVATIONS[0])
    epsilon = sizes.get("layer_norm_eps", EPSILON)
    if activation not in _ACTIVATIONS or epsilon != EPSILON:
        raise ValueError(
            "The configuration is of another network than the authors', which has "
            f"hidden_act one of {_ACTIVATIONS} and layer_norm_eps={EPSILON}. Received: "
            f"hidden_act={activation!r}, layer_norm_eps={epsilon}"
        )


def _check_sizes(prefix, sizes, shapes) -> None:
    wanted = {*_SIZES, "num_hidden_layers", "num_attention_heads"}
    required = {name for name in wanted if not name.endswith("_label_num")}
    missing = sorted(required - set(sizes))
    if missing:
        raise ValueError(
            f"The configuration lacks {missing}. Received: {sorted(sizes)}"
        )
    for key, (name, axis) in _SIZES.items():
        shape = shapes.get(f"{ROOT}/{name}")
        if shape is None:
            raise ValueError(
                f"{prefix} has no variable {ROOT}/{name}. It is no Kaleido-BERT of the "
                f"authors' code. Received: {sorted(shapes)[:5]} ..."
            )
        if key in sizes and shape[axis] != sizes[key]:
            asked = [*shape[:axis], sizes[key], *shape[axis + 1 :]]
            raise ValueError(
                f"{prefix}: {ROOT}/{name} has the shape {shape}. By {key} of the "
                f"configuration it is {asked}."
            )
    layers = {
        name.split("/")[3] for name in shapes if "/bert/encoder/layer_" in name
    }
    if len(layers) != sizes["num_hidden_layers"]:
        raise ValueError(
            f"{prefix} has the layers {sorted(layers)}. Received: num_hidden_layers="
            f"{sizes['num_hidden_layers']} in the configuration"
        )
    for key, count in _PATCHES.items():
        if sizes.get(key, count) != count:
            raise ValueError(
                f"The layout {LAYOUT!r} has {count} patches for {key}. "
                f"Received: {sizes[key]}"
            )


def fill_networks(networks: Networks, released: Released, prefix: str) -> Filled:
    """Fills the joint model from a checkpoint: all of it, with all of that.

    The contrastive view is ours, and stays as it begins.

    Raises:
        ValueError: see `variable_rules.fill`.
    """
    heads = classifier_tensors(released)
    body = {n: tensor for n, tensor in released.tensors.items() if n not in heads}
    return fill(variables_by_name(networks.joint), body, RELEASED, prefix)


def read_classifiers(
    released: Released, names_path: str
) -> Dict[str, Dict[str, np.ndarray]]:
    """Returns the heads of a checkpoint that was fine-tuned for classes.

    Args:
        released: the checkpoint.
        names_path: text file of the classes' names, a line each, in the order of the
            outputs; empty where there is no such head.

    Returns:
        By task `kernel` float32 [hidden_size, classes], `bias` float32 [classes] and
        `names` UTF-8 bytes [classes].

    Raises:
        ValueError: if a head is not whole, or names and outputs are not as many.
    """
    heads: Dict[str, Dict[str, np.ndarray]] = {}
    for name, tensor in classifier_tensors(released).items():
        task = "subcategory" if "subcatepred" in name else "category"
        heads.setdefault(task, {})[name.rsplit("/", 1)[1]] = tensor
    if not names_path:
        if heads:
            raise ValueError(
                f"The checkpoint has a classifier of {sorted(heads)}: --classes must "
                "name its classes, a line each, in the order of its outputs."
            )
        return {}
    if len(heads) != 1:
        raise ValueError(
            f"{names_path} names the classes of one classifier. Received: a checkpoint "
            f"with classifiers of {sorted(heads)}"
        )
    ((task, head),) = heads.items()
    hidden = released.config.model.hidden_size
    kernel, bias = head.get("kernel"), head.get("bias")
    if kernel is None or bias is None or kernel.shape != (hidden, len(bias)):
        shapes = {name: list(value.shape) for name, value in head.items()}
        raise ValueError(f"The classifier of {task} is not whole. Received: {shapes}")
    with open(names_path, encoding="utf-8") as file:
        names = [line.rstrip("\r\n") for line in file]
    if len(names) != len(bias) or len(set(names)) != len(names):
        raise ValueError(
            f"The classifier of {task} has {len(bias)} classes. Received: {len(names)} "
            f"names, {len(set(names))} different ones, in {names_path}"
        )
    return {task: {**head, "names": np.array([n.encode("utf-8") for n in names])}}


def unknown_tensors(released: Released) -> List[str]:
    """Returns the names of tensors that no rule describes, sorted."""
    rules = (*RELEASED, *CLASSIFIERS)
    return sorted(name for name in released.tensors if not find_rule(rules, name))


def classifier_tensors(released: Released) -> Dict[str, np.ndarray]:
    """Returns the tensors of fine-tuned classifiers, by the authors' names."""
    tensors = released.tensors.items()
    return {name: t for name, t in tensors if find_rule(CLASSIFIERS, name)}
