"""PyTorch through litert-torch; skipped where it is not installed."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.inputs import InputRequest
from edge_convert.sources import float_tflite
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

sys.modules.setdefault("triton", None)  # of torch with CUDA: it crashes where tensorflow is loaded
torch = pytest.importorskip("torch")
pytest.importorskip("litert_torch")
torch_pooling = pytest.importorskip("edge_convert.sources.torch_pooling")


class _Window(torch.nn.Module):
    """Frames folded into the batch, an LSTM over them: (batch, T, 3, 24, 20) -> two tasks."""

    def __init__(self) -> None:
        super().__init__()
        layers = torch.nn
        self.pictures = layers.Sequential(
            layers.Conv2d(3, 6, 3, 2, 1), layers.BatchNorm2d(6), layers.GELU(), layers.MaxPool2d(2)
        )
        self.over_time = layers.LSTM(6, 5, batch_first=True)
        self.kind, self.size = layers.Linear(5, 3), layers.Linear(5, 1)

    def forward(self, clip: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.pictures(clip.flatten(0, 1))
        x, _ = self.over_time(maps.mean((2, 3)).view(*clip.shape[:2], -1))
        return {"kind": self.kind(x[:, -1]).softmax(-1), "size": self.size(x[:, -1])}


def _save(path: Path, network: torch.nn.Module, shape: tuple[int, ...], **options) -> Path:
    torch.manual_seed(0)
    exported = torch.export.export(network.eval(), (torch.rand(shape),), **options)
    torch.export.save(exported, path)
    return path


@pytest.mark.parametrize("any_batch", [False, True])
def test_a_window_is_channels_last_and_can_be_cut(tmp_path: Path, any_batch: bool) -> None:
    torch.manual_seed(0)
    network = _Window()
    batch = {"dynamic_shapes": ({0: torch.export.Dim("batch", max=8)},)} if any_batch else {}
    shape = (2 if any_batch else 1, 4, 3, 24, 20)
    found = float_tflite(_save(tmp_path / "model.pt2", network, shape, **batch))
    assert found.origin.startswith("PyTorch through litert-torch ")
    assert flatbuffer.signature(found.model) == ({"window": 0}, {"kind": 0, "size": 1})
    assert [t.shape for t in Engine(found.model).inputs] == [(1, 4, 24, 20, 3)]
    frames = np.random.default_rng(0).random((1, 4, 24, 20, 3), np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(np.moveaxis(frames, -1, 2).copy()))
    answers = run(found.model, {"window": frames})
    for name, value in wanted.items():
        assert np.allclose(answers[name], value, atol=1e-5)
    assert_parts_equal_the_whole(found.model)


class _Called(torch.nn.Module):
    """As PyTorchVideo passes pathways, in a list, and Hugging Face pixels, by keyword or in a dict."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.maps = form, torch.nn.Conv2d(3, 4, 3, 2)

    def forward(self, clip=None, *, pixel_values=None) -> torch.Tensor:
        given = {
            "keyword": lambda: pixel_values,
            "list": lambda: clip[0],
            "dict": lambda: clip["x"],
        }
        frames = given[self.form]()
        return self.maps(frames.flatten(0, 1)).mean((2, 3)).view(1, -1)


@pytest.mark.parametrize("form", ["keyword", "list", "dict"])
def test_inputs_may_be_passed_in_any_form(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    network, clip = _Called(form).eval(), torch.rand(1, 4, 3, 24, 20)
    calls = {
        "keyword": ((), {"pixel_values": clip}),
        "list": (([clip],), {}),
        "dict": (({"x": clip},), {}),
    }
    arguments, by_name = calls[form]
    exported = torch.export.export(network, arguments, by_name)
    torch.export.save(exported, tmp_path / "model.pt2")
    found = float_tflite(tmp_path / "model.pt2")
    with torch.no_grad():
        wanted = network(*arguments, **by_name)
    answers = run(found.model, {"window": np.moveaxis(clip.numpy(), 2, -1)})
    assert np.allclose(answers["output_0"], wanted, atol=1e-5)


def test_a_picture(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten())
    found = float_tflite(_save(tmp_path / "model.pt2", network, (1, 1, 12, 10)))
    assert flatbuffer.signature(found.model) == ({"frame": 0}, {"output_0": 0})
    assert [t.shape for t in Engine(found.model).inputs] == [(1, 12, 10, 1)]


class _Scaled(torch.nn.Module):
    """With numbers that stand in its code."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)
        return ((frames - mean) / torch.tensor(0.2)).mean((2, 3)) + torch.tensor([1.0, 2.0, 3.0])


def test_numbers_in_the_code_are_constants(tmp_path: Path) -> None:
    found = float_tflite(_save(tmp_path / "model.pt2", _Scaled(), (1, 3, 8, 8)))
    answers = run(found.model, {"frame": np.full((1, 8, 8, 3), 0.6, np.float32)})
    assert np.allclose(answers["output_0"], [[2.0, 2.5, 3.0]], atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "said"),
    [((1, 5, 8, 8), "no axis of 1 or 3 channels"), ((1, 9), "takes")],
)
def test_other_forms_are_refused(tmp_path: Path, shape: tuple[int, ...], said: str) -> None:
    path = _save(tmp_path / "model.pt2", torch.nn.Flatten(), shape)
    with pytest.raises(ModelError, match=said):
        float_tflite(path)


def test_three_windows_at_once_become_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = _Window()
    model = float_tflite(_save(tmp_path / "model.pt2", network, (3, 4, 3, 24, 20))).model
    assert [t.shape for t in Engine(model).inputs] == [(1, 4, 24, 20, 3)]
    frames = np.random.default_rng(0).random((1, 4, 24, 20, 3), np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(np.moveaxis(frames, -1, 2).copy()))
    for name, value in run(model, {"window": frames}).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5)
    assert_parts_equal_the_whole(model)


class _TwoRates(torch.nn.Module):
    """As SlowFast in PyTorchVideo: (N, 3, T, H, W) of every second frame, and of all."""

    def __init__(self) -> None:
        super().__init__()
        self.slow, self.fast = (torch.nn.Conv3d(3, k, (1, 3, 3), (1, 2, 2)) for k in (8, 4))
        self.kind = torch.nn.Linear(12, 3)

    def forward(self, slow: torch.Tensor, fast: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        pathways = self.slow(slow).relu().mean((2, 3, 4)), self.fast(fast).relu().mean((2, 3, 4))
        return self.kind(torch.cat(pathways, 1)) + bias


def test_two_rates_of_one_clip_and_a_constant_become_one_window(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, fast = _TwoRates().eval(), torch.rand((1, 3, 8, 24, 20))
    slow, bias = fast[:, :, [0, 2, 4, 7]], torch.tensor([[0.5, -1.0, 2.0]])
    torch.export.save(torch.export.export(network, (slow, fast, bias)), tmp_path / "model.pt2")
    request = InputRequest(constants={"bias": [0.5, -1, 2]})
    model = float_tflite(tmp_path / "model.pt2", request=request).model
    (answer,) = run(model, {"window": np.moveaxis(fast.numpy(), 1, -1)}).values()
    with torch.no_grad():
        np.testing.assert_allclose(answer, network(slow, fast, bias), atol=1e-5)
    assert_parts_equal_the_whole(model)


def test_a_file_that_torch_did_not_export_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "model.pt2")
    with pytest.raises(ModelError, match=r"model\.pt2 is not from torch\.export\.save"):
        float_tflite(tmp_path / "model.pt2")


class _Creating:
    """What makes a file as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("record", ["data/sample_inputs/model.pt", "data/constants/opaque_obj_0"])
def test_what_is_pickled_inside_never_runs(tmp_path: Path, record: str) -> None:
    given = _save(tmp_path / "given.pt2", torch.nn.Flatten(), (1, 3, 8, 8))
    evil = io.BytesIO()
    torch.save(_Creating(tmp_path / "made"), evil)
    reader = torch._C.PyTorchFileReader(str(given))
    names = [n for n in reader.get_all_records() if n.startswith(("archive", "data", "models"))]
    records = {name: reader.get_record(name) for name in names} | {record: evil.getvalue()}
    writer = torch._C.PyTorchFileWriter(str(tmp_path / "evil.pt2"))
    for name, held in records.items():
        writer.write_record(name, held, len(held))
    writer.write_end_of_file()
    with pytest.raises(ModelError, match=r"evil\.pt2 holds pickled objects"):
        float_tflite(tmp_path / "evil.pt2")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("stride", "padding", "dilation"),
    [((1, 2, 2), 1, 1), ((2, 1, 1), (0, 1, 2), (2, 1, 1)), (1, 2, 1)],
)
def test_grouped_3d_convolutions_are_sums_of_2d_ones(stride, padding, dilation) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv3d(6, 12, 3, stride, padding, dilation, groups=3)
    x = torch.randn(2, 6, 7, 9, 8)
    graph = torch_pooling.in_2d(torch.export.export(layer.eval(), (x,)).module())
    assert "aten.conv3d" not in graph.code
    torch.testing.assert_close(graph(x), layer(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sizes", [1, (2, 1, 1), (4, None, 5), (None, 3, 7)])
def test_adaptive_3d_means_are_taken_axis_by_axis(sizes) -> None:
    layer, x = torch.nn.AdaptiveAvgPool3d(sizes), torch.rand(2, 3, 6, 9, 7)
    graph = torch_pooling.in_2d(torch.export.export(layer.eval(), (x,)).module())
    assert "aten.adaptive" not in graph.code
    torch.testing.assert_close(graph(x), layer(x))


@pytest.mark.parametrize("kernel", [(1, 2, 2), (3, 3, 2), 2])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("padding", [0, 1])
def test_3d_pooling_is_2d_pooling_over_space_then_over_time(kernel, ceil_mode, padding) -> None:
    padding = 0 if kernel == (1, 2, 2) else padding
    options = {"padding": padding, "ceil_mode": ceil_mode, "stride": 2}
    layers = [torch.nn.MaxPool3d(kernel, **options)]
    layers += [
        torch.nn.AvgPool3d(kernel, **options, count_include_pad=counted)
        for counted in (True, False)
    ]
    x = torch.rand(1, 3, 6, 9, 7)
    for layer in layers:
        graph = torch.export.export(layer.eval(), (x,)).module()
        pooled = torch_pooling.in_2d(graph)(x)
        assert "aten.max_pool3d" not in graph.code and "aten.avg_pool3d" not in graph.code
        torch.testing.assert_close(pooled, layer(x))
