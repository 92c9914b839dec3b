from pathlib import Path

from click.testing import CliRunner

from edge_convert.sources.keras_file import load_model
from edge_models.cli import main


def test_a_network_is_built_and_saved(cli: CliRunner, tmp_path: Path) -> None:
    done = cli.invoke(main, ["build", "mtdnn_face", str(tmp_path / "new/face.keras")])
    assert done.exit_code == 0, done.output
    assert "10,661,564 parameters" in done.output
    assert load_model(tmp_path / "new/face.keras").input_shape == (None, 1, 198, 198, 3)


def test_a_training_file_that_is_called_like_a_command_is_given_as_a_path(
    cli: CliRunner, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("build").write_text("[data]\npeeple = 3\n")
    done = cli.invoke(main, ["./build", "-o", "model.keras"])
    assert done.exit_code == 2 and "did you mean 'people'?" in done.output
