"""`python -m examples.motion_gate seal|check|measure BUNDLE ...`: a bundle's motion gate.

seal: find its threshold, as edge-convert does, and write it into a bundle that is there already.
check: on any number of clips, how many decisions it changes.
measure: on a recording, the processor time of frames with it, as a share of that without.
"""

import time
from pathlib import Path

import click
import numpy as np

from edge import sources
from edge.bundle import open_bundle, write_bundle
from edge.stream import Region, Stream, StreamOptions
from edge_common import BundleError, command_line, console
from edge_convert import motion_gate, options, request

_CLIPS = options.ClipsParam()


@click.group()
def main() -> None:
    """The motion gate of a bundle that is there already."""


@main.command()
@click.argument("name")
@click.argument("clips", type=_CLIPS)
@click.argument("held_out", type=_CLIPS)
@command_line.one_line_errors
def seal(name: str, clips: Path, held_out: Path) -> None:
    """Find the gate of bundle NAME on CLIPS and HELD_OUT, and write it into the bundle."""
    bundle = open_bundle(name)
    if bundle.path is None:
        raise BundleError(f"{name} has no file of its own: open one that lies on disk")
    manifest = bundle.manifest
    chosen, checked = (
        request.clips_of(each, manifest.window, manifest.input) for each in (clips, held_out)
    )
    gated = motion_gate.with_gate(bundle, chosen, checked, console.Progress())
    write_bundle(bundle.path, gated.manifest, bundle.members)


@main.command()
@click.argument("name")
@click.argument("clips", type=_CLIPS)
@click.option("--count", type=click.IntRange(1), default=100, help="Of the clips, at most.")
@command_line.one_line_errors
def check(name: str, clips: Path, count: int) -> None:
    """Count the decisions on CLIPS that the gate of bundle NAME changes."""
    bundle = open_bundle(name)
    manifest = bundle.manifest
    if manifest.gate is None:
        raise BundleError(f"{name} has no motion gate: seal one")
    some = request.clips_of(clips, manifest.window, manifest.input).sample(count, seed=1)
    with console.Progress().count("scenes", len(some)) as on_clip:
        (trial,) = motion_gate.trials_on(bundle, some.windows, [manifest.gate], on_clip)
    console.echo(
        f"{trial.changed} of {trial.decisions} decisions changed; of {trial.unsure} in which a scene "
        f"begins to move, or noise alone changes some, {trial.unsure_changed}, by other noise "
        f"{trial.noise_changed}; "
        f"{100 * trial.saved:.1f} % of the encoder calls on still frames saved"
    )


@main.command()
@click.argument("name")
@click.argument("source")
@click.option("--region", default="full", help="What the network looks at.")
@click.option("--frames", type=click.IntRange(1), default=300, help="Of the source, at most.")
@click.option("--rounds", type=click.IntRange(1), default=5, help="With and without, in turns.")
@command_line.one_line_errors
def measure(name: str, source: str, region: str, frames: int, rounds: int) -> None:
    """Compare the processor time of a frame with and without the gate of bundle NAME."""
    bundle = open_bundle(name)
    with sources.open_source(source) as opened:
        pixels = [frame.pixels.copy() for frame, _ in zip(opened, range(frames))]
    both = [
        Stream(bundle, StreamOptions(region=Region.parse(region), gate=gate))
        for gate in (True, False)
    ]
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for stream, spent in zip(both, seconds):
            stream.reset()
            began = time.process_time()
            for each in pixels:
                stream.push(each)
            spent.append(time.process_time() - began)
    with_gate, without = (1e3 * float(np.median(each)) / len(pixels) for each in seconds)
    calls = ", ".join(
        f"{c.share * 100:.1f} % of {c.role} calls" for c in both[0].network.calls_saved
    )
    console.echo(
        f"{with_gate:.3f} ms of processor time a frame with the gate, {without:.3f} without: "
        f"{100 * with_gate / without:.1f} %; saved {calls}"
    )


if __name__ == "__main__":
    main(prog_name="python -m examples.motion_gate")
