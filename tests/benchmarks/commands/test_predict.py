"""edge-bench predict, as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import open_bundle, write_bundle
from edge_benchmarks.cli import main
from edge_benchmarks.prediction import forecast
from edge_devices.profiles.catalogue import profile_named, profiles
from examples.results_boards import section
from tests.detectors import bright_spots

MIB = 1 << 20


def test_a_table_of_all_boards(cli: CliRunner) -> None:
    done = cli.invoke(main, ["predict"])
    assert done.exit_code == 0, done.output
    assert "faces-in-motion: predicted, not measured" in done.stdout
    rows = {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert {"pi-zero-2w", "pi-3b-plus", "pi-4", "pi-5", "jetson-nano", "jetson-orin-nano"} <= rows
    assert "nothing can be predicted for generic-x86-64" in done.stdout
    assert "6 % in the median, 18 % at worst, 25 of 25 within their interval" in done.stdout
    assert "instructions estimated" in done.stdout


def test_json_says_that_it_is_predicted(cli: CliRunner) -> None:
    done = cli.invoke(main, ["predict", "--device", "pi-4,pi-5", "--threads", "8", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["predicted"] is True and found["confidence"] == 0.9
    pi_4, pi_5 = found["boards"]
    assert (pi_4["board"], pi_4["threads"], pi_4["figures"]) == ("pi-4", 4, 6)
    assert pi_4["frame"]["low_ms"] < pi_4["frame"]["ms"] < pi_4["frame"]["high_ms"]
    assert pi_5["frame"]["ms"] < pi_4["frame"]["ms"]
    assert pi_4["frame"]["ms"] == pytest.approx(sum(p["ms"] for p in pi_4["parts_ms"].values()))


def test_explain_shows_every_published_figure(cli: CliRunner) -> None:
    done = cli.invoke(main, ["predict", "--explain"])
    assert done.exit_code == 0
    assert done.stdout.count("mobilenet_v2_224") == 9
    assert "each board left out: off by" in done.stdout


def test_a_detector_is_one_part(cli: CliRunner, tmp_path: Path) -> None:
    spots, path = bright_spots(), tmp_path / "spots.edge"
    write_bundle(path, spots.manifest, spots.members)
    done = cli.invoke(main, ["predict", str(path), "--device", "pi-5", "--json"])
    assert done.exit_code == 0, done.output
    (pi_5,) = json.loads(done.stdout)["boards"]
    assert pi_5["parts_ms"].keys() == {"detector"}
    assert pi_5["fits_mib"]


def test_an_unknown_board_is_one_line(cli: CliRunner) -> None:
    done = cli.invoke(main, ["predict", "--device", "pi4"])
    assert done.exit_code == 2
    assert "no board is called 'pi4'; did you mean 'pi-4'?" in done.stderr


def test_a_broken_record_is_named_and_the_rest_goes_on(
    cli: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "edge" / "measurements"
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text("{}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = cli.invoke(main, ["predict", "--device", "pi-5"])
    assert done.exit_code == 0
    assert "odd.json is no record" in done.stderr and "pi-5" in done.stdout


def test_what_does_not_fit_in_memory_says_so() -> None:
    boards = [profile_named("pi-zero-2w"), profile_named("pi-4")]
    found = forecast(open_bundle("faces-in-motion"), boards, 1, 400 * MIB, lambda board, role: None)
    assert [each.fits_mib for each in found.boards] == [None, 1024]


def test_counts_replace_estimates() -> None:
    boards, bundle = [profile_named("pi-4")], open_bundle("faces-in-motion")
    counts = {"encoder": 33_020_000, "head": 2_340_000}
    few = forecast(bundle, boards, 1, 100 * MIB, lambda board, role: counts[role]).boards[0]
    many = forecast(bundle, boards, 1, 100 * MIB, lambda board, role: 2 * counts[role]).boards[0]
    assert few.counted and few.frame and many.frame
    assert 1.4 * few.frame.ms < many.frame.ms < 2 * few.frame.ms


def test_the_readme_section_has_each_board_and_each_published_figure() -> None:
    boards = list(profiles().values())
    found = forecast(open_bundle("faces-in-motion"), boards, 1, 100 * MIB, lambda board, role: None)
    text = section([(found, found)])
    assert "**faces-in-motion**, predicted" in text
    assert "| Raspberry Pi 5 |" in text and "generic-x86-64" not in text
    assert text.count("mobilenet_v1_224") == 4 and "| 10.89 |" in text
