"""answers.npz: each task's answers beside the truth, for whoever compares networks."""

from pathlib import Path

import numpy as np

from edge.whole_file import whole_file

from .results import Results, TaskResult

ANSWERS = "answers.npz"


def write_answers(path: Path, results: Results) -> None:
    """Keep truth, answer and source of each clip: `TASK.truth` (N,) and so on. Raises OSError."""
    arrays = {}
    for task, result in results.items():
        arrays |= {f"{task}.truth": result.truth, f"{task}.answer": result.answer}
        if result.sources is not None:
            arrays[f"{task}.source"] = result.sources
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)


def read_answers(path: Path) -> dict[str, TaskResult]:
    """What `write_answers` kept of classification tasks, without the names of their classes."""
    with np.load(path) as arrays:
        tasks = [n.removesuffix(".truth") for n in arrays.files if n.endswith(".truth")]
        return {
            task: TaskResult(
                arrays[f"{task}.truth"], arrays[f"{task}.answer"], (), arrays.get(f"{task}.source")
            )
            for task in tasks
        }
