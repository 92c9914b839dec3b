"""Clips of a data set as files for conversion and measurement."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_common.files import whole_file
from edge_models.datasets.dataset import DataSet, Part

CALIBRATION_CLIPS, TEST_CLIPS = 160, 2000  # at most; whoever reads such a file loads all of it


def export_clip_sets(data: DataSet, folder: Path, seed: int) -> list[Path]:
    """Write calibration.npz (train clips) and test.npz (test clips), drawn at random.

    Raises OSError where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, part, most in (
        ("calibration", data.train, CALIBRATION_CLIPS), ("test", data.test, TEST_CLIPS),
    ):  # fmt: skip
        order = np.random.default_rng(seed).permutation(len(part))
        paths.append(folder / f"{name}.npz")
        write_part(paths[-1], part, np.sort(order[:most]), data.shape)
    return paths


def write_part(path: Path, part: Part, chosen: Sequence[int], shape: tuple[int, int, int]) -> None:
    """Write some clips in the project's clip format, one after another."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(chosen), *shape, 3)}
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("clips.npy", "w", force_zip64=True) as clips:
            np.lib.format.write_array_header_2_0(clips, header)
            for index in chosen:
                clips.write(np.ascontiguousarray(part.clip(int(index))).data)
        for task, values in part.labels.items():
            with archive.open(f"{task}.npy", "w") as labels:
                np.lib.format.write_array(labels, values[chosen])
