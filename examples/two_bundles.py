"""Show what two bundles predict for the same frames: one JSON line a frame, or one window.

    python -m examples.two_bundles 0 faces-in-motion face
    python -m examples.two_bundles clip.mp4 faces-in-motion mine.edge --show

Both networks get each frame, so a frame takes as long as both together.
"""

import json
import sys

import cv2

from edge import Stream, open_bundle
from edge.sources import open_source


def main(source: str, first: str, second: str, show: str = "") -> None:
    streams = {name: Stream(open_bundle(name)) for name in (first, second)}
    with open_source(int(source) if source.isdigit() else source) as video:
        for frame in video:
            decisions = {name: stream.push(frame) for name, stream in streams.items()}
            texts = {
                name: {task: str(prediction) for task, prediction in decision.tasks.items()}
                for name, decision in decisions.items() if decision  # None: no full window yet
            }  # fmt: skip
            if not show:
                print(json.dumps({"frame": frame.number, **texts}), flush=True)
                continue
            for line, (name, tasks) in enumerate(texts.items(), 1):
                text = f"{name}: {', '.join(tasks.values())}"
                cv2.putText(frame.pixels, text, (8, 24 * line), 0, 0.6, (0, 255, 255), 2)
            cv2.imshow("two bundles (q ends)", frame.pixels)
            if cv2.waitKey(1) == ord("q"):
                return


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[3:] else sys.exit(__doc__)
