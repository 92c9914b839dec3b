from pathlib import Path

from click.testing import CliRunner

from edge_convert.cut.keras.model import load_model
from edge_models.networks.build import main


def test_a_network_is_built_and_saved(cli: CliRunner, tmp_path: Path) -> None:
    done = cli.invoke(main, ["mtdnn_face", str(tmp_path / "new/face.keras")])
    assert done.exit_code == 0, done.output
    assert "10,661,564 parameters" in done.output
    assert load_model(tmp_path / "new/face.keras").input_shape == (None, 1, 198, 198, 3)
