"""From a model to a bundle, step by step."""

import time
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.manifest import SCHEMA_VERSION, InputSpec, Manifest
from edge.check.clips import Clips
from edge.check.evaluate import accuracies, check_labels, stream_outputs
from edge_common import __version__
from edge_common.console import Progress
from edge_common.errors import BundleError, ModelError
from edge_common.files import can_be_written
from edge_convert import calibration as calib
from edge_convert.clip_sets import clips_of
from edge_convert.precision.found import Scale
from edge_convert.precision.latency import outputs_by_last_part
from edge_convert.precision.parts import ConvertedPart, describe, encode_windows
from edge_convert.precision.ranges import extremes
from edge_convert.precision.recipes import FLOAT32
from edge_convert.precision.search import PrecisionSearch
from edge_convert.precision.sensitivity import signal_to_noise_db
from edge_convert.precision.workshop import Workshop
from edge_convert.request import SEARCH_CLIPS, SEARCH_CLIPS_UNLABELLED, Request, read_network
from edge_convert.tasks_file import guesses, read_card
from edge_convert.verification import verify
from edge_convert.verification.evidence import Evidence, PeakMemory, agreements
from edge_convert.verification.golden import golden_arrays, sealed, try_parts
from edge_convert.verification.whole_window import measure_whole_window

SPLIT_TOLERANCE = 5e-5  # float32 sums in another order, relative to the largest output


class Conversion:
    """One conversion under way: what was read, made and measured so far."""

    def __init__(self, request: Request, progress: Progress | None = None) -> None:
        self.request = request
        self.evidence = Evidence(max_drop=request.max_drop)
        self.progress = progress or Progress(quiet=True)
        self._step, self._began = "", time.perf_counter()

    def run(self) -> Bundle:
        """Cut, quantise, verify and write the bundle; return it as written.

        Raises ModelError, ClipError, ConfigError, EngineError or BundleError, all of
        them before anything stands under the output's name.
        """
        refuse_output(self.request.output)
        with (
            PeakMemory() as memory,
            TemporaryDirectory(prefix="edge-convert-") as folder,
            Workshop(Path(folder)) as shop,
        ):
            self._read_network(shop)
            self._read_clips()
            self._run_float_parts()
            self._search(shop)
            bundle = Bundle(self._manifest(), {p.part.file: p.model for p in self.parts})
            self._verify(bundle)
            self._validate(bundle)
            self._say("")
            self.evidence.peak_memory_bytes = memory.peak_bytes
            if self.request.whole_window:
                self._say("converting the whole window for comparison")
                self._measure_whole_window(shop)
        return self._write(bundle)

    def _read_network(self, shop: Workshop) -> None:
        request = self.request
        self._say("loading the model")
        self.card = read_card(request.model, request.tasks)
        self.network = read_network(request.model, self.card, request.cut, shop, self.progress)
        for guess in guesses(self.network.tasks, self.card):
            self.progress.say(guess)
        colours = "RGB" if self.network.size[2] == 3 else "GRAY"
        self.spec = InputSpec(
            *self.network.size, colour_order=colours, value_range=request.value_range
        )

    def _read_clips(self) -> None:
        request = self.request
        self._say("reading the calibration clips")
        every = self._clips(request.calibration)
        if every.skipped:
            self.progress.say(f"{every.skipped} videos or folders gave no clip and were skipped")
        self.clips = every.sample(request.calibration_clips, request.seed)
        calib.refuse_unusable(self.clips.windows, self.clips.name)
        self.golden = self._clips(request.golden) if request.golden else self.clips
        self.validation = self._clips(request.validation) if request.validation else None
        if self.validation:
            check_labels(self.network.tasks, self.validation)
        wanted = SEARCH_CLIPS if self.validation else SEARCH_CLIPS_UNLABELLED
        self.scored = (self.validation or every).sample(
            request.search_clips or wanted, request.seed
        )

    def _clips(self, path: Path) -> Clips:
        return clips_of(path, self.network.window, (self.spec.width, self.spec.height))

    def _run_float_parts(self) -> None:
        """The float parts over the calibration windows: what is fixed, proved and prepared."""
        self._say("running the float network over the calibration clips")
        self.floats = [describe(p.role, FLOAT32, p.model, p.parameters) for p in self.network.parts]
        self.values = calib.as_network_input(self.clips.windows, self.spec)
        self.features = {}
        if len(self.floats) > 1:
            self.features = encode_windows(self.floats[0], self.values)
            for name, found in self.features.items():
                verify.refuse_degenerate(
                    f"the encoder's feature '{name}'", found.reshape(-1, *found.shape[2:])
                )
        self.evidence.split_difference = self._prove_split()

    def _prove_split(self) -> float:
        """The uncut network against the float parts, on a window of unlike frames."""
        count = len(self.clips.windows)
        frames = [self.clips.windows[(7 * t) % count, t] for t in range(self.network.window)]
        window = calib.NetworkInput(np.stack(frames)[None], self.spec)
        whole = self.network.reference(window[:1])
        (found,) = outputs_by_last_part(self.floats[0], self.floats[1:], window)
        difference = float(
            np.max([_relative(np.asarray(whole[task]), found[task]) for task in found])
        )
        if not difference <= SPLIT_TOLERANCE:  # NaN is no agreement
            raise ModelError(
                f"the float parts differ from the network by {difference:.2g}: please report this model"
            )
        return difference

    def _search(self, shop: Workshop) -> None:
        self._say("preparing the search")
        given = self.floats[0].part.inputs[0].name
        shared = {name: extremes(values) for name, values in self.features.items()}
        first = {given: self.request.value_range, **shared}
        frames = self.values
        if len(self.floats) > 1 or self.network.window == 1:
            frames = calib.frame_examples(self.clips.windows, self.spec)
        examples = frames.reshape(-1, *self.floats[0].part.inputs[0].shape[1:])
        shop.prepare(
            self.network.parts[0].role, self.network.parts[0].model, {given: examples}, first
        )
        if len(self.floats) > 1:
            shop.prepare("head", self.network.parts[1].model, self.features, shared)
        windows = calib.NetworkInput(self.scored.windows, self.spec)
        labels = self.scored.labels if self.validation else {}
        scale = Scale(self.network.tasks, windows, labels, self.request.max_drop)
        self._say("searching for precision")
        search = PrecisionSearch(
            shop, self.network.parts, scale, self.request.forced, self.progress
        )
        found = self.evidence.search = search.run()
        self.evidence.search_clips = f"{len(windows)} clips of {self.scored.short_name}"
        self.parts: list[ConvertedPart] = [attempt.part for attempt in found.chosen.attempts]

    def _verify(self, bundle: Bundle) -> None:
        evidence = self.evidence
        self._say("proving that the ring equals the window")
        frames = self.clips.windows[: 1 + 8 // self.network.window + 1]
        flat = frames.reshape(-1, *frames.shape[2:])
        evidence.ring_difference = verify.ring_difference(bundle, flat[: self.network.window + 8])
        if not evidence.ring_difference <= verify.RING_TOLERANCE:
            raise ModelError(
                f"the ring differs from the window by {evidence.ring_difference:.2g}: please report it"
            )
        if self.features:
            found = encode_windows(self.parts[0], self.values)
            for name, exact in self.features.items():
                evidence.feature_snr_db[name] = signal_to_noise_db(exact, found[name])
        self._say("trying the runtimes")
        self.golden_arrays = golden_arrays(bundle, self.golden.windows)
        try_parts(bundle, self.golden_arrays, self.request, evidence)

    def _validate(self, bundle: Bundle) -> None:
        """The bundle as it will stream, against float, on all validation clips."""
        clips = self.validation or self.scored
        self._say("measuring what the bundle answers")
        floating = dict(self.evidence.search.reference)
        if len(clips) != len(self.scored):
            windows = calib.NetworkInput(clips.windows, self.spec)
            with self.progress.count("... in float, clips", len(clips)) as on_window:
                (floating,) = outputs_by_last_part(
                    self.floats[0], self.floats[1:], windows, on_window
                )
        with self.progress.count("... streamed, clips", len(clips)) as on_window:
            streamed = stream_outputs(bundle, clips.windows, on_window=on_window)
        tasks = self.network.tasks
        self.evidence.agreement = agreements(tasks, floating, streamed)
        self.evidence.agreement_clips = len(clips)
        if self.validation:
            name = clips.short_name
            self.evidence.accuracy = (
                *accuracies(tasks, floating, clips.labels, "float", name),
                *accuracies(tasks, streamed, clips.labels, "streamed", name),
            )
        for doubt in self.evidence.doubts():
            self.progress.say(f"warning: {doubt}")

    def _measure_whole_window(self, shop: Workshop) -> None:
        windows = calib.NetworkInput(self.scored.windows, self.spec)
        labels = self.scored.labels if self.validation else {}
        found, measured = measure_whole_window(self.network, shop, self.values, windows)
        self.evidence.whole_window = found
        if measured:
            self.evidence.accuracy += accuracies(
                self.network.tasks, measured, labels, "whole window", self.evidence.search_clips
            )

    def _manifest(self) -> Manifest:
        return Manifest(
            schema=SCHEMA_VERSION,
            name=self.request.output.stem,
            streaming=self.network.streaming,
            window=self.network.window,
            input=self.spec,
            tasks=self.network.tasks,
            parts=tuple(converted.part for converted in self.parts),
            licence=self.card.licence,
            weights_source=self.card.weights_source,
            frame_rate_hz=self.card.frame_rate_hz,
            calibration=calib.describe(self.clips, self.clips.windows),
            made_with=_versions(),
        )

    def _write(self, bundle: Bundle) -> Bundle:
        self._say("writing the bundle")
        self._say("")
        bundle, self.sections = sealed(
            self.request.output, bundle, self.golden_arrays, self.network, self.evidence
        )
        return bundle

    def _say(self, step: str) -> None:
        now = time.perf_counter()
        if self._step:
            self.evidence.seconds[self._step] = now - self._began
        self._step, self._began = step, now
        if step:
            self.progress.say(step)


def refuse_output(output: Path) -> None:
    """Raises BundleError where no bundle can be written."""
    if output.suffix != ".edge":
        raise BundleError(f"{output} is no name for a bundle: it ends in .edge")
    if not can_be_written(output):
        raise BundleError(f"{output} cannot be written: its folder is missing or read-only")


def _relative(expected: np.ndarray, found: np.ndarray) -> float:
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(expected.reshape(found.shape) - found).max()) / scale


def _versions() -> dict[str, str]:
    names = ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert", "numpy")
    return {"edge-run": __version__, **{name: metadata.version(name) for name in names}}
