"""What covered faces still tell, on few photos."""

import re

from click.testing import CliRunner

from examples import hidden_faces


def test_a_covered_face_tells_next_to_nothing_and_a_mosaic_most(cli: CliRunner) -> None:
    options = ["--people", "10", "--pixels-only", "--mosaic", "4"]
    done = cli.invoke(hidden_faces.main, options)
    assert done.exit_code == 0, done.output
    assert "100 photos" in done.output and "by chance: 10.0 %" in done.output
    rows = {
        line.split("  ")[0]: re.findall(r"([\d.]+) %", line) for line in done.output.splitlines()
    }
    alone = {name: float(rows[name][1]) for name in ("as they are", "mosaic of 4 x 4", "covered")}
    assert alone["covered"] <= 30 < 80 <= alone["mosaic of 4 x 4"] <= alone["as they are"] + 10
