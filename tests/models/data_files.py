"""Small files of each data set's form, drawn at random but with something to learn."""

import gzip
import struct
from pathlib import Path

import cv2
import numpy as np

SIDE = 40


def utkface(folder: Path, people: int = 24) -> Path:
    """Pictures whose colour tells race and gender, and whose brightness the age."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for number in range(people):
        age, gender, race = int(random.integers(1, 100)), number % 2, number % 3
        pixels = np.full((SIDE, SIDE, 3), 40 + age, np.uint8)
        pixels[: SIDE // 2, :, race] = 220
        pixels[:, : SIDE // 2, gender] = 10
        pixels[::4, ::4] = random.integers(0, 256, (SIDE // 4, SIDE // 4, 3))  # no two are alike
        cv2.imwrite(str(folder / f"{age}_{gender}_{race}_{20170116174525125 + number}.jpg"), pixels)
    return folder


def utkface_table(folder: Path) -> Path:
    """The same pictures in `images/`, and `index.csv`: two a group, four groups a part in turn."""
    pictures = sorted(utkface(folder / "images").glob("*.jpg"))
    rows = ["file,age,gender,race,group,split,note"]
    for number, path in enumerate(pictures):
        age, gender, race, _ = path.name.split("_")
        part = ("train", "train", "test", "validation")[number // 2 % 4]
        labels = f"{age},{('male', 'female')[int(gender)]},{('white', 'black', 'asian')[int(race)]}"
        rows.append(f"images/{path.name},{labels},g{number // 2},{part},")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def video(path: Path, frames: int, colour: int, *, size: tuple[int, int] = (48, SIDE)) -> Path:
    """A block of one colour that moves; motion JPEG in .avi, mp4v in .mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 30.0, size)
    for number in range(frames):
        picture = np.full((size[1], size[0], 3), 20 * (colour % 3), np.uint8)
        picture[:, number % size[0] :] = number
        picture[: size[1] // 2, :, colour % 3] = 230
        writer.write(picture)
    writer.release()
    return path


def swimmers(folder: Path, clips: int = 3, *, people: int = 2, actions: int = 2) -> Path:
    """`ACTION_PERSON (k).avi` of 30 frames each."""
    for action in range(actions):
        for person in range(people):
            for k in range(1, clips + 1):
                video(folder / f"{action}_{person} ({k}).avi", 30, action + 2 * person)
    return folder


def labelled_clips(folder: Path, clips: int = 5) -> Path:
    """`LABEL/clip.mp4` of two labels, 8 frames each."""
    for number, label in enumerate(("run", "walk")):
        for k in range(clips):
            video(folder / label / f"clip{k}.mp4", 8, number)
    return folder


def table_of(folder: Path) -> Path:
    """The same clips as a table with two classes and a number a clip."""
    rows = ["clip,action,view,age[years]"]
    for number, path in enumerate(sorted(folder.glob("*/*.mp4"))):
        view = ("front", "side")[number % 2]
        rows.append(f"{path.relative_to(folder)},{path.parent.name},{view},{20 + number}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "labels.csv"


def fashion(folder: Path, train: int = 20, test: int = 8) -> Path:
    """The four files of Fashion-MNIST, packed."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, count in (("train", train), ("t10k", test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        pictures = np.zeros((count, 28, 28), np.uint8)
        for picture, label in zip(pictures, labels):
            picture[4:24, 4 + label : 8 + 2 * label] = 200
        idx(folder / f"{prefix}-images-idx3-ubyte.gz", pictures)
        idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)
    return folder


def idx(path: Path, values: np.ndarray) -> None:
    """Bytes in the idx format, packed."""
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(head + values.tobytes()))
