"""From a Keras model to a bundle, step by step."""

import io
import time
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from convert import calibration as calib
from convert import verify
from convert.candidates import candidates, choose, table
from convert.evidence import Evidence, agreements
from convert.keras_model import load_model, named_outputs, window_shape
from convert.ladder import HeadLadder
from convert.parts import describe, encode_windows
from convert.report import report
from convert.split import Split, split
from convert.tasks_file import read_card, tasks_of, with_probabilities
from convert.tflite import Workshop
from edge import __version__, flatbuffer
from edge.bundle import GOLDEN, REPORT, Bundle, write_bundle
from edge.clips import Clips, read_clips
from edge.errors import BundleError, ModelError
from edge.evaluate import accuracies, check_labels, stream_outputs
from edge.manifest import SCHEMA_VERSION, WINDOW_RING, InputSpec, Manifest
from edge.progress import Progress
from edge.selftest import margin, replay
from edge.stream import EngineOptions

SPLIT_TOLERANCE = 5e-5  # float32 sums in another order, relative to the largest output
GOLDEN_DECISIONS = 4
CHUNK = 16  # windows held as float32 at a time


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    model: Path
    output: Path
    calibration: Path
    validation: Path | None = None
    golden: Path | None = None
    tasks: Path | None = None
    cut: str | None = None
    head_precision: str = "auto"
    value_range: tuple[float, float] = (0.0, 255.0)
    calibration_clips: int = 32
    seed: int = 0


class Conversion:
    """One conversion under way: what was read, made and measured so far."""

    def __init__(self, request: Request, progress: Progress | None = None) -> None:
        self.request = request
        self.evidence = Evidence()
        self._progress = progress or Progress(quiet=True)
        self._step, self._began = "", time.perf_counter()

    def run(self) -> Bundle:
        """Cut, quantise, verify and write the bundle; return it as written.

        Raises ModelError, ClipError, ConfigError, EngineError or BundleError, all of
        them before anything stands under the output's name.
        """
        self._read()
        self._say("cutting the network")
        found = candidates(self.model)
        chosen = choose(found, self.request.cut)
        self.evidence.cuts = table(found, chosen, self.window)
        parts = split(self.model, chosen.keep)
        with TemporaryDirectory(prefix="edge-convert-") as folder, Workshop(Path(folder)) as shop:
            self._convert(shop, parts)
        bundle = Bundle(self._manifest(), {c.part.file: c.model for c in (self.encoder, self.head)})
        self._verify(bundle)
        return self._write(bundle)

    def _read(self) -> None:
        request = self.request
        if request.output.suffix != ".edge" or not request.output.absolute().parent.is_dir():
            raise BundleError(
                f"{request.output} cannot be written: give NAME.edge in a folder that exists"
            )
        self._say("loading the model")
        self.model = load_model(request.model)
        self.window, *size = window_shape(self.model)
        self.card = read_card(request.model, request.tasks)
        self.tasks = tasks_of(self.model, self.card)
        self.model, mended = with_probabilities(self.model, self.tasks)
        for name in mended:
            self._progress.say(f"'{name}' ends in logits: probabilities are made of them")
        for task in self.tasks:
            if task.name not in self.card.tasks:
                labels = f" of {', '.join(task.labels)}" if task.labels else ""
                self._progress.say(
                    f"no tasks file tells of '{task.name}': taken as {task.kind}{labels}"
                )
        colours = "RGB" if size[2] == 3 else "GRAY"
        self.spec = InputSpec(*size, colour_order=colours, value_range=request.value_range)
        self._say("reading the calibration clips")
        clips = self._clips(request.calibration)
        if clips.skipped:
            self._progress.say(f"{clips.skipped} videos or folders gave no clip and were skipped")
        self.clips = clips.sample(request.calibration_clips, request.seed)
        self.windows = self.clips.windows
        calib.refuse_unusable(self.windows, self.clips.name)
        self.golden = self._clips(request.golden).windows if request.golden else self.windows
        self.validation = self._clips(request.validation) if request.validation else None
        if self.validation:
            check_labels(self.tasks, self.validation)

    def _clips(self, path: Path) -> Clips:
        return read_clips(path, self.window, (self.spec.width, self.spec.height))

    def _convert(self, shop: Workshop, parts: Split) -> None:
        shop.save("encoder", parts.encoder)
        shop.save("head", parts.head)
        self._say("converting the encoder to int8, and heads beside it")
        examples = {"frame": calib.encoder_examples(self.windows, self.spec)}
        encoding = shop.start("encoder", "int8", examples)
        ladder = HeadLadder(shop, parts.head, self.tasks, self.request.head_precision)
        self.float_encoder = parts.batched_encoder
        values = calib.as_network_input(self.windows, self.spec)
        float_features = encode_windows(self.float_encoder, values)
        self.encoder = describe("encoder", "int8", encoding.result(), parts.encoder)
        self._say("calibrating the head on the quantised encoder's features")
        features = encode_windows(self.encoder, values)
        for name, found in features.items():
            verify.refuse_degenerate(
                f"the int8 encoder's feature '{name}'", found.reshape(-1, *found.shape[2:])
            )
            self.evidence.feature_snr_db[name] = verify.signal_to_noise_db(
                float_features[name], found
            )
        climb = ladder.climb(features)
        self.head, self.float_head, self.evidence.rungs = climb.head, climb.float_head, climb.rungs
        self.float_outputs = self.float_head.over(float_features)

    def _verify(self, bundle: Bundle) -> None:
        evidence, outputs = self.evidence, stream_outputs(bundle, self.windows)
        self._say("proving that the cut changes nothing")
        evidence.split_difference = self._prove_split()
        self._say("proving that the ring equals the window")
        frames = self.windows[:2].reshape(-1, *self.windows.shape[2:])
        evidence.ring_difference = verify.ring_difference(bundle, frames[: self.window + 8])
        if evidence.ring_difference > verify.RING_TOLERANCE:
            raise ModelError(
                f"the ring differs from the window by {evidence.ring_difference:.2g}: please report it"
            )
        evidence.agreement = agreements(self.tasks, self.float_outputs, outputs)
        evidence.agreement_clips = len(self.windows)
        evidence.trials = verify.try_runtimes(bundle.manifest.parts, bundle.members)
        for converted in (self.encoder, self.head):
            evidence.operators[converted.part.file] = flatbuffer.cost(converted.model).ops
        if self.validation:
            self._say("measuring accuracy")
            self._validate(bundle, self.validation)
        for doubt in evidence.doubts():
            self._progress.say(f"warning: {doubt}")

    def _prove_split(self) -> float:
        """The uncut Keras network against both parts in float, on a window of unlike frames."""
        count = len(self.windows)
        mixed = np.stack([self.windows[(7 * t) % count, t] for t in range(self.window)])[None]
        values = calib.as_network_input(mixed, self.spec)
        answers = keras.Model(self.model.inputs, named_outputs(self.model))
        whole = answers([values], training=False)
        found = self.float_head.over(encode_windows(self.float_encoder, values))
        difference = max(_relative(np.asarray(whole[task]), found[task]) for task in found)
        if difference > SPLIT_TOLERANCE:
            raise ModelError(
                f"the two parts differ from the network by {difference:.2g}: please report this model"
            )
        return difference

    def _validate(self, bundle: Bundle, clips: Clips) -> None:
        windows, name = clips.windows, Path(clips.name).name
        floating = self._float_answers(windows)
        with self._progress.count("... streamed, clips", len(windows)) as on_window:
            streamed = stream_outputs(bundle, windows, on_window=on_window)
        self.evidence.agreement = agreements(self.tasks, floating, streamed)
        self.evidence.agreement_clips = len(windows)
        self.evidence.accuracy = (
            *accuracies(self.tasks, floating, clips.labels, "float", name),
            *accuracies(self.tasks, streamed, clips.labels, "streamed", name),
        )

    def _float_answers(self, windows: np.ndarray) -> dict[str, np.ndarray]:
        """What the network in float answers to each window, some at a time to save memory."""
        rows = []
        with self._progress.count("... in float, clips", len(windows)) as on_window:
            for start in range(0, len(windows), CHUNK):
                values = calib.as_network_input(windows[start : start + CHUNK], self.spec)
                rows.append(self.float_head.over(encode_windows(self.float_encoder, values)))
                for _ in values:
                    on_window()
        return {task: np.concatenate([row[task] for row in rows]) for task in rows[0]}

    def _manifest(self) -> Manifest:
        return Manifest(
            schema=SCHEMA_VERSION,
            name=self.request.output.stem,
            streaming=WINDOW_RING,
            window=self.window,
            input=self.spec,
            tasks=self.tasks,
            parts=(self.encoder.part, self.head.part),
            licence=self.card.licence,
            weights_source=self.card.weights_source,
            frame_rate_hz=self.card.frame_rate_hz,
            calibration=calib.describe(self.clips, self.windows),
            made_with=_versions(),
        )

    def _write(self, bundle: Bundle) -> Bundle:
        self._say("writing the bundle")
        manifest = replace(
            bundle.manifest, trials=self.evidence.trials, accuracy=self.evidence.accuracy
        )
        members = {
            **bundle.members,
            GOLDEN: golden_frames(bundle, self.golden),
            REPORT: report(manifest, self.evidence, bundle.members).encode(),
        }
        return write_bundle(self.request.output, manifest, members)

    def _say(self, step: str) -> None:
        now = time.perf_counter()
        if self._step:
            self.evidence.seconds[self._step] = now - self._began
        self._step, self._began = step, now
        self._progress.say(step)


def explanation(model_path: Path, behind: str | None = None) -> str:
    """Where a model can be cut, as a table; the cut behind `behind` marked, or the best."""
    model = load_model(model_path)
    found = candidates(model)
    return table(found, choose(found, behind), window_shape(model)[0])


def golden_frames(bundle: Bundle, windows: np.ndarray) -> bytes:
    """The `.npz` of a few real frames and what the bundle answers to them.

    The window with the surest answers is taken, and the beginning of the next one:
    where a network is unsure, another runtime's rounding may tip it without a fault.
    """
    outputs = stream_outputs(bundle, windows)
    classes = [t.name for t in bundle.manifest.tasks if t.kind == "classification"]
    surest = int(sum((margin(outputs[task]) for task in classes), np.zeros(len(windows))).argmax())
    pair = windows[[surest, (surest + 1) % len(windows)]].reshape(-1, *windows.shape[2:])
    frames = pair[: bundle.manifest.window + GOLDEN_DECISIONS - 1]
    stream = io.BytesIO()
    np.savez_compressed(stream, frames=frames, **replay(bundle, frames, EngineOptions()))
    return stream.getvalue()


def _relative(expected: np.ndarray, found: np.ndarray) -> float:
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(expected - found).max()) / scale


def _versions() -> dict[str, str]:
    names = ("tensorflow", "keras", "ai-edge-litert", "numpy")
    return {"edge-run": __version__, **{name: metadata.version(name) for name in names}}
