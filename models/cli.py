"""`edge-train`: from a training file to a `.keras` network, its tasks and a report."""

import os
import sys
from pathlib import Path

import click

from edge.errors import EdgeError

EPILOG = """\b
Examples:
  edge-train models/configs/orl_motion_lite.toml -o out/mtdnn_lite.keras
  edge-train models/configs/orl_motion_lite.toml --export-clips out/clips

Beside model.keras come model.tasks.json (labels, for edge-convert) and
model_report/ (learning curves, confusion matrices, report.json).
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
    help="Keep backbone features there for later runs.  [default: OUTPUT's folder/.features]",
)  # fmt: skip
def main(
    config_path: Path,
    output: Path | None,
    export_clips: Path | None,
    seed: int | None,
    cache: Path | None,
) -> None:
    """Train the network that CONFIG.toml describes, and measure it on the test clips."""
    try:
        _run(config_path, output, export_clips, seed, cache)
    except EdgeError as error:
        click.echo(f"edge-train: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        click.echo(f"edge-train: cannot read or write a file: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("edge-train: interrupted; nothing was saved of this run's model", err=True)
        sys.exit(130)


def _run(
    config_path: Path,
    output: Path | None,
    export_clips: Path | None,
    seed: int | None,
    cache: Path | None,
) -> None:
    import dataclasses

    from .config import read_config

    if output is None and export_clips is None:
        raise click.UsageError("nothing to do: give -o MODEL.keras, --export-clips DIR or both")
    if output is not None and output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras, the only format edge-convert reads")
    config = read_config(config_path)
    if seed is not None:
        config = dataclasses.replace(config, seed=seed)
    if export_clips is not None:
        from .datasets.plans import export_clip_sets

        for path in export_clip_sets(config, export_clips):
            click.echo(f"wrote {path}")
    if output is not None:
        # Before tensorflow is loaded: its start-up notes would bury the progress.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from .run import train_and_save

        train_and_save(config, output, cache or output.parent / ".features")


if __name__ == "__main__":
    main()
