"""`edge-train`: from a training file to a `.keras` network, its tasks and a report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_common.command_line import CommandWithSubcommands, one_line_errors
from edge_common.console import captured_stderr
from edge_models.commands import COMMANDS

if TYPE_CHECKING:
    from edge_models.datasets.dataset import DataSet
    from edge_models.datasets.from_files import Request
    from edge_models.training.config import AnyConfig

EPILOG = """\b
Examples:
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras
  edge-train models/configs/orl_motion_lite.toml --export-clips out/clips
  edge-train models/configs/mtdnn_face.toml --data UTKFace -o out/mtdnn_face.keras
  edge-train models/configs/mtdnn_swim.toml --data swimmers -o out/mtdnn_swim.keras --resume
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras --report-only

Beside model.keras come model.tasks.json (labels, for edge-convert) and
model_report/ (report.html, all figures and pictures on one page; report.json); of
a training from pixels also model_training/ (log.csv after each epoch, skipped.csv).
"""


@click.command(cls=CommandWithSubcommands, subcommands=COMMANDS, epilog=EPILOG)
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
@click.option("--resume", is_flag=True, help="Go on with an interrupted training from pixels.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's events as well.")
@click.option(
    "--report-only", is_flag=True,
    help="Measure OUTPUT, which is there already, and write its report anew; train nothing.",
)  # fmt: skip
@one_line_errors
def main(
    config_path: Path,
    output: Path | None,
    export_clips: Path | None,
    seed: int | None,
    cache: Path | None,
    data: str | None,
    resume: bool,
    tensorboard: bool,
    report_only: bool,
) -> None:
    """Train the network that CONFIG.toml describes, and measure it on the test clips."""
    import dataclasses

    from edge_models.datasets.from_files import Request
    from edge_models.datasets.kinds import load_data, placed
    from edge_models.training.config import TrainingConfig, read_training_file

    if output is None and export_clips is None:
        raise click.UsageError("nothing to do: give -o MODEL.keras, --export-clips DIR or both")
    if output is not None and output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    if report_only:
        _check_report_only(output, resume or tensorboard)
    config = read_training_file(config_path)
    if seed is not None:
        config = dataclasses.replace(config, seed=seed)
    if data is not None:
        config = dataclasses.replace(config, data=placed(config.data, data))
    cache = cache or (output.parent if output else export_clips or Path()) / ".features"
    from_features = isinstance(config, TrainingConfig)
    if from_features and (resume or tensorboard):
        raise click.UsageError(
            "--resume and --tensorboard are for trainings from pixels; this one computes "
            "features once, keeps them, and then takes minutes"
        )
    request = Request(config.network.window, config.network.size, config.seed, cache)
    dataset = load_data(config.data, request)
    if not from_features:
        for line in dataset.summary():
            click.echo(line)
    if export_clips is not None:
        for path in _export(config, dataset, request, export_clips):
            click.echo(f"wrote {path}")
    if output is None:
        return
    with captured_stderr():  # tensorflow's start-up notes would bury the progress
        from edge_models.evaluation.report import report_again
        from edge_models.training.run import RunOptions, train_and_save

    if report_only:
        report_again(config, dataset, output)
    else:
        train_and_save(config, dataset, output, cache, RunOptions(resume, tensorboard))


def _check_report_only(output: Path | None, trains: bool) -> None:
    """Raise UsageError if --report-only is given with what it does not go with."""
    if output is None or not output.is_file():
        raise click.UsageError("--report-only measures a network: give -o MODEL.keras of one")
    if trains:
        raise click.UsageError("--report-only trains nothing: leave --resume and --tensorboard out")


def _export(config: "AnyConfig", data: "DataSet", request: "Request", folder: Path) -> list[Path]:
    from edge_models.datasets import dataset, orl_motion
    from edge_models.training.config import TrainingConfig

    if isinstance(config, TrainingConfig):
        return orl_motion.export_balanced(config.data, request, folder)
    return dataset.export_clip_sets(data, folder, config.seed)


if __name__ == "__main__":
    main(prog_name="edge-train")
