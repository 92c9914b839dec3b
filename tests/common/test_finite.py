"""Numbers that are none are refused where they come in: on command lines, in files, in clips."""

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest

from edge.check.clips import read_clips
from edge.tasks import Task, kind_of
from edge_common import ClipError, DataError, decode, parse_json
from tests import tiny

COMMANDS = {
    "edge-run": "edge.cli",
    "edge-convert": "edge_convert.cli",
    "edge-bench": "edge_benchmarks.cli",
    "edge-train": "edge_models.cli",
    "edge-devices": "edge_devices.cli",
    "edge-bundle": "edge_fleet.bundle_cli",
}


def _all(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for attribute in ("commands", "subcommands"):
        for sub_name, sub in getattr(command, attribute, {}).items():
            yield from _all(sub, f"{name} {sub_name}")


def _single_types(kind: click.ParamType) -> Iterator[click.ParamType]:
    if isinstance(kind, click.Tuple):
        for each in kind.types:
            yield from _single_types(each)
    else:
        yield kind


@pytest.mark.parametrize("module", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_no_option_of_any_command_takes_what_is_no_number(module: str, text: str) -> None:
    main = importlib.import_module(module).main
    context = click.Context(click.Command("x"))
    for name, command in _all(main, module):
        for parameter in command.params:
            for kind in _single_types(parameter.type):
                try:
                    value = kind.convert(text, parameter, context)
                except click.ClickException:
                    continue
                refused = not isinstance(value, float) or math.isfinite(value)
                assert refused, f"{name} {parameter.opts} takes {text}"


def test_the_line_says_what_is_wrong(cli) -> None:
    main = importlib.import_module("edge_benchmarks.cli").main
    done = cli.invoke(main, ["x.edge", "--seconds", "nan"])
    assert done.exit_code == 2
    assert "'nan' is not a finite number." in done.stderr


@dataclass(frozen=True)
class Limits:
    least: float = 0.0
    spans: tuple[float, ...] = ()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_typed_data_holds_finite_numbers(number: float) -> None:
    with pytest.raises(DataError, match=r"x.toml: key 'least' should be a number, not -?(nan|inf)"):
        decode(Limits, {"least": number}, "x.toml")
    with pytest.raises(DataError, match=r"key 'spans\[1\]' should be a number"):
        decode(Limits, {"spans": [1.0, number]})


def test_json_has_no_nan() -> None:
    with pytest.raises(DataError, match="x.json: is not JSON: it holds NaN, which is no number"):
        parse_json('{"p": NaN}', "x.json")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_label_that_is_no_number_is_refused(tmp_path: Path, number: float) -> None:
    content = tiny.labelled_clips(4)
    content["size"] = content["size"].astype(np.float32)
    content["size"][2] = number
    np.savez(tmp_path / "clips.npz", **content)
    with pytest.raises(ClipError, match="'size' holds NaN or infinity as a label"):
        read_clips(tmp_path / "clips.npz", 4, (32, 32))


def test_a_kind_refuses_labels_that_are_no_numbers() -> None:
    kind = kind_of(Task("age", "regression"))
    assert kind.label_problem(np.array([1.0, np.nan])).startswith("has NaN or infinity")
    assert kind.label_problem(np.array([1.0, 2.0])) == ""
