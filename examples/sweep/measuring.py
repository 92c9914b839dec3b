"""Convert and measure a member with the commands that a user would take."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_common.children import last_line, module_command, run_captured
from edge_common.errors import ModelError
from edge_common.files import write_whole
from edge_models.datasets.dataset import DataSet, export_clip_sets
from examples.sweep.training import MODEL

BUNDLE, RECORD, TIMING, PREDICTED = "model.edge", "record.json", "timing.json", "predicted.json"
BOARDS = "pi-4,pi-5"


def convert_and_answer(own: Path, data: DataSet, seed: int) -> None:
    """Make the int8 bundle of a trained member, and let it answer test clips; once."""
    if is_newer(own / PREDICTED, own / MODEL):
        return
    click.echo(f"converting and measuring {own.name}")
    sets = own / "sets"
    export_clip_sets(data, sets, seed)
    _run(
        "edge_convert.cli", own / MODEL, "-o", own / BUNDLE, "--calibration", sets / "calibration.npz",
        "--encoder-precision", "int8", "--head-precision", "int8",
    )  # fmt: skip
    _run(
        "edge_benchmarks.cli", "run", own / BUNDLE, "--data", sets / "test.npz", "-o", own / RECORD,
        "--processes", 0, "--cold-starts", 0,
    )  # fmt: skip
    for name in ("test", "calibration"):
        (sets / f"{name}.npz").unlink()
    sets.rmdir()
    predictions = _run("edge_benchmarks.cli", "predict", own / BUNDLE, "--device", BOARDS, "--json")
    write_whole(own / PREDICTED, predictions.encode())


def time_all(folders: Sequence[Path], processes: int, again: bool) -> None:
    """Time all bundles one right after the other, if one is new or it is asked for `again`."""
    if not again and all(is_newer(own / TIMING, own / BUNDLE) for own in folders):
        return
    with click.progressbar(folders, label="timing bundles") as progress:
        for own in progress:
            _run(
                "edge_benchmarks.cli", "run", own / BUNDLE, "-o", own / TIMING,
                "--cold-starts", 0, "--processes", processes,
            )  # fmt: skip


def is_newer(path: Path, than: Path) -> bool:
    """Whether a file is there and was written after another."""
    return path.exists() and path.stat().st_mtime >= than.stat().st_mtime


def _run(module: str, *arguments: object) -> str:
    """The standard output of one of the project's commands. Raises ModelError if it fails."""
    process = run_captured(module_command(module, *arguments))
    if process.returncode:
        reason = last_line(process.stderr)
        raise ModelError(f"{module.split('.')[0]} of {arguments[0]} failed: {reason}")
    return process.stdout
