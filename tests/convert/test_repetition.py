"""A conversion that was made before is answered from the cache, and is the same as without one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge_convert.cli import main
from edge_convert.precision.cache import FOLDER

FORCED = ("--encoder-precision", "int8", "--head-precision", "dynamic_range", "--no-gate")
FROM_CACHE = "taken from the cache"
Command = Callable[..., tuple[Result, bytes]]


@pytest.fixture
def convert(
    cli: CliRunner,
    tiny_model_path: Path,
    tiny_clips_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Convert the tiny network with more options; what it said, and the bundle."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    output = tmp_path / "model.edge"

    def run(*options: str) -> tuple[Result, bytes]:
        output.unlink(missing_ok=True)
        arguments = [tiny_model_path, "-o", output, "--calibration", tiny_clips_path, *FORCED]
        done = cli.invoke(main, [str(each) for each in (*arguments, *options)])
        assert done.exit_code == 0, done.output
        return done, output.read_bytes()

    return run


def test_the_second_time_is_answered_from_the_cache(convert: Command, tmp_path: Path) -> None:
    page = str(tmp_path / "report.html")
    first, bundle = convert("--report", page)
    written = Path(page).read_bytes()
    Path(page).unlink()
    second, again = convert("--report", page)
    assert FROM_CACHE not in first.stderr and FROM_CACHE in second.stderr
    assert bundle == again and Path(page).read_bytes() == written
    assert first.stdout == second.stdout
    for entry in (tmp_path / "cache" / "edge-run" / FOLDER).iterdir():
        entry.write_bytes(entry.read_bytes()[:-1] + b"?")
    damaged, again = convert("--report", page)
    assert FROM_CACHE not in damaged.stderr and again == bundle


def test_without_the_cache_the_bundle_is_the_same(convert: Command, tmp_path: Path) -> None:
    _, kept = convert()
    said, anew = convert("--no-cache")
    assert FROM_CACHE not in said.stderr and anew == kept
    changed, _ = convert("--seed", "1", "--calibration-clips", "8")
    assert FROM_CACHE not in changed.stderr
