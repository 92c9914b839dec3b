"""edge-convert: a Keras model in, a bundle out."""

from pathlib import Path

import click

from edge import __version__
from edge.manifest import PRECISIONS
from edge.native_output import captured_stderr
from edge.options import one_line_errors
from edge.progress import Progress

EXAMPLES = """\b
Examples:
  edge-convert model.keras -o model.edge --calibration clips/
  edge-convert model.keras -o model.edge --calibration train.npz --validation test.npz
  edge-convert model.keras --explain

\b
Clips are a folder of videos, a folder of frame folders, or an .npz with `clips`
(N, T, H, W, 3) uint8 RGB and one array of labels a task.

\b
MODEL.tasks.json beside the model names what the answers mean:
  {"tasks": {"action": {"kind": "classification", "labels": ["still", "left"]},
             "age": {"kind": "regression", "scale": 116, "unit": "years"}},
   "frame_rate_hz": 25, "licence": "MIT", "weights_source": "trained by us"}
"""

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_clips = click.Path(exists=True, path_type=Path)


@click.command(epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Bundle to write.",
)
@click.option(
    "--calibration",
    type=_clips,
    metavar="CLIPS",
    help="Clips that fix the int8 ranges.",
)
@click.option(
    "--validation", type=_clips, metavar="CLIPS", help="Labelled clips to measure accuracy on."
)
@click.option(
    "--golden",
    type=_clips,
    metavar="CLIPS",
    help="Clips to keep a few frames of in the bundle, for --self-test. [default: the calibration clips]",
)
@click.option("--tasks", type=_file, help="What the answers mean. [default: MODEL.tasks.json]")
@click.option("--explain", is_flag=True, help="Show where the model can be cut, and stop.")
@click.option("--cut", metavar="LAYER", help="Cut behind this layer instead of the best one.")
@click.option(
    "--head-precision",
    type=click.Choice(("auto", *PRECISIONS)),
    default="auto",
    show_default=True,
    help="auto: dynamic range, or better where that decides differently.",
)
@click.option(
    "--input-range",
    type=(float, float),
    default=(0.0, 255.0),
    show_default=True,
    metavar="LOW HIGH",
    help="Values that black and white have for the model.",
)
@click.option(
    "--calibration-clips",
    type=click.IntRange(2),
    default=32,
    show_default=True,
    help="How many clips to draw for calibration.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of the draw of calibration clips."
)
@click.version_option(__version__)
@one_line_errors
def main(model: Path, explain: bool, input_range: tuple[float, float], **options: object) -> None:
    """Cut MODEL (.keras) into an int8 encoder and a head, verify both, write a bundle."""
    if not explain and not (options["output"] and options["calibration"]):
        raise click.UsageError("give -o NAME.edge and --calibration CLIPS, or only --explain")
    progress = Progress(quiet=explain)
    progress.say("starting tensorflow")
    with captured_stderr():  # tensorflow greets from C++ before it can be told not to
        import tensorflow  # noqa: F401

        from convert.pipeline import Conversion, Request, explanation

    if explain:
        click.echo(explanation(model, options["cut"]))
        return
    bundle = Conversion(Request(model, value_range=input_range, **options), progress).run()
    progress.say("done")
    click.echo(summary(bundle))


def summary(bundle) -> str:
    """The figures that a user wants first; all of them stand in the bundle's report.md."""
    manifest = bundle.manifest
    sizes = " + ".join(
        f"{p.role} {p.precision} {len(bundle.members[p.file]) / 1e6:.2f} MB" for p in manifest.parts
    )
    lines = [
        f"{bundle.path}: {bundle.size_bytes / 1e6:.2f} MB ({sizes}), window of {manifest.window} frames"
    ]
    for a in manifest.accuracy:
        lines.append(f"  {a.task}: {a.metric} {a.value:.4f} {a.graph} (n = {a.n}, {a.data})")
    if not manifest.accuracy:
        lines.append("  accuracy: not measured (give --validation LABELLED.npz)")
    return "\n".join(lines)
