"""`python -m tests.devices.anchors OUT [BUNDLE ...]`: count, and write the tables into devices/data."""

import json
import sys
from pathlib import Path

import click
import numpy as np

from edge.bundle import open_bundle
from edge_devices.emulation.counting import count_tflite
from edge_devices.prediction.measured import published
from edge_devices.profiles.catalogue import profile_named
from tests.devices.anchors.networks import write_networks
from tests.devices.anchors.tables import Counted, write_instructions, write_work

DATA = Path(__file__).parents[3] / "devices" / "data"
BOARDS = ("pi-3b-plus", "jetson-nano", "pi-4", "pi-5")  # one for each kind of kernels


def main(out: Path, bundles: list[Path]) -> None:
    networks = [*write_networks(out), *(path for each in bundles for path in _parts(each, out))]
    counted = list(_count(networks, out / "counts.json"))
    write_work(DATA / "anchor_work.csv", counted, {(a.network, a.precision) for a in published()})
    for kernels, errors in write_instructions(DATA / "instructions.csv", counted).items():
        sizes = np.abs(np.expm1(errors))
        click.echo(
            f"{kernels}: estimated instructions miss the count by {100 * np.median(sizes):.1f} % "
            f"in the median, {100 * sizes.max():.0f} % at worst; spread {np.std(errors):.3f}"
        )


def _parts(bundle: Path, out: Path) -> list[Path]:
    opened = open_bundle(bundle)
    parts = [name for name in opened.members if name.endswith(".tflite")]
    paths = [out / f"{bundle.stem}.{name}" for name in parts]
    for path, name in zip(paths, parts):
        path.write_bytes(opened.members[name])
    return paths


def _count(networks: list[Path], kept: Path):
    """Count each network for each kind of kernels; what `kept` holds is not counted again."""
    known = json.loads(kept.read_text()) if kept.exists() else {}
    for board in BOARDS:
        profile = profile_named(board)
        for path in networks:
            key = f"{profile.cpu.qemu_cpu} {path.stem}"
            if key not in known:
                known[key] = count_tflite(path, profile).instructions
                kept.write_text(json.dumps(known, indent=1))
                click.echo(f"{key} {known[key]}")
            yield Counted(path.stem, profile.cpu.qemu_cpu, known[key], path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
