"""A .tflite that is quantised already, in a bundle as it is: nothing is cut or quantised."""

from dataclasses import replace
from importlib import metadata
from typing import Any

from edge.bundle import Bundle, Manifest, plain_tflite, schema_of
from edge.check.clips import Clips
from edge.check.evaluate import accuracies, check_labels, stream_outputs
from edge.input_spec import PIXELS
from edge.tflite import flatbuffer
from edge_common import ModelError, __version__, console
from edge_convert import frame_outputs, frames, motion_gate, network, pipeline, reference
from edge_convert.cut.tflite import ending, form, main_graph
from edge_convert.precision import calibration, parts, recipes
from edge_convert.request import ConversionRequest, clips_of, refuse_output
from edge_convert.sources import model_file, network_file, tflite_file
from edge_convert.verification import conversion_report, verify


class QuantisedFileConversion:
    """As `Conversion`, for what came quantised: there is no float network to compare with."""

    def __init__(
        self, request: ConversionRequest, progress: console.Progress | None = None
    ) -> None:
        self.request = request
        self.progress = progress or console.Progress(quiet=True)
        self.report = conversion_report.ConversionReport(max_drop=request.max_drop)
        self.validation: Clips | None = None

    def run(self) -> Bundle:
        """Describe, try and write the bundle; return it as written.

        Raises ModelError, ClipError, ConfigError, EngineError or BundleError, all of
        them before anything stands under the output's name.
        """
        refuse_output(self.request.output)
        _refuse_choices(self.request)
        manifest, part = self._read_network()
        bundle = Bundle(manifest, {part.part.file: part.model})
        self._measure(bundle)
        if self.request.gate:
            self.progress.say("finding out when a frame shows something new")
            bundle = motion_gate.with_gate(bundle, self.golden, self.held_out, self.progress)
        self.progress.say("measuring what frames and answers are usual")
        return self._write(reference.with_reference(bundle, self.usual, self.progress))

    def _read_network(self) -> tuple[Manifest, parts.ConvertedPart]:
        request = self.request
        self.progress.say("loading the model, which is quantised already")
        model = tflite_file.tflite_bytes(request.model)
        form.check_input(flatbuffer.view(model), request.model.name)
        card = network.read_card(request.model, request.tasks)
        model = main_graph.signed(model)
        model = ending.with_batches(model)
        shape, outputs = network_file.forms(model)
        newest = frame_outputs.newest_frames(outputs, shape[0], card.tasks)
        model = ending.with_newest_frames(model, newest)
        outputs, given = network_file.forms(model)[1], _described(model)
        floats = given.part.inputs[0].dtype == "float32"
        stated = request.preprocessing
        if floats:
            stated = plain_tflite.with_metadata(request.model, stated)
            stated = stated if stated.states_values else replace(stated, value_range=PIXELS)
        described = plain_tflite.Description(**vars(stated))
        plain = plain_tflite.wrap_tflite(request.model, described).manifest
        self.progress.say(frames.input_line(plain.window, plain.input))
        self._read_clips(plain)
        windows = self.golden.windows[: pipeline.OBSERVED_CLIPS]
        values = calibration.as_network_input(windows, plain.input)
        steps = {tensor.name: tensor.scale for tensor in given.part.outputs}
        outputs = {name: replace(output, step=steps[name]) for name, output in outputs.items()}
        answers = network.answers_of(
            outputs,
            lambda clip: given({given.part.inputs[0].name: clip}),
            values,
            card,
            self.progress,
            newest=newest,
        )
        tasks = answers.tasks
        if self.validation:
            self.validation = check_labels(tasks, self.validation)
        part = _described(ending.with_activations(given.model, answers.activations))
        tasks = network.with_rules_that_hold(tasks, part.part.outputs, self.progress)
        self.network = network.TrainedNetwork(
            name=request.model.stem,
            origin="a quantised .tflite",
            window=plain.window,
            size=shape[1:],
            tasks=tasks,
            parts=(),
            reference=lambda frames: part.over({part.part.inputs[0].name: frames}),
            uncut=model_file.TAKEN_AS_IT_IS,
        )
        manifest = Manifest(
            schema=schema_of(tasks, plain.input),
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
        request = self.request

        def clips(path: Any) -> Clips:
            return clips_of(path, manifest.window, manifest.input)

        every = clips(request.golden or request.calibration)
        drawn = request.calibration_clips, request.seed
        self.usual = clips(request.calibration) if request.golden else every
        self.golden, others = every.sample(*drawn), every.others(*drawn)
        self.validation = clips(request.validation) if request.validation else None
        self.held_out = self.validation or others

    def _measure(self, bundle: Bundle) -> None:
        report, clips = self.report, self.validation or self.golden
        self.progress.say("measuring what the model answers")
        with self.progress.count("... clips", len(clips)) as on_window:
            outputs_by_task = stream_outputs(bundle, list(clips.windows), on_window=on_window)
        for task, outputs in outputs_by_task.items():
            try:
                parts.refuse_degenerate(f"task '{task}'", outputs)
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
        golden = verify.golden_arrays(bundle, self.golden.windows)
        report.ring_difference = verify.compare_with_windows(bundle, golden["frames"]).difference
        verify.try_parts(bundle, golden, self.request, report)
        bundle, self.sections = verify.package(
            self.request.output, bundle, golden, self.network, report
        )
        return bundle


def _described(model: bytes) -> parts.ConvertedPart:
    precision, parameters = main_graph.precision_of(model), flatbuffer.cost(model).parameters
    return parts.describe("model", recipes.Recipe(precision), model, parameters)


def _refuse_choices(request: ConversionRequest) -> None:
    """Raise ModelError if something is asked for that only a float network allows."""
    float_only = {
        "--detection": request.detection,
        "--cut": request.cut,
        "--carry-state": request.carry_state,
        "--encoder-precision": request.encoder_precision != "auto",
        "--head-precision": request.head_precision != "auto",
        "--whole-window": request.whole_window,
        "--for": request.board,
        "--window": request.window,
        "--size": request.size,
        "--layout": request.layout,
        "--planes": request.planes,
        "--constant": request.constants,
        "--clip-input": request.sampling,
    }
    if options := [option for option, requested in float_only.items() if requested]:
        raise ModelError(
            f"{request.model.name} is quantised already and taken as it is: leave out "
            f"{', '.join(options)}, or give the float network that it was made of"
        )
