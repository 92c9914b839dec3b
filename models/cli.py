"""`edge-train`: from a training file to a `.keras` network, its tasks and a report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.native_output import captured_stderr
from edge.options import one_line_errors

if TYPE_CHECKING:
    from .config import TrainingConfig
    from .end_to_end.config import EndToEndConfig

EPILOG = """\b
Examples:
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras
  edge-train models/configs/orl_motion_lite.toml --export-clips out/clips
  edge-train models/configs/mtdnn_face.toml --data UTKFace -o out/mtdnn_face.keras
  edge-train models/configs/mtdnn_swim.toml --data swimmers -o out/mtdnn_swim.keras --resume

Beside model.keras come model.tasks.json (labels, for edge-convert) and
model_report/ (learning curves, confusion matrices, report.json); of a training
from pixels also model_training/ (log.csv after each epoch, skipped.csv).
"""


@click.command(epilog=EPILOG)
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
) -> None:
    """Train the network that CONFIG.toml describes, and measure it on the test clips."""
    import dataclasses

    from .config import TrainingConfig
    from .datasets.kinds import placed
    from .end_to_end.config import read_training_file

    if output is None and export_clips is None:
        raise click.UsageError("nothing to do: give -o MODEL.keras, --export-clips DIR or both")
    if output is not None and output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    config = read_training_file(config_path)
    if seed is not None:
        config = dataclasses.replace(config, seed=seed)
    if data is not None:
        config = dataclasses.replace(config, data=placed(config.data, data))
    cache = cache or (output or export_clips / "clips").parent / ".features"
    if isinstance(config, TrainingConfig):
        if resume or tensorboard:
            raise click.UsageError(
                "--resume and --tensorboard are for trainings from pixels; this one computes "
                "features once, keeps them, and then takes minutes"
            )
        _train_from_features(config, output, export_clips, cache)
    else:
        _train_from_pixels(config, output, export_clips, cache, resume, tensorboard)


def _train_from_features(
    config: "TrainingConfig", output: Path | None, export_clips: Path | None, cache: Path
) -> None:
    if export_clips is not None:
        from .datasets.plans import export_clip_sets

        for path in export_clip_sets(config, export_clips):
            click.echo(f"wrote {path}")
    if output is not None:
        with captured_stderr():  # tensorflow's start-up notes would bury the progress
            from .run import train_and_save

        train_and_save(config, output, cache)


def _train_from_pixels(
    config: "EndToEndConfig",
    output: Path | None,
    export_clips: Path | None,
    cache: Path,
    resume: bool,
    tensorboard: bool,
) -> None:
    from .datasets.export import export_clip_sets
    from .datasets.from_files import Request
    from .datasets.kinds import load_data

    request = Request(config.network.window, config.network.size, config.seed, cache)
    data = load_data(config.data, request)
    for line in data.summary():
        click.echo(line)
    if export_clips is not None:
        for path in export_clip_sets(data, export_clips, config.seed):
            click.echo(f"wrote {path}")
    if output is not None:
        with captured_stderr():
            from .end_to_end.run import train_and_save

        train_and_save(config, data, output, resume=resume, events=tensorboard)


if __name__ == "__main__":
    main()
