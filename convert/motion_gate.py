"""From which change on a frame shows a bundle something new: its motion gate's threshold.

Clips become what a camera sees: first still, then in motion, with the noise of a sensor in each
frame. Each frame is encoded once; what a gate would give follows from that.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from operator import contains

import numpy as np

from edge.bundle import CARRIED_STATE, GATE_SINCE, Bundle, GateSpec
from edge.check.clips import Clips
from edge.stream import FULL, MotionGate, Network, StreamOptions
from edge.tasks import Task, kind_of
from edge_common import console
from edge_convert.precision.parts import on_every_core

THRESHOLDS = (5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.75, 0.5)  # grey levels
NOISES = (0.5, 1.0, 2.0)  # standard deviations of a camera's values, grey levels
MOST_CHANGED = 0.001  # of decisions
_SAME = 0.99  # similarity of outputs that mean the same; of a number, a tenth of its spread
_DEVIATIONS = 2
_BLOCK = 16  # pixels; behind the noise of smaller ones less motion is to be seen
_MOST_CLIPS, _FEWEST_CLIPS = 32, 4
_MOST_MULTIPLY_ADDS = 3 * 10**11  # of all clips together: half a minute, not minutes
_STILL_FRAMES = 8  # a third of those before a clip, at least

Outputs = Sequence[Sequence[np.ndarray]]  # of each window, one array a task


@dataclass(frozen=True)
class GateTrial:
    """What a gate does to the decisions on some clips.

    decisions, changed: of windows that hold a clip, or stand still.
    unsure, unsure_changed: of those in which a scene begins to move, or of which the camera's
    noise alone changes some while the scene is still.  noise_changed: how many of these other
    noise changes.
    saved: share of still frames, from the first still window on, that are not encoded.
    """

    spec: GateSpec
    decisions: int
    changed: int
    unsure: int
    unsure_changed: int
    noise_changed: int
    saved: float

    @property
    def is_good(self) -> bool:
        few = self.changed <= MOST_CHANGED * self.decisions
        # two counts of the same rate differ so far by chance
        by_chance = _DEVIATIONS * math.sqrt(2 * self.noise_changed)
        excess = self.unsure_changed - self.noise_changed
        return few and excess <= max(by_chance, MOST_CHANGED * self.unsure)


class _CameraClip:
    """A clip, uint8 RGB (T, H, W, 3), as a camera sees it: with noise, and still before it begins.

    still: the numbers of the frames that show the clip's first one.
    """

    def __init__(self, clip: np.ndarray, noise: float, network: Network, seed: int) -> None:
        self._length, self._network = len(clip), network
        self.still = range(3 * max(len(clip), _STILL_FRAMES))
        exact = np.concatenate([clip[:1].repeat(len(self.still), 0), clip])
        noises = np.random.default_rng(seed).normal(0.0, noise, exact.shape)
        noisy = np.clip(np.rint(exact + noises), 0, 255).astype(np.uint8)
        self._frames = np.ascontiguousarray(noisy[..., ::-1])
        self._decided: dict[tuple[int, ...], Sequence[np.ndarray]] = {}

    @property
    def windows(self) -> list[tuple[int, ...]]:
        """The frames of each window, by their numbers."""
        ends = range(self._length, len(self._frames) + 1)
        return [tuple(range(end - self._length, end)) for end in ends]

    def gated(self, spec: GateSpec) -> list[tuple[int, ...]]:
        """Of each window, the frames whose features it has."""
        gate, length, ring = MotionGate(spec, self._length), self._length, deque[int]()
        windows = []
        for number, frame in enumerate(self._frames):
            was_still = gate.is_still
            if not gate.reuses_oldest(self._network.preprocess.prepare(frame)):
                ring = deque([*ring, number], length)
            elif not was_still:
                ring.rotate(-1)
            windows.append(tuple(ring))
        return windows[length - 1 :]

    def other_noise(self) -> list[tuple[int, ...]]:
        """As `windows`, but still frames stand in another order, and so with other noise."""
        last = self.still.stop - 1
        return [tuple(last - n if n <= last else n for n in window) for window in self.windows]

    def outputs(self, windows: Iterable[tuple[int, ...]]) -> Outputs:
        """If they have the features of these frames."""
        return [self._decide(window) for window in windows]

    def _decide(self, frames: tuple[int, ...]) -> Sequence[np.ndarray]:
        if frames not in self._decided:
            window = self._network.window()
            for number in frames:
                for ring, feature in zip(window.rings, self._features[number]):
                    np.copyto(ring.slot, feature)
                window.advance()
            self._decided[frames] = self._network.decide(window)
        return self._decided[frames]

    @cached_property
    def _features(self) -> list[list[np.ndarray]]:
        window, features = self._network.window(), []
        for frame in self._frames:
            self._network.encode(frame, FULL, window)
            features.append([ring.newest.copy() for ring in window.rings])
        return features


@dataclass(frozen=True)
class _Scene:
    """What a network answers to a clip as a camera sees it.

    begins, firsts: of each window, whether it begins to move in it, and the first of the same still.
    exact, noisy, gated: outputs of each window, as it is, with other noise, and behind each gate.
    settled: still frames behind the first still window.  encoded: of these, those that a gate lets by.
    """

    begins: Sequence[bool]
    firsts: Sequence[int]
    exact: Outputs
    noisy: Outputs
    gated: Sequence[Outputs]
    settled: int
    encoded: Sequence[int]

    @classmethod
    def of(cls, camera: _CameraClip, specs: Sequence[GateSpec]) -> "_Scene":
        windows, last, length = camera.windows, camera.still.stop - 1, len(camera.windows[0])
        settled = camera.still[length:]
        sources = [camera.gated(spec) for spec in specs]
        newest = [
            windows_of[settled.start - length + 1 : settled.stop - length + 1]
            for windows_of in sources
        ]
        return cls(
            begins=[window[0] <= last < window[-1] for window in windows],
            firsts=[0 if w[-1] <= last else i for i, w in enumerate(windows)],
            exact=camera.outputs(windows),
            noisy=camera.outputs(camera.other_noise()),
            gated=[camera.outputs(windows_of) for windows_of in sources],
            settled=len(settled),
            encoded=[sum(map(contains, each, settled)) for each in newest],
        )


def trials_on(
    bundle: Bundle,
    clips: np.ndarray,
    specs: Sequence[GateSpec],
    on_clip: Callable[[], None] = lambda: None,
) -> list[GateTrial]:
    """What each gate does on clips (N, T, H, W, 3) uint8 RGB. Raises EngineError."""

    def run(stretch: range) -> list[_Scene]:
        network, scenes = Network(bundle, StreamOptions(gate=False)), []
        for number in stretch:
            noise = NOISES[number % len(NOISES)]
            scenes.append(_Scene.of(_CameraClip(clips[number], noise, network, number), specs))
            on_clip()
        return scenes

    scenes = list(chain.from_iterable(on_every_core(len(clips), run)))
    begins, firsts = list[bool](), list[int]()
    exact, noisy = list[Sequence[np.ndarray]](), list[Sequence[np.ndarray]]()
    for scene in scenes:
        firsts += [len(exact) + first for first in scene.firsts]
        begins += scene.begins
        exact += scene.exact
        noisy += scene.noisy
    gated = {s: [w for scene in scenes for w in scene.gated[i]] for i, s in enumerate(specs)}
    encoded = {s: sum(scene.encoded[i] for scene in scenes) for i, s in enumerate(specs)}
    still = sum(scene.settled for scene in scenes)
    tasks = bundle.manifest.tasks
    unsteady = _changed(tasks, [exact[first] for first in firsts], exact)
    is_unsure = np.array(begins) | np.isin(firsts, np.array(firsts)[unsteady])
    by_noise = _changed(tasks, exact, noisy)
    changed = {each: _changed(tasks, exact, gated[each]) for each in specs}
    return [
        GateTrial(
            each,
            decisions=int((~is_unsure).sum()),
            changed=int(changed[each][~is_unsure].sum()),
            unsure=int(is_unsure.sum()),
            unsure_changed=int(changed[each][is_unsure].sum()),
            noise_changed=int(by_noise[is_unsure].sum()),
            saved=1 - encoded[each] / still,
        )
        for each in specs
    ]


def candidates_for(bundle: Bundle) -> list[GateSpec]:
    """The gates to choose from, the highest threshold first."""
    spec = bundle.manifest.input
    block = max(1, min(_BLOCK, spec.height // 4, spec.width // 4))
    return [GateSpec(threshold, block) for threshold in THRESHOLDS]


def _changed(tasks: Sequence[Task], expected: Outputs, outputs: Outputs) -> np.ndarray:
    """Whether any task's output means something else, bool (n,)."""
    changed = np.zeros(len(expected), bool)
    for index, task in enumerate(tasks):
        pair = (np.stack([window[index] for window in each]) for each in (expected, outputs))
        changed |= ~(kind_of(task).similarity(*pair) >= _SAME)  # NaN is no agreement
    return changed


def clips_that_suffice(bundle: Bundle) -> int:
    """So many clips at most, and fewer of networks that take long."""
    manifest = bundle.manifest
    first, last = manifest.parts[0], manifest.last_part
    frames = 4 * max(manifest.window, _STILL_FRAMES)
    a_frame = first.multiply_adds if first is not last else 0
    cost = frames * (a_frame + 2 * last.multiply_adds)
    return max(_FEWEST_CLIPS, min(_MOST_CLIPS, _MOST_MULTIPLY_ADDS // max(1, cost)))


def with_gate(bundle: Bundle, clips: Clips, held_out: Clips, progress: console.Progress) -> Bundle:
    """The bundle with the highest threshold that is good on both; without a gate if none is.

    If nothing was held out, both are halves of the clips. A network with states of its own
    remembers each frame, and gets none. Raises EngineError.
    """
    manifest = replace(bundle.manifest, gate=None)
    if manifest.streaming == CARRIED_STATE:
        return bundle
    if not len(held_out):
        clips, held_out = clips.halves()
    count = clips_that_suffice(bundle)
    clips, held_out = clips.sample(count), held_out.sample(count)
    if not len(held_out):
        return bundle
    specs = candidates_for(bundle)
    with progress.count("... scenes", len(clips) + len(held_out)) as on_clip:
        pairs = zip(*(trials_on(bundle, c.windows, specs, on_clip) for c in (clips, held_out)))
    good = (trial for first, trial in pairs if first.is_good and trial.is_good and trial.saved)
    trial = next(good, None)
    if trial is None:
        progress.say("no motion gate: what it would save, it would change answers by")
        return replace(bundle, manifest=manifest)
    gate = replace(
        trial.spec,
        source=held_out.short_name,
        decisions=trial.decisions,
        changed=trial.changed,
        saved=round(trial.saved, 4),
    )
    progress.say(gate_line(gate))
    schema = max(manifest.schema, GATE_SINCE)
    return replace(bundle, manifest=replace(manifest, gate=gate, schema=schema))


def gate_line(gate: GateSpec) -> str:
    """What it does, and on what that was measured."""
    return (
        f"motion gate at {gate.threshold:g} grey levels: {gate.changed} of {gate.decisions} decisions "
        f"changed and {100 * gate.saved:.0f} % of encoder calls on still frames saved, {gate.source}"
    )
