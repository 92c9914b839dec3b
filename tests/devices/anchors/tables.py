"""Counts to tables: what each anchor asks of a core, and what its kernels spend on a unit of work."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from edge.tflite.operators import counted_work, read_operators, units

Unit = tuple[str, str]


@dataclass(frozen=True)
class Counted:
    """Instructions of one inference.  network: file name without `.tflite`."""

    network: str
    kernels: str
    instructions: int
    model: Path


def write_work(path: Path, counted: Sequence[Counted], wanted: set[tuple[str, str]]) -> None:
    """`anchor_work.csv`: the networks of published figures, by (name, precision)."""
    rows = []
    for each in counted:
        name, precision = each.network.rsplit(".", 1)
        if (name, precision) in wanted:
            work = counted_work(each.model.read_bytes(), each.instructions)
            sizes = (work.instructions, work.weight_bytes, work.tensor_bytes, work.operators)
            rows.append((name, precision, each.kernels, *map(round, sizes)))
    columns = "network,precision,kernels,instructions,weight_bytes,tensor_bytes,operators"
    _write(path, columns, sorted(rows))


def write_instructions(path: Path, counted: Sequence[Counted]) -> dict[str, list[float]]:
    """`instructions.csv`; gives the relative errors of each core's networks, each left out in turn."""
    amounts = {each.model: units(read_operators(each.model.read_bytes())) for each in counted}
    rows, errors = [], {}
    for kernels in sorted({each.kernels for each in counted}):
        here = [each for each in counted if each.kernels == kernels]
        shares = [amounts[each.model] for each in here]
        counts = np.array([each.instructions for each in here], float)
        fitted = fit(shares, counts)
        rows += [(kernels, *unit, f"{value:.4g}") for unit, value in fitted.items() if value]
        errors[kernels] = [_left_out(i, shares, counts) for i in range(len(here))]
    _write(path, "kernels,kind,precision,instructions", rows)
    return errors


def fit(shares: Sequence[Mapping[Unit, float]], counts: np.ndarray) -> dict[Unit, float]:
    """Instructions a unit, none negative, that miss the counts by the least share."""
    names = sorted({unit for share in shares for unit in share})
    table = np.array([[share.get(unit, 0.0) for unit in names] for share in shares])
    scaled = table / counts[:, None]
    sizes = scaled.max(axis=0)  # else an operator's instructions drown beside a multiply-add's
    values, _ = nnls(scaled / sizes, np.ones(len(counts)))
    return dict(zip(names, map(float, values / sizes)))


def _left_out(index: int, shares: Sequence[Mapping[Unit, float]], counts: np.ndarray) -> float:
    others = [i for i in range(len(shares)) if i != index]
    fitted = fit([shares[i] for i in others], counts[others])
    said = sum(fitted.get(unit, 0.0) * amount for unit, amount in shares[index].items())
    return math.log(said / counts[index])


def _write(path: Path, columns: str, rows: Sequence[tuple]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split(","))
        writer.writerows(rows)
