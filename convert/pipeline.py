"""From a model to a bundle, step by step."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.bundle import Bundle, Manifest, schema_of
from edge.check.evaluate import accuracies, check_labels
from edge.stream import given_beside
from edge_common import ModelError, __version__, console
from edge_convert import frames, motion_gate, reference
from edge_convert.network import read_card, with_rules_that_hold
from edge_convert.precision import activations, calibration, candidates, parts, recipes, search
from edge_convert.precision.cache import ResultCache, library_versions
from edge_convert.precision.cluster_jobs import remote_jobs
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.request import (
    ConversionRequest,
    read_conversion_clips,
    refuse_output,
    with_clips_to_score,
)
from edge_convert.sources import model_file
from edge_convert.verification import conversion_report, float_parts, verify

OBSERVED_CLIPS = 16  # that show what the answers are
MOST_CARRIED = 65  # decisions that are held against those of the window


class Conversion:
    """One conversion under way: what was read, made and measured so far."""

    def __init__(
        self, request: ConversionRequest, progress: console.Progress | None = None
    ) -> None:
        self.request = request
        self.report = conversion_report.ConversionReport(request.max_drop, request.latency_board)
        self.progress = progress or console.Progress(quiet=True)
        self._step, self._began = "", time.perf_counter()

    def run(self) -> Bundle:
        """Cut, quantise, verify and write the bundle; return it as written.

        Raises ModelError, ClipError, ConfigError, EngineError or BundleError, all of
        them before anything stands under the output's name.
        """
        refuse_output(self.request.output)
        cache = ResultCache.of_user() if self.request.cache else ResultCache()
        with (
            conversion_report.PeakMemory() as memory,
            TemporaryDirectory(prefix="edge-convert-") as folder,
            remote_jobs(self.request.scheduler) as remote,
            ConversionJobs(Path(folder), cache, remote) as jobs,
        ):
            self._read()
            self._cut()
            self._run_float_parts()
            self._prepare(jobs)
            self._search(jobs)
            bundle = Bundle(self._manifest(), {p.part.file: p.model for p in self.parts})
            self._verify(bundle)
            self._validate(bundle)
            bundle = self._referenced(self._gated(bundle))
            self._say("")
            self.report.peak_memory_bytes = memory.peak_bytes
            if self.request.whole_window:
                self._say("converting the whole window for comparison")
                self._measure_whole_window(jobs)
        return self._write(bundle)

    def _read(self) -> None:
        """The model's file and the clips: what is refused, is refused before the long work."""
        request = self.request
        self._say("loading the model")
        self.card = read_card(request.model, request.tasks)
        model = model_file.read_requested(request)
        self.spec = frames.input_spec(model, request)
        self.progress.say(frames.input_line(model.window, self.spec))
        self._say("reading the calibration clips")
        self.inputs = frames.given_inputs(model, request)
        self.clips = read_conversion_clips(request, model.window, self.spec, self.inputs)
        self.inputs = frames.with_ranges(self.inputs, self.clips.calibration)
        if skipped := self.clips.skipped:
            self.progress.say(f"{skipped} videos or folders gave no clip and were skipped")
        self.model = self._observed(model)

    def _observed(self, model: model_file.ModelFile) -> model_file.ModelFile:
        """With what its answers are."""
        self._say("running the network over calibration clips, to see what it answers")
        windows = self.clips.calibration.windows[:OBSERVED_CLIPS]
        values = calibration.windows_as_network_input(windows, self.spec)
        labels = self.clips.validation.labels if self.clips.validation else {}
        observed = model.observed(values, self.card, self.progress, labels)
        if self.clips.validation:
            tasks, clips = observed.answers.tasks, self.clips
            validation = check_labels(tasks, self.clips.validation)
            self.clips = replace(
                clips, validation=validation, scored=check_labels(tasks, clips.scored)
            )
        return observed

    def _cut(self) -> None:
        self._say("cutting the network")
        self.network = self.model.network(self.request.cut, self.progress)

    def _run_float_parts(self) -> None:
        """The float parts over the calibration windows."""
        self._say("running the float network over the calibration clips")
        self.floats = [
            parts.describe(p.role, recipes.FLOAT32, p.model, p.parameters, p.states, p.given_inputs)
            for p in self.network.parts
        ]
        self.features: dict[str, np.ndarray] = {}
        if len(self.floats) > 1:
            self.features = parts.encode_windows(self.floats[0], self._values(), self.floats[1])
            side_values = given_beside(self.clips.calibration.windows)
            parts.refuse_dead({n: v for n, v in self.features.items() if n not in side_values})

    def _values(self) -> np.ndarray:
        """Real input of all calibration windows, which is kept nowhere: it is four times as large."""
        return calibration.windows_as_network_input(self.clips.calibration.windows, self.spec)

    def _verify_split(self) -> None:
        """The uncut network, in its own library, against the float parts."""
        windows = calibration.unlike_windows(self.clips.calibration.windows, float_parts.WINDOWS)
        values = calibration.NetworkInput(windows, self.spec)
        difference = float_parts.difference(self.network, self.floats, values)
        self.report.split_difference = difference.measured

    def _prepare(self, jobs: ConversionJobs) -> None:
        """Float parts, with what calibrates them, for the jobs' children."""
        self._say("preparing the search")
        encoder, frame_input = self.floats[0], self.floats[0].part.read[0].name
        windows = self.clips.calibration.windows
        side_values = given_beside(windows)
        ranged = self.features or side_values
        shared = {name: activations.extremes(values) for name, values in ranged.items()}
        first = {frame_input: calibration.extremes(windows, self.spec), **shared}
        if encoder.part.states:
            examples, states = parts.state_examples(encoder, self._values(), calibration.MAX_FRAMES)
            first |= states
        else:
            is_single = len(self.floats) > 1 or (self.network.window == 1 and not side_values)
            values = calibration.frame_examples(windows, self.spec) if is_single else self._values()
            examples = {frame_input: values.reshape(-1, *encoder.part.read[0].shape[1:])}
            if len(self.floats) == 1:
                examples |= side_values
        jobs.prepare(self.network.parts[0].role, self.network.parts[0].model, examples, first)
        if len(self.floats) > 1:
            jobs.prepare("head", self.network.parts[1].model, self.features, shared)

    def _search(self, jobs: ConversionJobs) -> None:
        last = self.floats[-1].part.multiply_adds
        work = last + self.network.window * sum(e.part.multiply_adds for e in self.floats[:-1])
        self.clips = with_clips_to_score(self.clips, self.request, self.spec, work, self.progress)
        windows = calibration.NetworkInput(self.clips.scored.windows, self.spec)
        scoring = self._scoring(windows)
        self._say("searching for precision")
        forced, ladder = self.request.forced, self.report.ranked(self._ladder())
        result = self.report.search = search.PrecisionSearch(
            jobs, self.network.parts, scoring, forced, self.progress, *ladder
        ).run(beside=self._verify_split)
        self.float_outputs = result.reference
        how = "" if self.clips.validation else ", seen anew"
        self.report.search_clips = f"{len(windows)} clips of {self.clips.scored.short_name}{how}"
        self.parts = result.chosen.parts

    def _ladder(self) -> Sequence[recipes.Recipe]:
        """What is tried first."""
        return recipes.LADDER

    def _scoring(self, windows: calibration.NetworkInput) -> candidates.Scoring:
        labels = self.clips.scored.labels if self.clips.validation else {}
        vague = frozenset(
            task.name
            for task in self.network.tasks
            if task.kind == "embedding" and task.name not in self.card.tasks
        )
        tasks, budget = self.network.tasks, self.request.max_drop
        return candidates.Scoring(tasks, windows, labels, budget, undescribed=vague)

    def _verify(self, bundle: Bundle) -> None:
        report = self.report
        self._say("verifying that the ring equals the window")
        length, decisions = self.network.window, MOST_CARRIED if self.network.is_carried else 9
        windows = self.clips.calibration.windows[: 2 + decisions // length]
        flat = windows.reshape(-1, *windows.shape[2:])[: length + decisions - 1]
        side_values = {name: values[0] for name, values in given_beside(windows).items()}
        comparison = verify.compare_with_windows(bundle, flat, side_values)
        report.ring_difference = comparison.difference
        if self.network.is_carried:
            report.carried = comparison.carried(self.network.tasks)
            self.progress.say(report.carried_line)
            comparison = comparison.first
        if not comparison.difference <= verify.RING_TOLERANCE:
            raise ModelError(
                f"the ring differs from the window by {comparison.difference:.2g}: please report it"
            )
        if self.features:
            features = parts.encode_windows(self.parts[0], self._values(), self.parts[1])
            side_names = given_beside(self.clips.calibration.windows)
            for name in (each for each in features if each not in side_names):
                exact = self.features[name]
                report.feature_snr_db[name] = activations.signal_to_noise_db(exact, features[name])
        self._say("trying the runtimes")
        self.golden_arrays = verify.golden_arrays(bundle, self.clips.golden.windows)
        verify.try_parts(bundle, self.golden_arrays, self.request, report)

    def _validate(self, bundle: Bundle) -> None:
        """The bundle as it will stream, against float, on all validation clips."""
        clips = self.clips.validation or self.clips.scored
        self._say("measuring what the bundle answers")
        floating = self.float_outputs
        if len(clips) != len(self.clips.scored):
            windows = calibration.NetworkInput(clips.windows, self.spec)
            with self.progress.count("... in float, clips", len(clips)) as on_window:
                (floating,) = parts.outputs_by_last_part(
                    self.floats[0], self.floats[1:], windows, on_window
                )
        with self.progress.count("... streamed, clips", len(clips)) as on_window:
            streamed = verify.stream_on_every_core(bundle, clips.windows, on_window)
        tasks = self.network.tasks
        self.report.agreement = conversion_report.agreements(tasks, floating, streamed)
        self.report.agreement_clips = len(clips)
        if self.clips.validation:
            name = clips.short_name
            self.report.accuracy = (
                *accuracies(tasks, floating, clips.labels, "float", name),
                *accuracies(tasks, streamed, clips.labels, "streamed", name),
            )
        for warning in self.report.warnings():
            self.progress.say(f"warning: {warning}")

    def _gated(self, bundle: Bundle) -> Bundle:
        if self.spec.is_features or self.spec.planes or self.parts[0].part.states or self.inputs:
            return bundle
        self._say("finding out when a frame shows something new")
        clips = self.clips
        if self.request.gate:
            bundle = motion_gate.with_gate(bundle, clips.calibration, clips.held_out, self.progress)
        return bundle

    def _referenced(self, bundle: Bundle) -> Bundle:
        if self.spec.is_features:  # what is usual is told of images
            return bundle
        self._say("measuring what frames and answers are usual")
        return reference.with_reference(bundle, self.clips.usual, self.progress)

    def _measure_whole_window(self, jobs: ConversionJobs) -> None:
        windows = calibration.NetworkInput(self.clips.scored.windows, self.spec)
        labels = self.clips.scored.labels if self.clips.validation else {}
        whole_window, outputs = conversion_report.measure_whole_window(
            self.network, jobs, self._values(), windows
        )
        self.report.whole_window = whole_window
        if outputs:
            self.report.accuracy += accuracies(
                self.network.tasks, outputs, labels, "whole window", self.report.search_clips
            )

    def _manifest(self) -> Manifest:
        first, outputs = self.parts[0].part, self.parts[-1].part.outputs
        tasks = with_rules_that_hold(self.network.tasks, outputs, self.progress)
        return Manifest(
            schema=schema_of(tasks, self.spec, first.states, first.role, self.inputs),
            name=self.request.output.stem,
            streaming=self.network.streaming,
            window=self.network.window,
            input=self.spec,
            tasks=tasks,
            parts=tuple(converted.part for converted in self.parts),
            licence=self.card.licence,
            weights_source=self.card.weights_source,
            frame_rate_hz=self.card.frame_rate_hz,
            calibration=calibration.describe(
                self.clips.calibration, self.clips.calibration.windows
            ),
            made_with={"edge-run": __version__, **library_versions()},
            inputs=self.inputs,
        )

    def _write(self, bundle: Bundle) -> Bundle:
        self._say("writing the bundle")
        self._say("")
        bundle, self.sections = verify.package(
            self.request.output, bundle, self.golden_arrays, self.network, self.report
        )
        return bundle

    def _say(self, step: str) -> None:
        now = time.perf_counter()
        if self._step:
            self.report.seconds[self._step] = now - self._began
        self._step, self._began = step, now
        if step:
            self.progress.say(step)
