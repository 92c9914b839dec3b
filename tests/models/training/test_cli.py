"""What `edge-train` says to its user."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from edge_models.cli import main


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("")
    return path


def test_help_shows_a_runnable_example():
    result = invoke("--help")
    assert result.exit_code == 0
    assert "edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras" in result.output


@pytest.mark.parametrize("command", ["build", "pretrained"])
def test_other_commands_stand_in_the_help_and_have_their_own(command):
    assert f"  {command} " in invoke("--help").output
    result = invoke(command, "--help")
    assert result.exit_code == 0 and f"edge-train {command} " in result.output


def test_nothing_to_do_is_said(config):
    result = invoke(config)
    assert result.exit_code == 2
    assert "give -o MODEL.keras, --export-clips DIR or both" in result.stderr


def test_another_format_is_refused(config):
    result = invoke(config, "-o", "model.h5")
    assert result.exit_code == 2 and "must end in .keras" in result.stderr


def test_an_unknown_key_is_one_line_on_stderr(config):
    config.write_text("[data]\npeeple = 3\n")
    result = invoke(config, "-o", "model.keras")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1 and "did you mean 'people'?" in result.stderr


def test_more_people_than_there_are_is_refused(config, tmp_path):
    config.write_text("[data]\npeople = 41\n")
    result = invoke(config, "--export-clips", tmp_path)
    assert result.exit_code == 2 and "ORL has 1 to 40" in result.stderr


def test_a_backend_that_is_not_known_is_one_line_before_keras_is_loaded(config):
    done = subprocess.run(
        [sys.executable, "-m", "edge_models.cli", str(config), "-o", "model.keras"],
        env={**os.environ, "KERAS_BACKEND": "tensorflwo"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "Error: KERAS_BACKEND is 'tensorflwo'; did you mean 'tensorflow'?"
    )


@pytest.mark.parametrize(
    "module", ["edge_models.cli", "examples.demo_video", "edge_models.datasets.orl_motion"]
)
def test_what_a_board_may_run_imports_no_tensorflow(module):
    code = f"import {module}, sys; assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
