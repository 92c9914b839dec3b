"""Networks of PyTorch, as programs (`torch.export`) and as ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from examples.zoo.members import Built, Form
from examples.zoo.patterns import Clips

BATCH, EPOCHS = 16, 4


def _tensor(clips: Clips, order: str) -> torch.Tensor:
    """float32 0..255; order: TCHW or CTHW."""
    axes = (0, 1, 4, 2, 3) if order == "TCHW" else (0, 4, 1, 2, 3)
    return torch.from_numpy(clips.frames.transpose(axes).astype(np.float32))


def _train(network: nn.Module, clips: Clips, order: str) -> None:
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    frames, kind = _tensor(clips, order), torch.from_numpy(clips.kind)
    for _ in range(EPOCHS):
        for start in range(0, len(frames), BATCH):
            given = network(frames[start : start + BATCH])
            loss = nn.functional.cross_entropy(given, kind[start : start + BATCH])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    network.eval()


def _answers(network: nn.Module, clips: Clips, order: str) -> dict[str, np.ndarray]:
    with torch.no_grad():
        given = [network(each[None]) for each in _tensor(clips, order)]
    return {"action": torch.cat(given).numpy()}


def _program(
    network: nn.Module, base: Path, train: Clips, test: Clips, order: str = "TCHW"
) -> Built:
    _train(network, train, order)
    path = base.with_suffix(".pt2")
    example = (_tensor(Clips(test.frames[:1], test.kind[:1]), order),)
    torch.export.save(torch.export.export(network, example), path)
    return Built([str(path)], _answers(network, test, order))


def _onnx(
    network: nn.Module, base: Path, train: Clips, test: Clips, order: str = "TCHW", **options: Any
) -> Built:
    _train(network, train, order)
    path = base.with_suffix(".onnx")
    example = (_tensor(Clips(test.frames[:1], test.kind[:1]), order),)
    torch.onnx.export(
        network,
        example,
        str(path),
        input_names=["clip"],
        output_names=["action"],
        dynamo=False,
        **options,
    )
    return Built([str(path)], _answers(network, test, order))


program = Form(".pt2", _program, needs="torch")
onnx = Form("ONNX", _onnx, needs="torch")
