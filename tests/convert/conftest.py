from collections.abc import Callable
from pathlib import Path

import pytest

from edge.bundle import Bundle
from edge_convert.pipeline import Conversion
from edge_convert.request import ConversionRequest
from tests.convert.latencies import idle_latencies_ms

USUAL = {"encoder_precision": "int8", "head_precision": "dynamic_range", "gate": False}


@pytest.fixture
def idle_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latencies as where nothing else runs: they decide what a search tries and chooses."""
    monkeypatch.setattr("edge_convert.precision.search.latencies_ms", idle_latencies_ms)


@pytest.fixture
def convert(tmp_path: Path, tiny_clips_path: Path) -> Callable[..., tuple[Bundle, Conversion]]:
    """Save a Keras model, convert it, and give the bundle with what was measured.

    In the usual precisions, unless the test asks for others: a search takes its time.
    """

    def run(model, **options) -> tuple[Bundle, Conversion]:
        path = tmp_path / "model.keras"
        model.save(path)
        options.setdefault("calibration", tiny_clips_path)
        options = {**USUAL, **options}
        conversion = Conversion(ConversionRequest(path, tmp_path / "model.edge", **options))
        return conversion.run(), conversion

    return run
