"""Tables of rules that take tensors of a file to variables of ours, by name."""

from __future__ import annotations

import dataclasses
import re
from typing import Dict, List, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Rule:
    """Where the tensors of a file go, whose names a pattern describes.

    Attributes:
        source: regular expression of the whole name.
        target: name of our variable, with `\\1` for what the pattern has caught; empty
            for tensors that we have no use for.
        part: of query (0), key (1), value (2), which thirds of our fused matrix these
            tensors are.
        transposed: whether the file holds the transpose.
        rows: whether a file may have more rows than we have need of.
    """

    source: str
    target: str
    part: Optional[int] = None
    transposed: bool = False
    rows: bool = False

    def target_of(self, name: str) -> str:
        """Returns where a tensor of this rule goes; empty where it goes nowhere."""
        return re.sub(self.source, self.target, name) if self.target else ""


@dataclasses.dataclass(frozen=True)
class Filled:
    """What became of a file's tensors.

    Attributes:
        used: names of tensors that went into variables.
        unused: names of those that the rules have no use for.
        left: names of variables of ours that stay as they began.
    """

    used: Sequence[str]
    unused: Sequence[str]
    left: Sequence[str] = ()


def variables_by_name(*models: tf.keras.Model) -> Dict[str, tf.Variable]:
    """Returns the variables of models by the names that rules give them."""
    return {
        variable.name.split(":")[0]: variable
        for model in models
        for variable in model.variables
    }


def find_rule(rules: Sequence[Rule], name: str) -> Optional[Rule]:
    """Returns the first rule that describes a name, None where there is none."""
    matching = (rule for rule in rules if re.fullmatch(rule.source, name))
    return next(matching, None)


def fill(
    variables: Mapping[str, tf.Variable],
    tensors: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    path: str,
) -> Filled:
    """Fills variables from tensors: all of the former, with all of the latter.

    Nothing is assigned unless all of it fits.

    Args:
        variables: by name, see `variables_by_name`.
        tensors: by name.
        rules: in order; the first that describes a name counts.
        path: names the file in errors.

    Raises:
        ValueError: if a tensor has no rule, its variable is not there, or has another
            shape; if a variable is left unfilled, or would be filled twice.
    """
    values: Dict[str, np.ndarray] = {}
    parts: Dict[str, Dict[int, np.ndarray]] = {}
    used: List[str] = []
    unused: List[str] = []
    lost: List[str] = []
    for name, tensor in tensors.items():
        rule = find_rule(rules, name)
        if rule is None:
            lost.append(name)
            continue
        if not rule.target:
            unused.append(name)
            continue
        target = rule.target_of(name)
        if target not in variables:
            lost.append(name)
            continue
        value = tensor.T if rule.transposed else tensor
        shape = list(variables[target].shape)
        if rule.part is not None:
            shape[-1] //= 3
        if rule.rows:
            value = value[: shape[0]]
        if list(value.shape) != shape:
            wanted = shape[::-1] if rule.transposed else shape
            raise ValueError(
                f"{path}: {name} has the shape {list(tensor.shape)}. The model needs "
                f"{wanted} for {target}."
            )
        slot = values if rule.part is None else parts.setdefault(target, {})
        key = target if rule.part is None else rule.part
        if key in slot:
            raise ValueError(f"{path} fills {target} twice. Received: {name}")
        slot[key] = value
        used.append(name)
    for target, thirds in parts.items():
        if len(thirds) == 3:
            values[target] = np.concatenate([thirds[i] for i in range(3)], axis=-1)
    unfilled = sorted(set(variables) - set(values))
    if lost or unfilled:
        raise ValueError(
            f"{path} does not fit the model. Tensors without a place: "
            f"{sorted(lost) or 'none'}. Variables without a value: "
            f"{unfilled or 'none'}."
        )
    for target, value in values.items():
        variables[target].assign(value)
    return Filled(used, unused)
