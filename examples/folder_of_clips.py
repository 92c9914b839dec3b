"""Write a CSV with one line a clip: its most frequent label of each task.

    python -m examples.folder_of_clips clips/ > decisions.csv
    python -m examples.folder_of_clips clips/ mine.edge > decisions.csv

A clip is a video file in the folder; clips shorter than the network's window have empty cells.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

from edge import Stream, open_bundle
from edge.sources import open_source


def most_frequent_labels(stream: Stream, clip: Path) -> dict[str, str]:
    """For each task the label that most windows of the clip got; empty without a window."""
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in stream.tasks}
    stream.reset()  # no window reaches back into the clip before
    with open_source(str(clip)) as video:
        for decision in filter(None, map(stream.push, video)):
            for task, prediction in decision.tasks.items():
                counts[task][prediction.label or str(prediction)] += 1
    return {task: count.most_common(1)[0][0] for task, count in counts.items() if count}


def main(folder: str, *bundle: str) -> None:
    stream = Stream(open_bundle(*bundle))
    rows = csv.DictWriter(sys.stdout, ["clip", *(task.name for task in stream.tasks)])
    rows.writeheader()
    for clip in sorted(p for p in Path(folder).iterdir() if p.suffix in (".mp4", ".avi", ".mkv")):
        rows.writerow({"clip": clip.name, **most_frequent_labels(stream, clip)})


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[1:] else sys.exit(__doc__)
