"""`edge-train`: from a training file to a `.keras` network, its tasks and a report."""

from pathlib import Path

import click

from edge.native_output import captured_stderr
from edge.options import one_line_errors

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
@one_line_errors
def main(
    config_path: Path,
    output: Path | None,
    export_clips: Path | None,
    seed: int | None,
    cache: Path | None,
) -> None:
    """Train the network that CONFIG.toml describes, and measure it on the test clips."""
    import dataclasses

    from .config import read_config

    if output is None and export_clips is None:
        raise click.UsageError("nothing to do: give -o MODEL.keras, --export-clips DIR or both")
    if output is not None and output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    config = read_config(config_path)
    if seed is not None:
        config = dataclasses.replace(config, seed=seed)
    if export_clips is not None:
        from .datasets.plans import export_clip_sets

        for path in export_clip_sets(config, export_clips):
            click.echo(f"wrote {path}")
    if output is not None:
        with captured_stderr():  # tensorflow's start-up notes would bury the progress
            from .run import train_and_save

        train_and_save(config, output, cache or output.parent / ".features")


if __name__ == "__main__":
    main()
