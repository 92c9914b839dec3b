"""edge-convert: a network in, a bundle out."""

from pathlib import Path
from typing import Any

import click

from edge import shipped
from edge.commands.options import DelegateParam
from edge.commands.plain import input_options
from edge_common import __version__, can_be_written, command_line, console, only_writer, runtimes
from edge_convert import options as types
from edge_convert.request import ConversionRequest, refuse_output

EXAMPLES = """\b
Examples:
  edge-convert model.keras -o model.edge --calibration clips/
  edge-convert model.keras -o model.edge --calibration train.npz --validation test.npz
  edge-convert model.keras -o model.edge --calibration orl-motion:train --max-drop 1 --report r.html
  edge-convert model.keras -o model.edge --calibration clips/ --for pi-4
  edge-convert model.keras -o model.edge --calibration clips/ --scheduler tcp://10.0.0.5:8786
  edge-convert model.keras --explain
  edge-convert --encoder extractor.keras --head sequence.keras -o action.edge --calibration clips/
  edge-convert sensors.keras -o sensors.edge --calibration vectors.npz
  edge-convert model.onnx -o model.edge --calibration clips/ --input-range 0 1
  edge-convert drive.keras -o drive.edge --calibration drives.npz --given speed=m/s
  edge-convert own.keras -o own.edge --calibration clips/ --custom my_layers.py
  edge-convert best.weights.h5 -o best.edge --calibration clips/ --custom my.py:make_model
  edge-convert person/ -o person.edge --detection person.toml --calibration clips/
  edge-convert model.edge -o here.edge --calibration calm-day/

\b
MODEL is a .keras file, a SavedModel folder, an .onnx, a .pt2 (torch.export.save) or a
.tflite. One that is quantised already goes into the bundle as it is. Of a bundle, .edge, only
what drift is measured from is taken anew, over the clips (docs/drift.md).

\b
Clips are a folder of videos, a folder of frame folders, or an .npz with `clips`
(N, T, H, W, 3) uint8 RGB, or of features (N, T, F) float32, and one array of labels a task.

\b
MODEL.tasks.json beside the model names what the answers mean:
  {"tasks": {"action": {"kind": "classification", "labels": ["still", "left"]},
             "age": {"kind": "regression", "scale": 116, "unit": "years"}},
   "frame_rate_hz": 25, "licence": "MIT", "weights_source": "trained by us"}
"""

_precision = click.Choice(("auto", *runtimes.PRECISIONS))
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_clips = types.ClipsParam()
_network = click.Path(exists=True, path_type=Path)


@click.command(cls=command_line.OneLineCommand, epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.option(
    "--encoder",
    type=_network,
    metavar="MODEL",
    help="Of two files, the one that each frame passes: an image to features.",
)
@click.option(
    "--head",
    type=_network,
    metavar="MODEL",
    help="The other one: features of T frames, (T, F), to the answers; a mask beside them is filled.",
)
@click.option(
    "--feature",
    default="",
    metavar="OUTPUT",
    help="The output of --encoder that --head takes. [default: the only one that fits]",
)
@types.shape_options
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
@click.option(
    "--detection",
    type=_file,
    metavar="FILE.toml",
    help="Make a detector: how its outputs become boxes.",
)
@click.option(
    "--custom",
    type=types.CustomCodeParam(),
    metavar="FILE.py[:FUNCTION]",
    help="Run your code for MODEL's own layers, or a function that builds the network of its weights; "
    "- for a Lambda that needs no file.",
)
@click.option("--explain", is_flag=True, help="Show where the model can be cut, and stop.")
@click.option(
    "--cut",
    metavar="LAYER",
    help="Cut behind this layer (or place of --explain's table), not the cheapest.",
)
@click.option(
    "--carry-state",
    is_flag=True,
    help="Let layers over time carry their state, one step a frame: cheaper, but another function than "
    "the window's. The difference is measured.",
)
@click.option(
    "--max-drop",
    type=command_line.FiniteFloat(0),
    default=0.5,
    show_default=True,
    metavar="POINTS",
    help="What any task may lose against float: points of accuracy, percent of an error.",
)
@click.option(
    "--encoder-precision",
    type=_precision,
    default="auto",
    show_default=True,
    help="Of the encoder, or of the only part; auto: the fastest within --max-drop.",
)
@click.option(
    "--head-precision",
    type=_precision,
    default="auto",
    show_default=True,
    help="Of the head; auto: the fastest within --max-drop.",
)
@click.option(
    "--for",
    "board",
    default="",
    metavar="BOARD",
    help="Choose by the latency predicted for this board (edge-devices list); `here`: by that of this "
    "machine.  [default: pi-4]",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PAGE.html",
    help="Write all that was measured as one page with figures.",
)
@click.option(
    "--whole-window",
    is_flag=True,
    help="For comparison, convert the uncut network with TFLite's own converter, too (slow).",
)
@click.option(
    "--gate/--no-gate",
    default=True,
    show_default=True,
    help="Find out when a frame shows something new, so that others pass without the encoder.",
)
@click.option(
    "--try-with",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="PYTHON",
    help="Also run the bundle with this Python's TFLite runtime, such as tflite-runtime.",
)
@click.option(
    "--try-delegate",
    type=DelegateParam(),
    multiple=True,
    metavar="NAME|PATH[:KEY=VALUE,...]",
    help="Also run the bundle with this delegate, and report which operators it takes.",
)
@input_options("0 255, or what the integers of its input span")
@click.option(
    "--calibration-clips",
    type=click.IntRange(2),
    default=32,
    show_default=True,
    help="How many clips to draw for calibration.",
)
@click.option(
    "--search-clips",
    type=click.IntRange(1),
    help="How many clips to score candidates on. [default: 1000; without labels what --max-drop needs, "
    "of a large network fewer, at least 32]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws of clips.")
@click.option(
    "--cache/--no-cache",
    default=True,
    show_default=True,
    help="Take what was converted and measured before, and keep what is now.",
)
@command_line.scheduler_option
@click.version_option(__version__)
@command_line.one_line_errors
def main(
    model: Path | None,
    head: Path | None,
    explain: bool,
    report: Path | None,
    **options: Any,
) -> None:
    """Cut MODEL into an encoder and a head, quantise both within a budget, write a bundle.

    Or give both as they are, --encoder and --head.
    """
    model = _only_network(model, options["encoder"], head)
    if not explain and not (options["output"] and options["calibration"]):
        raise click.UsageError("give -o NAME.edge and --calibration CLIPS, or only --explain")
    progress = console.Progress(quiet=explain)
    is_shipped = not model.exists() and str(model) in shipped.shipped_bundles()
    if (model.suffix == ".edge" or is_shipped) and not explain:
        _measure_reference(model, options, progress)
        return
    from edge.bundle import open_bundle
    from edge_convert import conversion
    from edge_convert.sources.unread import advice
    from edge_convert.verification import summary

    request = ConversionRequest(model, **options)
    for path in filter(None, (request.encoder, model)):
        advice.refuse_unread(path)
    if explain:
        conversion.start_tensorflow(progress)
        from edge_convert.sources import model_file

        console.echo(model_file.explanation(request))
        return
    if report and (report.suffix != ".html" or not can_be_written(report)):
        raise click.UsageError(f"--report {report}: give a PAGE.html in a folder to write to")
    refuse_output(request.output)
    with only_writer(request.output):
        result = conversion.finished(request, report, progress)
    if result.table:
        console.echo(result.table)
    console.echo(summary.summary(open_bundle(request.output)))
    if report:
        console.echo(f"{report}: the whole report")


def _measure_reference(model: Path, options: dict[str, Any], progress: console.Progress) -> None:
    """Of a bundle, over other clips than those it was made with."""
    from edge_convert import reference

    context, own = click.get_current_context(), ("model", "output", "calibration")
    for parameter in context.command.params:
        name = parameter.name or ""
        if (
            name not in own
            and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        ):
            raise click.UsageError(
                f"{parameter.opts[0]} is not for a bundle, of which only the reference is measured again"
            )
    request = ConversionRequest(model, **options)
    if request.output.suffix != ".edge" or not can_be_written(request.output):
        raise click.UsageError(f"-o {request.output}: give a NAME.edge in a folder to write to")
    with only_writer(request.output):
        bundle = reference.of_bundle(request, progress)
    usual = bundle.reference
    if usual:
        console.echo(f"{request.output}: {usual.frames} frames of {usual.source} are the reference")


def _only_network(model: Path | None, encoder: Path | None, head: Path | None) -> Path:
    """MODEL, or the head of two files."""
    if model is None and encoder is None and head is None:
        raise click.UsageError("Missing argument 'MODEL': give one, or --encoder and --head")
    if model is not None and (encoder or head):
        raise click.UsageError(
            f"{model} beside --encoder or --head: give one MODEL, or both --encoder and --head"
        )
    if model is None and click.get_current_context().params["detection"]:
        raise click.UsageError("--detection is for one MODEL: a detector is not cut")
    if model is None and (encoder is None or head is None):
        lacking = "--head" if encoder else "--encoder"
        raise click.UsageError(f"give {lacking} as well: a bundle of two files needs both")
    return model or Path(str(head))


if __name__ == "__main__":
    main(prog_name="edge-convert")
