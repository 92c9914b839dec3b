"""`python -m examples.face.clips NAME OUT.npz`: faces in motion for a pretrained network."""

from pathlib import Path

import click

from edge.check.clips import Clips
from edge_common.command_line import one_line_errors
from edge_models.datasets import orl, orl_motion
from edge_models.pretrained.catalogue import NETWORKS
from examples.face.galleries import PARTS, face_plans, part_of, render_faces

EPILOG = """\b
Examples:
  python -m examples.face.clips faceres out/faces.npz --window 8
  python -m examples.face.clips faceres out/others.npz --window 8 --photos probes --count 100
  edge-convert out/faceres.keras -o out/faceres.edge --calibration out/faces.npz --validation out/others.npz
"""


@click.command(epilog=EPILOG)
@click.argument("name", type=click.Choice(tuple(NETWORKS)))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--window", type=click.IntRange(1), default=8, show_default=True, metavar="T",
              help="Frames a clip.")  # fmt: skip
@click.option("--photos", "part", type=click.Choice(tuple(PARTS)), default="gallery",
              show_default=True, help="gallery: photos 1 to 5 of each person; probes: 6 to 10.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), default=40, show_default=True, help="Clips.")
@click.option("--labels", is_flag=True, help="Write who it is (reid) and how it moves (action).")
@click.option("--seed", default=0, show_default=True, help="Of motions, light and choice.")
@one_line_errors
def main(
    name: str, output: Path, window: int, part: str, count: int, labels: bool, seed: int
) -> None:
    """Film the ORL photos at the size that a network takes, for calibration and comparison.

    Nobody labelled age, gender, race or emotion of these photos, so no accuracy can be
    measured on them; how far a bundle agrees with float can.
    """
    if output.suffix != ".npz":
        raise click.UsageError(f"{output} must end in .npz")
    plans = face_plans(part_of(orl.read_photos(), part), count, seed)
    frames = render_faces(plans, window, NETWORKS[name].shape[0])
    orl_motion.write_clips(
        output, Clips(output.stem, frames, orl_motion.labels_of(plans) if labels else {})
    )
    click.echo(f"wrote {output}: clips {frames.shape} uint8")


if __name__ == "__main__":
    main()
