"""Files that appear whole or not at all: temporary name, then rename."""

from __future__ import annotations

import glob
import hashlib
import io
import json
import os
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np


def write_bytes(path: str, data: bytes) -> None:
    """Writes bytes; makes the folder if it is not there."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.tmp"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def write_text(path: str, text: str) -> None:
    """Writes UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str, content: Any) -> None:
    """Writes JSON, keys sorted."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(path, f"{text}\n")


def write_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays as a compressed `.npz`."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: str) -> Dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def beside(path: str, ending: str) -> str:
    """Returns the path of a file that belongs to a `.json` file: `FILE<ending>`."""
    stem = path[: -len(".json")] if path.endswith(".json") else path
    return f"{stem}{ending}"


def claim_folder(
    folder: str, job: Mapping[str, Any], what: str, results: Sequence[str]
) -> None:
    """Marks a folder as that of one job and of no other, in `job.json`.

    A folder that holds no result yet is free: a start that failed, by a wrong flag say,
    must not stand in the way of the right one.

    Args:
        folder: is made if it is not there.
        job: what the job's results depend on, JSON-able.
        what: the results, for the error: "the records", "the training".
        results: patterns of the files in the folder that belong to the job alone.

    Raises:
        ValueError: if it is another job's; names what differs.
    """
    path = os.path.join(folder, "job.json")
    job = json.loads(json.dumps(job))
    inside = glob.escape(folder)
    if not os.path.exists(path) or not any(
        glob.glob(os.path.join(inside, pattern)) for pattern in results
    ):
        write_json(path, job)
        return
    different = differences(read_json(path), job)
    if different:
        raise ValueError(
            f"{folder} holds {what} of another job. Take another folder, or delete "
            f"this one. Received: {'; '.join(different)}"
        )


def differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> List[str]:
    """Returns a line for each key whose values differ, sorted."""
    return sorted(
        f"{key}: {there.get(key)!r} there, {asked.get(key)!r} asked for"
        for key in set(there) | set(asked)
        if there.get(key) != asked.get(key)
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    """Returns nested mappings as one, with keys like `training.steps`."""
    flat: Dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            # JSON knows no tuples.
            flat[f"{prefix}{key}"] = tuple(value) if isinstance(value, list) else value
    return flat


def digest_arrays(*arrays: np.ndarray) -> str:
    """Returns a hash of arrays, their shapes and dtypes, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode("utf-8"))
        # A view: the pictures of a training set are no small thing to copy.
        digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()[:16]


def sha256_of(path: str) -> str:
    """Hexadecimal digest of a file of any size."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: str) -> Any:
    """Reads a JSON file.

    Raises:
        ValueError: if it is none; names the file.
    """
    with open(path, encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is no JSON file. Received: {error}") from error
