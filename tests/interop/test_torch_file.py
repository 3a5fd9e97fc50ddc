"""PyTorch's two file formats are read without it, and nothing in them is run."""

import collections
import io
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from kaleido.interop import torch_file

_MAGIC = 0x1950A86A20F9469CFC6C


class _FakeTensor:
    """Pickles as a tensor does: a view (offset, size, stride) into a storage."""

    def __init__(self, storage, offset, size, stride):
        self.storage, self.view = storage, (offset, size, stride)

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, *self.view, False, collections.OrderedDict())


class _FakeStorage:
    def __init__(self, key, kind, values):
        self.key, self.kind, self.values = key, kind, values


@pytest.fixture(autouse=True)
def fake_torch(monkeypatch):
    """Names that a pickle of PyTorch's refers to; PyTorch need not be there."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "HalfStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*unused):
        raise AssertionError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def dump(state, stream):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, _FakeStorage):
                kind = getattr(sys.modules["torch"], value.kind)
                return ("storage", kind, value.key, "cpu", len(value.values))
            return None

    Pickler(stream, protocol=2).dump(state)


WEIGHTS = np.arange(24, dtype="<f4") / 7
STEPS = np.array([3, -5], "<i8")
HALVES = np.array([0.5, 0.25], "<f2")


def storages():
    return [
        _FakeStorage("0", "FloatStorage", WEIGHTS),
        _FakeStorage("1", "LongStorage", STEPS),
        _FakeStorage("2", "HalfStorage", HALVES),
    ]


def state_of(weights, steps, halves):
    return collections.OrderedDict(
        kernel=_FakeTensor(weights, 0, (2, 3, 4), (12, 4, 1)),
        # Two more views of the same storage: a slice, and a transposed one.
        row=_FakeTensor(weights, 4, (4,), (1,)),
        transposed=_FakeTensor(weights, 0, (4, 3), (1, 4)),
        scalar=_FakeTensor(steps, 1, (), ()),
        steps=_FakeTensor(steps, 0, (2,), (1,)),
        halves=_FakeTensor(halves, 0, (2,), (1,)),
        epoch=7,
    )


def write_zip(path, parts=None):
    parts = parts or storages()
    stream = io.BytesIO()
    dump(state_of(*parts), stream)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", stream.getvalue())
        for part in parts:
            archive.writestr(f"model/data/{part.key}", part.values.tobytes())


def write_legacy(path):
    parts = storages()
    with open(path, "wb") as file:
        for header in (_MAGIC, 1001, {"little_endian": True}):
            pickle.dump(header, file, protocol=2)
        dump(state_of(*parts), file)
        pickle.dump([part.key for part in parts], file, protocol=2)
        for part in parts:
            file.write(np.int64(len(part.values)).tobytes() + part.values.tobytes())


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_both_formats_are_read(write, tmp_path):
    path = str(tmp_path / "model.pth")
    write(path)
    state = torch_file.read_state_dict(path)
    # In the file's order, and tensors only.
    assert list(state) == ["kernel", "row", "transposed", "scalar", "steps", "halves"]
    np.testing.assert_array_equal(state["kernel"], WEIGHTS.reshape(2, 3, 4))
    np.testing.assert_array_equal(state["row"], WEIGHTS[4:8])
    np.testing.assert_array_equal(state["transposed"], WEIGHTS[:12].reshape(3, 4).T)
    assert state["scalar"] == -5 and state["scalar"].shape == ()
    np.testing.assert_array_equal(state["steps"], STEPS)
    assert state["halves"].dtype == np.float16
    # Copies: one tensor can be changed without the other.
    state["row"][:] = 0
    assert state["kernel"].any()


def test_nothing_in_a_file_is_executed(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/executed",)

    for name, writer in (("old.pth", "legacy"), ("new.pth", "zip")):
        path = tmp_path / name
        if writer == "legacy":
            path.write_bytes(pickle.dumps(Attack(), protocol=2))
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("model/data.pkl", pickle.dumps(Attack(), protocol=2))
        with pytest.raises(ValueError, match=f"{name}.*plain tensors.*system"):
            torch_file.read_state_dict(str(path))
    assert not (tmp_path / "executed").exists()


def test_a_whole_pickled_model_is_refused(tmp_path):
    path = str(tmp_path / "model.pth")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"cmymodule\nMyModel\n.")
    with pytest.raises(ValueError, match="mymodule.MyModel"):
        torch_file.read_state_dict(path)


@pytest.mark.parametrize("content", [b"", b"not a model", pickle.dumps(42)])
def test_other_files_are_refused_by_name(content, tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="model.pth is not a PyTorch state dict"):
        torch_file.read_state_dict(str(path))


@pytest.mark.parametrize("cut", [1, 4, 20, 60, 100, 130, 300])
def test_a_truncated_file_is_refused(cut, tmp_path):
    """Values that are not there must not be made up from the memory behind."""
    path = tmp_path / "model.pth"
    write_legacy(str(path))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ValueError):
        torch_file.read_state_dict(str(path))


def test_a_zip_with_too_few_values_is_refused(tmp_path):
    path = str(tmp_path / "model.pth")
    parts = storages()
    parts[0].values = WEIGHTS[:20]
    write_zip(path, parts)
    with pytest.raises(ValueError, match="model.pth is not a PyTorch state dict"):
        torch_file.read_state_dict(path)


def test_the_packaged_file_is_an_efficientnet(efficientnet_file):
    state = torch_file.read_state_dict(efficientnet_file)
    # The stem sees three colours; ImageNet has a thousand classes.
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(v).all() for v in state.values())


# 6 s: importing PyTorch.
@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_pytorchs_own_files_are_read(zipped, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real one
    torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench` only")
    path = str(tmp_path / "model.pth")
    kernel = torch.arange(24.0).reshape(2, 3, 4)
    view = kernel.permute(2, 0, 1)[1:]
    state = {"kernel": kernel, "view": view, "n": torch.tensor(3)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    received = torch_file.read_state_dict(path)
    for name, tensor in state.items():
        np.testing.assert_array_equal(received[name], tensor.numpy())
