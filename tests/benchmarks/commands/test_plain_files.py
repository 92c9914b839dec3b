"""A plain .tflite in edge-bench, described as edge-run describes it."""

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_benchmarks.cli import main
from edge_benchmarks.commands.run import run
from edge_benchmarks.remote.outgoing import command_line
from edge_benchmarks.suite.suite_file import SuiteOptions, read_suite
from tests import flat_models as flat

QUICK = ["--frames", 5, "--seconds", 0.01, "--rounds", 1, "--processes", 1, "--cold-starts", 1]
RED = 0


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Networks, labels, and clips that are red in their centre and green elsewhere."""
    open_size = flat.colour_model("SOFTMAX", signature=(-1, -1, -1, 3), frame=(1, 1, 1, 3))
    (tmp_path / "fixed.tflite").write_bytes(flat.colour_model("SOFTMAX"))
    (tmp_path / "open.tflite").write_bytes(open_size)
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    clips = np.full((6, 1, 20, 100, 3), (0, 200, 0), np.uint8)
    clips[:, :, :, 40:60] = (200, 0, 0)
    np.savez(tmp_path / "clips.npz", clips=clips, output_0=np.full(6, RED))
    return tmp_path


@pytest.mark.parametrize(("options", "accuracy"), [([], 0.0), (["--resize", "crop"], 1.0)])
def test_it_is_measured_as_described(files: Path, options: list[str], accuracy: float) -> None:
    """Also by the processes that are started for it."""
    described = ["--labels", files / "names.txt", *options]
    result = invoke(
        files / "fixed.tflite", "--data", files / "clips.npz", *described, *QUICK, "--json"
    )
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["measurements"][0]["accuracy"][0]["value"] == accuracy
    assert record["bundle"]["name"] == "fixed"


def test_a_size_that_it_leaves_open_is_given(files: Path) -> None:
    refused = invoke(files / "open.tflite", *QUICK)
    assert refused.exit_code == 2
    assert "say what it was trained on with --input-size H,W" in refused.stderr
    data = ["--input-size", "6,5", "--data", files / "clips.npz"]
    result = invoke(files / "open.tflite", *data, *QUICK, "--json")
    assert result.exit_code == 0, result.output


def test_facts_are_those_of_the_described_network(files: Path) -> None:
    data = ["--data", files / "clips.npz", "--labels", files / "names.txt"]
    for options, accuracy in (([], 0.0), (["--resize", "crop"], 1.0)):
        result = invoke("facts", files / "fixed.tflite", *data, *options, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["accuracy"][0]["value"] == accuracy


@pytest.mark.parametrize("command", [["run"], ["facts"], ["predict"], ["versus", "face"]])
def test_a_bundle_knows_its_own(command: list[str]) -> None:
    result = invoke(*command, "face", "--mean", 1)
    assert result.exit_code == 2
    assert "go with a plain .tflite; a bundle knows its own" in result.stderr


def test_a_board_is_told_the_same(files: Path) -> None:
    options = "--mean 1,2.5,3 --std 2 --input-range -1 1 --resize letterbox:114 --colour-order BGR"
    bundle = str(files / "fixed.tflite")
    context = run.make_context("run", [bundle, *options.split(), "--input-size", "4,4"])
    arguments = command_line(context, set()).arguments
    told = dict(zip(arguments, arguments[1:]))
    assert {name: told[name] for name in ("--mean", "--std", "--resize", "--colour-order")} == {
        "--mean": "1.0,2.5,3.0",
        "--std": "2.0",
        "--resize": "letterbox:114",
        "--colour-order": "BGR",
    }
    assert told["--input-size"] == "4,4"
    assert isinstance(run.make_context("run", list(arguments)), click.Context)


def test_a_suite_may_say_it(files: Path) -> None:
    options = SuiteOptions(run)
    text = '[options]\ninput-range = [-1, 1]\nresize = "crop"\n'
    suite = files / "suite.toml"
    suite.write_text(f'bundles = ["{files}/fixed.tflite"]\n{text}')
    (combination,) = read_suite(suite, options).combinations()
    arguments = options.arguments(combination)
    place = arguments.index("--input-range")
    assert arguments[place : place + 3] == ["--input-range", "-1", "1"]
