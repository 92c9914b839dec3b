"""A .tflite that is quantised already, in a bundle as it is: nothing is cut or quantised."""

from importlib import metadata
from typing import Any

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Manifest, schema_of
from edge.bundle.plain_tflite import wrap_tflite
from edge.check.clips import Clips
from edge.check.evaluate import accuracies, check_labels, stream_outputs
from edge.tflite import flatbuffer
from edge_common import __version__
from edge_common.console import Progress
from edge_common.errors import ModelError
from edge_convert.clip_sets import clips_of
from edge_convert.cut.tflite.endings import precision_of, signed, with_probabilities
from edge_convert.cut.tflite.form import check_input
from edge_convert.network import Network
from edge_convert.pipeline import FLOAT_RANGE, refuse_output
from edge_convert.precision.parts import ConvertedPart, describe, refuse_degenerate
from edge_convert.precision.recipes import Recipe
from edge_convert.request import Request
from edge_convert.sources.tflite_file import tflite_bytes
from edge_convert.sources.third_party import TAKEN_AS_IT_IS, forms
from edge_convert.tasks_file import guesses, read_card, tasks_of
from edge_convert.verification import verify
from edge_convert.verification.conversion_report import ConversionReport
from edge_convert.verification.golden import golden_arrays, package, try_parts


class QuantisedFileConversion:
    """As `Conversion`, for what came quantised: there is no float network to compare with."""

    def __init__(self, request: Request, progress: Progress | None = None) -> None:
        self.request = request
        self.progress = progress or Progress(quiet=True)
        self.report = ConversionReport(max_drop=request.max_drop)

    def run(self) -> Bundle:
        """Describe, try and write the bundle; return it as written.

        Raises ModelError, ClipError, ConfigError, EngineError or BundleError, all of
        them before anything stands under the output's name.
        """
        refuse_output(self.request.output)
        _refuse_choices(self.request)
        manifest, part = self._read_network()
        self._read_clips(manifest)
        bundle = Bundle(manifest, {part.part.file: part.model})
        self._measure(bundle)
        return self._write(bundle)

    def _read_network(self) -> tuple[Manifest, ConvertedPart]:
        request = self.request
        self.progress.say("loading the model, which is quantised already")
        model = tflite_bytes(request.model)
        check_input(flatbuffer.read(model), request.model.name)
        card, model = read_card(request.model, request.tasks), signed(model)
        form, answers = forms(model)
        tasks = tasks_of(answers, card)
        model, with_activation = with_probabilities(model, tasks)
        for guess in guesses(tasks, card):
            self.progress.say(guess)
        for name in with_activation:
            self.progress.say(f"'{name}' ends in logits: probabilities are made of them")
        part = describe(
            "model", Recipe(precision_of(model)), model, flatbuffer.cost(model).parameters
        )
        floats = part.part.inputs[0].dtype == "float32"
        span = request.value_range or (FLOAT_RANGE if floats else None)
        plain = wrap_tflite(request.model, value_range=span).manifest
        self.network = Network(
            name=request.model.stem,
            origin="a quantised .tflite",
            window=plain.window,
            size=form[1:],
            tasks=tasks,
            parts=(),
            reference=lambda frames: part({part.part.inputs[0].name: frames}),
            uncut=TAKEN_AS_IT_IS,
        )
        manifest = Manifest(
            schema=schema_of(tasks),
            name=request.output.stem,
            streaming=plain.streaming,
            window=plain.window,
            input=plain.input,
            tasks=tasks,
            parts=(part.part,),
            licence=card.licence,
            weights_source=card.weights_source,
            frame_rate_hz=card.frame_rate_hz,
            made_with={
                "edge-run": __version__,
                "ai-edge-litert": metadata.version("ai-edge-litert"),
            },
        )
        return manifest, part

    def _read_clips(self, manifest: Manifest) -> None:
        request, size = self.request, (manifest.input.width, manifest.input.height)

        def clips(path: Any) -> Clips:
            return clips_of(path, manifest.window, size)

        self.golden = clips(request.golden or request.calibration)
        self.golden = self.golden.sample(request.calibration_clips, request.seed)
        self.validation = clips(request.validation) if request.validation else None
        if self.validation:
            check_labels(manifest.tasks, self.validation)

    def _measure(self, bundle: Bundle) -> None:
        report, clips = self.report, self.validation or self.golden
        self.progress.say("measuring what the model answers")
        with self.progress.count("... clips", len(clips)) as on_window:
            outputs_by_task = stream_outputs(bundle, list(clips.windows), on_window=on_window)
        for task, outputs in outputs_by_task.items():
            try:
                refuse_degenerate(f"task '{task}'", outputs)
            except ModelError as error:  # it may be right, on clips that are all alike
                report.output_warnings += (f"{error}, and --input-range",)
        if self.validation:
            tasks, name = bundle.manifest.tasks, clips.short_name
            report.accuracy = accuracies(tasks, outputs_by_task, clips.labels, "streamed", name)
        for warning in report.warnings():
            self.progress.say(f"warning: {warning}")

    def _write(self, bundle: Bundle) -> Bundle:
        report = self.report
        self.progress.say("trying the runtimes")
        golden = golden_arrays(bundle, self.golden.windows)
        report.ring_difference = verify.ring_difference(bundle, golden["frames"])
        try_parts(bundle, golden, self.request, report)
        bundle, self.sections = package(self.request.output, bundle, golden, self.network, report)
        return bundle


def _refuse_choices(request: Request) -> None:
    """Raise ModelError if something is asked for that only a float network allows."""
    float_only = {
        "--cut": request.cut,
        "--encoder-precision": request.encoder_precision != "auto",
        "--head-precision": request.head_precision != "auto",
        "--whole-window": request.whole_window,
    }
    if options := [option for option, requested in float_only.items() if requested]:
        raise ModelError(
            f"{request.model.name} is quantised already and taken as it is: leave out "
            f"{', '.join(options)}, or give the float network that it was made of"
        )
