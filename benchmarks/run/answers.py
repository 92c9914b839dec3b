"""What each contender answers to the clips, and how right that is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.bundle.archive import Bundle
from edge.check.clips import Clips
from edge_benchmarks.record.record import Measurement
from edge_benchmarks.run import accuracy, baselines
from edge_benchmarks.run.targets import Contender
from edge_common.console import Progress

Answers = Mapping[str, np.ndarray]  # task -> (n, k) float32


def judged(
    measurements: Sequence[Measurement],
    contenders: Sequence[Contender],
    bundle: Bundle,
    clips: Clips | None,
    progress: Progress,
) -> list[Measurement]:
    """The measurements with accuracy and agreement; without values where there are no clips."""
    answers: dict[str, Answers] = {}
    if clips is not None:
        able = [c for c in contenders if c.outputs is not None]
        answers = {c.name: _answers(c, clips, progress) for c in able}
    exact = next((answers[c.name] for c in contenders if c.exact and c.name in answers), None)
    return [_judged(m, bundle, clips, answers.get(m.name), exact) for m in measurements]


def _answers(contender: Contender, clips: Clips, progress: Progress) -> Answers:
    with progress.count(f"answering, {contender.name}, clips", len(clips)) as on_clip:
        return contender.outputs(clips.windows, on_clip)


def _judged(
    measurement: Measurement,
    bundle: Bundle,
    clips: Clips | None,
    answers: Answers | None,
    exact: Answers | None,
) -> Measurement:
    tasks = bundle.manifest.tasks
    if answers is None:
        return replace(measurement, accuracy=accuracy.unmeasured(tasks))
    agreement = {}
    if exact is not None and answers is not exact:
        agreement = baselines.agreement(bundle, exact, answers)
    figures = accuracy.figures(tasks, answers, clips)
    return replace(measurement, accuracy=figures, agreement=agreement)
