"""Does a converted checkpoint return what the authors' code returned?"""

from __future__ import annotations

import dataclasses
import glob
import os
from typing import Any, Dict, Mapping, Optional

import numpy as np

from kaleido.files import read_arrays, read_json
from kaleido.interop.released import (
    classifier_tensors,
    fill_networks,
    read_released,
    unknown_tensors,
)
from kaleido.interop.released_outputs import joint_outputs, released_outputs, usual_rows
from kaleido.models import Networks
from kaleido.precision import whole_float32


def verify(fixture: str) -> Dict[str, Any]:
    """Converts the checkpoint of a folder and runs its inputs, in float32.

    Args:
        fixture: holds one checkpoint, `config.json` and `io.npz`, arrays `in_<name>`
            and `out_<name>`, see `released_outputs`.

    Returns:
        `differences`, the largest absolute one of each output; `largest` of all;
        `joint_largest`, that of the functional model which evaluation and export run,
        on `joint_examples`, which have the mask and the segments that it takes for
        granted; None where there is none;
        `outputs_missing`, names of what ours returns and the fixture does not hold;
        `variables_used`, of which `classifier_variables` are a fine-tuned head's that
        no output here is of; `variables_left`, and their names in `left`;
        `optimizer_variables_skipped`.

    Raises:
        ValueError: if the folder is not whole, the checkpoint does not fit, or an
            output has another shape; see `released.read_released`.
    """
    with whole_float32():
        return _verify(fixture)


def _verify(fixture: str) -> Dict[str, Any]:
    indices = glob.glob(os.path.join(glob.escape(fixture), "*.index"))
    if len(indices) != 1:
        raise ValueError(f"{fixture} must hold one checkpoint. Received: {indices}")
    prefix = indices[0][: -len(".index")]
    released = read_released(prefix, read_json(os.path.join(fixture, "config.json")))
    # A conversion refuses these; here they are counted.
    left = unknown_tensors(released)
    known = {n: tensor for n, tensor in released.tensors.items() if n not in left}
    networks = released.build()
    filled = fill_networks(
        networks, dataclasses.replace(released, tensors=known), prefix
    )
    # What a fine-tuning put on top is a task's, not the networks'.
    classifiers = len(classifier_tensors(released))
    arrays = read_arrays(os.path.join(fixture, "io.npz"))
    inputs = {k[3:]: v for k, v in arrays.items() if k.startswith("in_")}
    expected = {k[4:]: v for k, v in arrays.items() if k.startswith("out_")}
    received = released_outputs(networks, inputs)
    rows = usual_rows(networks, inputs)
    differences = {}
    for name, value in expected.items():
        if name not in received or received[name].shape != value.shape:
            shape = received[name].shape if name in received else None
            raise ValueError(
                f"{fixture}/io.npz: out_{name} has the shape {value.shape}. "
                f"Received: {shape}"
            )
        differences[name] = float(np.abs(received[name] - value).max())
    if not differences:
        raise ValueError(f"{fixture}/io.npz holds no outputs. Received: {list(arrays)}")
    return {
        "differences": differences,
        "largest": _largest(differences),
        "joint_largest": _joint_largest(networks, inputs, expected, rows),
        "joint_examples": len(rows),
        "outputs_missing": sorted(set(received) - set(expected)),
        "variables_used": len(filled.used) + classifiers,
        "classifier_variables": classifiers,
        "variables_left": len(left),
        "left": left,
        "optimizer_variables_skipped": len(released.skipped),
    }


def _largest(differences: Mapping[str, float]) -> float:
    # A difference that is no number is the largest of all.
    return float(np.max(np.nan_to_num(list(differences.values()), nan=np.inf)))


def _joint_largest(
    networks: Networks, inputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray], rows: np.ndarray,
) -> Optional[float]:
    if not len(rows):
        return None
    batch = len(inputs["input_ids"])
    found = joint_outputs(networks, {name: v[rows] for name, v in inputs.items()})
    differences = {}
    for name, value in found.items():
        if name not in expected:
            continue
        wanted = expected[name].reshape(batch, -1)[rows]
        if name == "nsp_logits":
            # The log-odds of the second, which says yes.
            wanted = wanted[:, 1:] - wanted[:, :1]
        differences[name] = float(np.abs(value.reshape(wanted.shape) - wanted).max())
    return _largest(differences) if differences else None
