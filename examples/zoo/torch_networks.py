"""Networks of PyTorch that repositories hold, in other words and smaller: as programs and as ONNX."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from examples.zoo.members import FileForm, WrittenNetwork
from examples.zoo.patterns import PatternClips

BATCH, EPOCHS = 16, 4
if "triton" not in sys.modules:  # of torch with CUDA: it crashes where tensorflow is loaded
    sys.modules["triton"] = None  # type: ignore[assignment]


def _tensor(clips: PatternClips, order: str) -> torch.Tensor:
    """float32 0..255; order: TCHW or CTHW."""
    axes = (0, 1, 4, 2, 3) if order == "TCHW" else (0, 4, 1, 2, 3)
    return torch.from_numpy(clips.frames.transpose(axes).astype(np.float32))


def _train(network: nn.Module, clips: PatternClips, order: str) -> None:
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    frames, kind = _tensor(clips, order), torch.from_numpy(clips.kind)
    for _ in range(EPOCHS):
        for start in range(0, len(frames), BATCH):
            logits = network(frames[start : start + BATCH])
            loss = nn.functional.cross_entropy(logits, kind[start : start + BATCH])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    network.eval()


def _answers(network: nn.Module, clips: PatternClips, order: str) -> dict[str, np.ndarray]:
    with torch.no_grad():
        logits = [network(each[None]) for each in _tensor(clips, order)]
    return {"action": torch.cat(logits).numpy()}


def _program(
    network: nn.Module, base: Path, train: PatternClips, test: PatternClips, order: str = "TCHW"
) -> WrittenNetwork:
    _train(network, train, order)
    path = base.with_suffix(".pt2")
    example = (_tensor(PatternClips(test.frames[:1], test.kind[:1]), order),)
    torch.export.save(torch.export.export(network, example), path)
    return WrittenNetwork([str(path)], _answers(network, test, order))


def _onnx(
    network: nn.Module,
    base: Path,
    train: PatternClips,
    test: PatternClips,
    order: str = "TCHW",
    **options: Any,
) -> WrittenNetwork:
    _train(network, train, order)
    path = base.with_suffix(".onnx")
    example = (_tensor(PatternClips(test.frames[:1], test.kind[:1]), order),)
    torch.onnx.export(
        network,
        example,
        str(path),
        input_names=["clip"],
        output_names=["action"],
        dynamo=False,
        **options,
    )
    return WrittenNetwork([str(path)], _answers(network, test, order))


program = FileForm(".pt2", _program, needs="torch")
onnx = FileForm("ONNX", _onnx, needs="torch")


def _block(before: int, after: int, stride: int = 2) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            _block(before, after, stride), nn.Conv2d(after, after, 3, 1, 1), nn.BatchNorm2d(after)
        )
        self.aside = (
            nn.Conv2d(before, after, 1, stride) if stride > 1 or before != after else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.way(x) + self.aside(x))


def _resnet() -> nn.Sequential:
    return nn.Sequential(
        _block(3, 16), _Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class Folded(nn.Module):
    """Frames folded into the batch, then something over time that is (N, T, F) -> (N, F) or (N, T, F)."""

    def __init__(self, over_time: nn.Module, width: int, answers: int) -> None:
        super().__init__()
        self.frames, self.over_time, self.answer = _resnet(), over_time, nn.Linear(width, answers)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        x = self.frames(clip.flatten(0, 1) / 255).unflatten(0, clip.shape[:2])
        x = self.over_time(x)
        x = x[0] if isinstance(x, tuple) else x
        return self.answer(x[:, -1] if x.dim() == 3 else x)


@program("ResNet + LSTM, frames folded into the batch", 8, 64, 64, 3)
def torch_resnet_lstm() -> nn.Module:
    return Folded(nn.LSTM(64, 48, batch_first=True), 48, 12)


@program("the same, two layers of a GRU in both directions", 8, 64, 64, 3)
def torch_resnet_bigru() -> nn.Module:
    return Folded(nn.GRU(64, 24, 2, batch_first=True, bidirectional=True), 48, 12)


@program("CNN + transformer encoder", 8, 64, 64, 3)
def torch_cnn_transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(64, 4, 96, batch_first=True, norm_first=True)
    return Folded(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), 64, 10)


class Looped(nn.Module):
    """PyTorch's most copied CRNN for video: a loop over frames, then an LSTM (H. Huang's repository)."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Sequential(_block(3, 16), _block(16, 32), _block(32, 64))
        self.narrow, self.lstm = nn.Linear(64 * 8 * 8, 48), nn.LSTM(48, 32, batch_first=True)
        self.answer = nn.Sequential(
            nn.Linear(32, 24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, 11)
        )

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        features = []
        for t in range(clip.shape[1]):
            x = self.frames(clip[:, t] / 255).flatten(1)
            features.append(torch.relu(self.narrow(x)))
        x, _ = self.lstm(torch.stack(features, 1), None)
        return self.answer(x[:, -1])


@program("video-classification CRNN (H. Huang's repository), a loop over frames", 8, 64, 64, 3)
def torch_crnn_loop() -> nn.Module:
    return Looped()


@onnx("the same as ONNX", 8, 64, 64, 3)
def onnx_crnn_loop() -> nn.Module:
    return Looped()


@onnx("ResNet + LSTM as ONNX, opset 17", 8, 64, 64, 3, opset_version=17)
def onnx_resnet_lstm() -> nn.Module:
    return Folded(nn.LSTM(64, 48, batch_first=True), 48, 12)


@onnx("ResNet + GRU as ONNX, opset 13", 8, 64, 64, 3, opset_version=13)
def onnx_resnet_gru() -> nn.Module:
    return Folded(nn.GRU(64, 48, batch_first=True), 48, 12)


class Volumes(nn.Module):
    """Layers over (N, C, T, H, W)."""

    def __init__(self, *layers: nn.Module, width: int) -> None:
        super().__init__()
        self.maps, self.answer = nn.Sequential(*layers), nn.Linear(width, 12)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        return self.answer(self.maps(clip / 255).mean((2, 3, 4)))


def _volume(
    before: int, after: int, size: tuple[int, int, int] | int, **options: object
) -> nn.Sequential:
    padding = size // 2 if isinstance(size, int) else tuple(each // 2 for each in size)
    return nn.Sequential(
        nn.Conv3d(before, after, size, padding=padding, bias=False, **options),  # type: ignore[arg-type]
        nn.BatchNorm3d(after), nn.ReLU(),
    )  # fmt: skip


@program("torchvision's r3d, shortened", 8, 48, 48, 3, order="CTHW")
def torch_r3d() -> nn.Module:
    return Volumes(
        _volume(3, 16, 3, stride=(1, 2, 2)),
        _volume(16, 32, 3, stride=2),
        _volume(32, 48, 3, stride=2),
        width=48,
    )


@program("torchvision's r2plus1d, shortened", 8, 48, 48, 3, order="CTHW")
def torch_r2plus1d() -> nn.Module:
    layers = []
    for before, after in ((3, 16), (16, 32), (32, 48)):
        layers += [
            _volume(before, after, (1, 3, 3), stride=(1, 2, 2)),
            _volume(after, after, (3, 1, 1)),
        ]
    return Volumes(*layers, width=48)


@program("C3D in PyTorch: Conv3d and MaxPool3d", 8, 48, 48, 3, order="CTHW")
def torch_c3d() -> nn.Module:
    return Volumes(
        _volume(3, 16, 3), nn.MaxPool3d((1, 2, 2)), _volume(16, 32, 3), nn.MaxPool3d(2),
        _volume(32, 48, 3), nn.MaxPool3d(2), width=48,
    )  # fmt: skip


class Shifted(nn.Module):
    """TSM on a small ResNet (J. Lin's repository): channels of neighbours in time."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([_block(3, 16), _block(16, 32), _block(32, 48)])
        self.answer = nn.Linear(48, 27)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        count, window = clip.shape[:2]
        x = clip.flatten(0, 1) / 255
        for number, stage in enumerate(self.stages):
            if number:
                x = x.unflatten(0, (count, window))
                eighth = x.shape[2] // 8
                still = torch.zeros_like(x[:, :1, :eighth])
                back = torch.cat([x[:, 1:, :eighth], still], 1)
                forth = torch.cat([still, x[:, :-1, eighth : 2 * eighth]], 1)
                x = torch.cat([back, forth, x[:, :, 2 * eighth :]], 2).flatten(0, 1)
            x = stage(x)
        return self.answer(x.mean((2, 3))).unflatten(0, (count, window)).mean(1)


@program("TSM (J. Lin's repository), gestures", 8, 48, 48, 3)
def torch_temporal_shift() -> nn.Module:
    return Shifted()


class Normalised(nn.Module):
    """Who somebody is over a clip: features on the unit sphere, averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.frames, self.answer = _resnet(), nn.Linear(64, 20)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        x = self.frames(clip.flatten(0, 1) / 255).unflatten(0, clip.shape[:2])
        x = nn.functional.normalize(x, dim=2).mean(1)
        return self.answer(8 * nn.functional.normalize(x, dim=1))


@onnx("re-identification over a clip, features normalised, as ONNX", 8, 64, 64, 3)
def onnx_normalised_features() -> nn.Module:
    return Normalised()
