"""Print a line when a task's label has been sure for a number of frames in a row.

    python -m examples.camera_alert 0 action=shake
    python -m examples.camera_alert clip.mp4 action=nearer 0.9 10

Arguments: a camera's number, a video file or a stream's URL; TASK=LABEL; the least probability
(0.8); frames in a row (5).
"""

import sys
from collections.abc import Iterable

from edge import Decision, Stream, open_bundle
from edge.sources import open_source


def alerts(decisions: Iterable[Decision], task: str, label: str, least: float, frames: int):
    """The decision at which a label has been sure for `frames` in a row, once each time."""
    in_a_row = 0
    for decision in decisions:
        prediction = decision.tasks[task]
        is_sure = prediction.label == label and (prediction.p or 0.0) >= least
        in_a_row = in_a_row + 1 if is_sure else 0
        if in_a_row == frames:
            yield decision


def main(source: str, watched: str, least: str = "0.8", frames: str = "5") -> None:
    task, label = watched.split("=")
    stream = Stream(open_bundle("faces-in-motion"))  # or open_bundle("mine.edge")
    with open_source(int(source) if source.isdigit() else source) as video:
        decisions = filter(None, map(stream.push, video))  # None until the window is full
        for decision in alerts(decisions, task, label, float(least), int(frames)):
            print(f"frame {decision.frame}: {task} is {decision.tasks[task]}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[2:] else sys.exit(__doc__)
