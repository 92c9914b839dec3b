"""A motion gate is sealed into a bundle, checked on clips and measured on a recording."""

from pathlib import Path

import cv2
from click.testing import CliRunner

from edge.bundle import open_bundle
from examples.motion_gate import main
from tests import tiny


def test_a_bundle_gets_a_gate_and_what_it_does_is_measured(
    cli: CliRunner, tiny_bundle_path: Path, tiny_clips_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "gated.edge"
    path.write_bytes(tiny_bundle_path.read_bytes())
    done = cli.invoke(main, ["check", str(path), str(tiny_clips_path)])
    assert (done.exit_code, "has no motion gate: seal one" in done.output) == (2, True)
    done = cli.invoke(main, ["seal", str(path), str(tiny_clips_path), str(tiny_clips_path)])
    assert done.exit_code == 0, done.output
    bundle, before = open_bundle(path), open_bundle(tiny_bundle_path)
    gate = bundle.manifest.gate
    assert gate and gate.changed <= gate.decisions / 1000 and gate.saved
    assert bundle.members == before.members
    done = cli.invoke(main, ["check", str(path), str(tiny_clips_path), "--count", "4"])
    assert done.exit_code == 0 and "decisions changed" in done.output
    for number in range(9):
        cv2.imwrite(str(tmp_path / f"{number}.png"), tiny.frames(1)[0])
    done = cli.invoke(main, ["measure", str(path), str(tmp_path), "--rounds", "1"])
    assert "saved 55.6 % of encoder calls, 83.3 % of head calls" in done.output
