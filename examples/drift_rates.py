"""How often drift is told of scenes that are only new, and of scenes that changed; and what it costs.

    python -m examples.drift_rates miracl_vc1/clips --prefix 3
    python -m examples.drift_rates utkface/images

A reference is made of two thirds of the scenes; each other one is watched for ever, as it is and
changed.
"""

import timeit
from pathlib import Path

import click
import cv2
import numpy as np

from edge import sinks, sources, stream, tasks
from edge.drift import image_statistics, reference, sliding
from edge.events import drift

CHANGES = {
    "as it is": lambda image: image,
    "half as bright": lambda image: image // 2,
    "a quarter as bright": lambda image: image // 4,
    "washed out": lambda image: image // 3 + 130,
    "blurred by 2 %": lambda image: cv2.GaussianBlur(image, (0, 0), 0.02 * len(image)),
    "blurred by 4 %": lambda image: cv2.GaussianBlur(image, (0, 0), 0.04 * len(image)),
    "noise of 25 levels": lambda image: cv2.add(
        image, np.random.default_rng(0).normal(0, 25, image.shape), dtype=cv2.CV_8U
    ),
}
_FRAMES, _DRAWS = 4, 10
Scenes = dict[str, dict[str, list[np.ndarray]]]


def scenes_in(folder: Path, prefix: int, size: int, most: int) -> Scenes:
    """Statistics (4,) of some frames of each scene, by what was done to them."""
    suffixes = {*sources.VIDEO_SUFFIXES, *sources.IMAGE_SUFFIXES}
    files = sorted(path for path in folder.rglob("*") if path.suffix in suffixes)
    result: Scenes = {}
    for index in np.random.default_rng(0).permutation(len(files))[:most]:
        name = files[index].name
        scene = result.setdefault(name[:prefix] if prefix else name, {})
        source = sources.open_source(sources.registry().find(str(files[index])))
        for number, frame in enumerate(source):
            if number == _FRAMES:
                break
            image = cv2.resize(frame.pixels, (size, size))
            for kind, change in CHANGES.items():
                values = image_statistics.image_statistics(change(image)).values
                scene.setdefault(kind, []).append(values)
    return result


def told(usual: np.ndarray, values: list[np.ndarray]) -> bool:
    """Whether drift begins if nothing but these (n, 4) comes."""
    quantiles = np.quantile(usual, reference.LEVELS, axis=0).T
    slack = drift.tolerances(quantiles, list(drift.TOLERANCES.values()))
    distances = sliding.SlidingDistances(quantiles, slack, 1e9)
    for value in values:
        distances.add(value, 0.0)
    return bool(max(distances.lower.max(), distances.higher.max()) >= drift.START)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--prefix", default=0, help="Letters that begin all names of one scene's files.")
@click.option("--size", default=100, help="Pixels a side.")
@click.option("--most", default=1500, help="Files that are looked at.")
def main(folder: Path, prefix: int, size: int, most: int) -> None:
    """Print the share of scenes that are told of, for each change."""
    scenes = scenes_in(folder, prefix, size, most)
    names = sorted(scenes)
    hits = {change: list[bool]() for change in CHANGES}
    for draw in range(_DRAWS):
        order = np.random.default_rng(draw).permutation(names)
        first, others = np.split(order, [2 * len(names) // 3])
        usual = np.array([v for name in first for v in scenes[name]["as it is"]])
        for name in others:
            for change, values in scenes[name].items():
                hits[change].append(told(usual, values))
    for change, each in hits.items():
        share = f"{100 * np.mean(each):5.1f} % of {len(each)}"
        click.echo(f"{change:20} {share}, {len(names)} scenes")
    click.echo(
        "ms: {:.3f} the statistics of a frame, {:.3f} the watch over a decision".format(*cost(size))
    )


def cost(size: int) -> tuple[float, float]:
    """Milliseconds of the statistics of one frame, and of the rest for one decision with ten labels."""
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    task = tasks.Task("action", "classification", tuple("abcdefghij"))
    answers = tasks.predictions((task,), [np.full(10, 0.1, np.float32)])
    of_image = image_statistics.image_statistics(image)
    usual = reference.measured("", [of_image], [answers], (task,))
    watch, numbers = (
        drift.DriftWatch(usual, sinks.RunInfo(("action",)), drift.DriftOptions(300.0)),
        iter(range(1 << 30)),
    )

    def look() -> None:
        number = next(numbers)
        frame = stream.Frame(image, number, number / 15)
        statistics = of_image if number % 8 == 0 else None
        watch.take(
            frame, [stream.Decision(number, number / 15, 1.0, {}, answers, image=statistics)]
        )

    timers = (timeit.Timer(lambda: image_statistics.image_statistics(image)), timeit.Timer(look))
    first, second = (min(timer.repeat(9, 2000)) / 2000 * 1e3 for timer in timers)
    return first, second


if __name__ == "__main__":
    main()
