"""Reading PyTorch files without PyTorch, and without running what they hold."""

import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from edge_common.errors import ModelError
from edge_models.networks.torch_weights import read_state_dict

STORAGES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}
ARRAYS = {
    "conv.weight": np.arange(24, dtype="<f4").reshape(2, 3, 4),
    "bn.running_var": np.array([1.5, -2.5], "<f8"),
    "bn.steps": np.array(7, "<i8"),
}


class FakeTensor:
    """Pickles as torch pickles a tensor."""

    def __init__(self, key, array, stride=None, offset=0, shape=None):
        self.key, self.array, self.offset = key, array, offset
        self.shape = array.shape if shape is None else shape
        natural = tuple(step // array.itemsize for step in array.strides)
        self.stride = natural if stride is None else stride

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        storage = FakeStorage(self.key, self.array)
        return rebuild, (storage, self.offset, self.shape, self.stride, False, OrderedDict())


class FakeStorage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class TorchPickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy = legacy

    def persistent_id(self, thing):
        if not isinstance(thing, FakeStorage):
            return None
        kind = getattr(sys.modules["torch"], STORAGES[thing.array.dtype.str])
        pid = ("storage", kind, thing.key, "cpu", thing.array.size)
        return (*pid, None) if self.legacy else pid


@pytest.fixture(autouse=True)
def fake_torch(monkeypatch):
    """Just enough of torch for pickle to write its names."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    # A class pickles by its name alone, as torch's function does.
    utils._rebuild_tensor_v2 = type("_rebuild_tensor_v2", (), {"__module__": "torch._utils"})
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def dumped(thing, legacy=False):
    file = io.BytesIO()
    TorchPickler(file, legacy).dump(thing)
    return file.getvalue()


def write_zip(path, state, arrays):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", dumped(state))
        for number, array in enumerate(arrays):
            archive.writestr(f"archive/data/{number}", array.tobytes())


def state_of(arrays):
    return OrderedDict((n, FakeTensor(str(i), a)) for i, (n, a) in enumerate(arrays.items()))


def write_legacy(path, arrays):
    parts = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    parts += [dumped(state_of(arrays), legacy=True), pickle.dumps(["0", "1", "2"], 2)]
    for array in arrays.values():
        parts += [struct.pack("<q", array.size), array.tobytes()]
    path.write_bytes(b"".join(parts))


def same(read):
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype and np.array_equal(read[name], array)


def test_the_zip_form_is_read(tmp_path):
    write_zip(tmp_path / "w.pth", state_of(ARRAYS), ARRAYS.values())
    same(read_state_dict(tmp_path / "w.pth"))


def test_the_older_form_is_read(tmp_path):
    write_legacy(tmp_path / "w.pth", ARRAYS)
    same(read_state_dict(tmp_path / "w.pth"))


def test_strides_and_offsets_are_followed(tmp_path):
    flat = np.arange(8, dtype="<f4")
    state = {"t": FakeTensor("0", flat, stride=(1, 2), offset=2, shape=(2, 3))}
    write_zip(tmp_path / "w.pth", state, [flat])
    assert read_state_dict(tmp_path / "w.pth")["t"].tolist() == [[2, 4, 6], [3, 5, 7]]


@pytest.mark.parametrize(
    "wrong", [{"offset": 6, "shape": (3,)}, {"stride": (-1,)}, {"shape": (-3,)}, {"offset": -1}]
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path, wrong):
    flat = np.arange(8, dtype="<f4")
    write_zip(tmp_path / "w.pth", {"t": FakeTensor("0", flat, **wrong)}, [flat])
    with pytest.raises(ModelError, match="w.pth is no readable PyTorch state dict"):
        read_state_dict(tmp_path / "w.pth")


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    target = tmp_path / "made_by_the_pickle"
    write_zip(tmp_path / "zip.pth", {"t": Evil(target)}, [])
    (tmp_path / "stream.pth").write_bytes(pickle.dumps(Evil(target), 2))
    for name in ("zip.pth", "stream.pth"):
        with pytest.raises(ModelError, match="it asks for posix.mkdir"):
            read_state_dict(tmp_path / name)
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ModelError, match="no readable PyTorch state dict"):
        read_state_dict(tmp_path / "w.pth")
