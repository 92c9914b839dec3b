"""Runs here and on the emulated boards: what a bundle makes of its golden frames, as an .npz.

Arguments: bundle, file to write, runtime. Of each part the raw outputs, before anything of
ours touches them, and of each task the scores.
"""

import sys
from collections import defaultdict

import numpy as np

from edge.bundle import open_bundle
from edge.stream import Stream, StreamOptions


def main(name: str, target: str, runtime: str) -> None:
    bundle = open_bundle(name)
    stream = Stream(bundle, StreamOptions(runtime))
    found = defaultdict(list)
    for rgb in bundle.golden["frames"]:
        decision = stream.push(np.ascontiguousarray(rgb[..., ::-1]))
        for role, engine in stream.network.engines.items():
            if role != "head" or decision is not None:
                for index in range(len(engine.outputs)):
                    found[f"{role} {index}"].append(engine.output(index).copy())
        if decision is not None:
            for task, answer in decision.tasks.items():
                found[f"scores of {task}"].append(answer.scores)
    np.savez(target, **{key: np.stack(outputs) for key, outputs in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
