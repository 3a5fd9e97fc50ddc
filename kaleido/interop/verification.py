"""Does a converted checkpoint return what the authors' code returned?"""

from __future__ import annotations

import glob
import os
from typing import Any, Dict

import numpy as np
import tensorflow as tf

from kaleido.files import read_arrays, read_json
from kaleido.interop.released import classifier_tensors, fill_networks, read_released
from kaleido.interop.released_outputs import released_outputs


def verify(fixture: str) -> Dict[str, Any]:
    """Converts the checkpoint of a folder and runs its inputs, in float32.

    Args:
        fixture: holds one checkpoint, `config.json` and `io.npz`, arrays `in_<name>`
            and `out_<name>`, see `released_outputs`.

    Returns:
        `differences`, the largest absolute one of each output; `largest` of all;
        `variables_used`, `variables_left`, `optimizer_variables_skipped`.

    Raises:
        ValueError: if the folder is not whole, the checkpoint does not fit, or an
            output has another shape; see `released.read_released`.
    """
    # Matrix products of newer GPUs are of ten bits' mantissas unless told otherwise.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    indices = glob.glob(os.path.join(glob.escape(fixture), "*.index"))
    if len(indices) != 1:
        raise ValueError(f"{fixture} must hold one checkpoint. Received: {indices}")
    prefix = indices[0][: -len(".index")]
    released = read_released(prefix, read_json(os.path.join(fixture, "config.json")))
    networks = released.build()
    filled = fill_networks(networks, released, prefix)
    # What a fine-tuning put on top is a task's, not the networks'.
    classifiers = len(classifier_tensors(released))
    arrays = read_arrays(os.path.join(fixture, "io.npz"))
    inputs = {k[3:]: v for k, v in arrays.items() if k.startswith("in_")}
    expected = {k[4:]: v for k, v in arrays.items() if k.startswith("out_")}
    received = released_outputs(networks, inputs)
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
        # A difference that is no number is the largest of all.
        "largest": float(np.max(np.nan_to_num(list(differences.values()), nan=np.inf))),
        "variables_used": len(filled.used) + classifiers,
        "variables_left": len(released.tensors) - len(filled.used) - classifiers,
        "optimizer_variables_skipped": len(released.skipped),
    }
