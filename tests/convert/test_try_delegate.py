"""A bundle is tried with the delegates that it is meant for."""

from pathlib import Path

from click.testing import CliRunner

from edge.bundle import Bundle
from edge.engine.delegate import Delegate
from edge_convert.cli import main
from edge_convert.verification.conversion_report import RuntimeRun
from edge_convert.verification.verify import run_on_runtimes


def tried(bundle: Bundle, library: Path, **options: str) -> RuntimeRun:
    delegate = Delegate(str(library), tuple(options.items()))
    return run_on_runtimes(bundle, bundle.golden["frames"], delegates=[delegate])[-1]


def test_what_it_takes_of_each_part_is_told(tiny_bundle: Bundle, emulated_delegate: Path) -> None:
    found = tried(tiny_bundle, emulated_delegate, ops="CONV_2D")
    encoder, head = found.trials
    name = emulated_delegate.name
    assert (encoder.part, encoder.runtime) == ("encoder.tflite", f"litert with {name}:ops=CONV_2D")
    assert encoder.ok and head.ok
    assert encoder.message.startswith(f"{name} 2 of ")
    assert found.agreement["kind"] == 1.0


def test_where_it_fails_the_bundle_is_not_said_to_run(
    tiny_bundle: Bundle, emulated_delegate: Path
) -> None:
    found = tried(tiny_bundle, emulated_delegate, fail="prepare")
    assert [trial.ok for trial in found.trials] == [False, False]
    assert "cannot run encoder.tflite: fail=prepare asks for it" in found.trials[0].message
    assert found.agreement == {}


def test_a_misspelt_delegate_is_bad_usage(cli: CliRunner) -> None:
    done = cli.invoke(main, ["x.keras", "--explain", "--try-delegate", "edgtpu"])
    assert done.exit_code == 2
    assert "did you mean edgetpu?" in done.stderr
