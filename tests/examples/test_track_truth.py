"""The program that follows what people drew, on a sequence that is made here."""

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("lap", reason="needs lapx: pip install 'edge-run[people]'")

from examples.track_truth import main


def test_two_who_walk_are_followed(tmp_path: Path) -> None:
    rows = [
        f"{frame},{person},{start + 3 * frame * way},200,40,100,1"
        for frame in range(1, 41)
        for person, start, way in ((1, 100, 1), (2, 400, -1))
    ]
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/gt.txt").write_text("\n".join(rows))
    (tmp_path / "seqinfo.ini").write_text(
        "[Sequence]\nframeRate=25\nseqLength=40\nimWidth=640\nimHeight=480\n"
    )
    result = CliRunner().invoke(main, [str(tmp_path), "--seeds", "1"])
    assert result.exit_code == 0, result.stderr
    drawn = next(line for line in result.stdout.splitlines() if line.startswith("as drawn"))
    assert drawn.split()[2:] == ["ours", "98.7", "97.0", "97.0", "97.5", "0.0"]
    assert "10 people, ms a frame: ours " in result.stdout
