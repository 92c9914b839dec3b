"""Replay frames on the runtime of this environment, for whoever compares runtimes.

Run as `python -m edge.check.replay BUNDLE FRAMES.npy ANSWERS.npz`; frames (N, H, W, 3) uint8 RGB.
"""

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.bundle.archive import open_bundle
from edge.check.self_test import replay
from edge.engine import runtimes
from edge.stream import StreamOptions
from edge_common.command_line import one_line_errors


@click.command()
@click.argument("bundle")
@click.argument("frames", type=click.Path(exists=True, path_type=Path))
@click.argument("answers", type=click.Path(path_type=Path))
@one_line_errors
def main(bundle: str, frames: Path, answers: Path) -> None:
    """Write one array a task, and which `runtime` of which `version` gave it."""
    opened = open_bundle(bundle)
    outputs = replay(opened, np.load(frames), StreamOptions())
    runtime = runtimes.load(StreamOptions().runtime)
    arrays: dict[str, Any] = {"runtime": runtime.name, "version": runtime.version, **outputs}
    np.savez(answers, **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])
