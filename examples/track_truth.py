"""How well people are followed by a detector that sees what people drew, or misses some and trembles.

    python -m examples.track_truth mot15_tud/TUD-Campus mot15_tud/TUD-Stadtmitte
    python -m examples.track_truth mot15_tud/TUD-Campus --detector person

Sequences are those of MOTChallenge: `gt/gt.txt`, `seqinfo.ini` with size and rate, and for a
detector's own boxes `img1/000001.jpg` and so on. With --judge
the ByteTrack of `trackers` (Roboflow) follows the same boxes; it brings an OpenCV of its own, so it
needs an environment of its own: pip install . trackers==2.6.1
"""

import configparser
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np

from edge.detector import Detector, open_detector
from edge.tracks import Tracker, TrackOptions
from edge_benchmarks.judge import track_files, tracking
from edge_common import ConfigError, command_line, console

Found = tuple[np.ndarray, np.ndarray]  # (n, 4) boxes and (n,) scores of a frame
Numbered = tuple[np.ndarray, np.ndarray]  # (n,) numbers and (n, 4) boxes
Follow = Callable[[Found | None, float], Numbered]  # in a frame at that second; None: not searched
Make = Callable[[tuple[int, int], float, float], Follow]  # by size, rate_hz, score of who is new
CASES = {  # share of boxes that are missed; how far edges tremble, in heights of the box
    "as drawn": (0.0, 0.0),
    "10 % missed": (0.1, 0.0),
    "20 % missed": (0.2, 0.0),
    "30 % missed": (0.3, 0.0),
    "trembling": (0.0, 0.03),
    "20 % missed, trembling": (0.2, 0.03),
}
SURE, PEOPLE, SPEED_FRAMES, RATE_HZ = 0.5, 10, 600, 25.0


@dataclass(frozen=True)
class DrawnSequence:
    """truth: what people drew.  frames: how many there are."""

    folder: Path
    truth: tracking.TrackedBoxes
    size: tuple[int, int]
    rate_hz: float
    frames: int

    @classmethod
    def read(cls, folder: Path) -> "DrawnSequence":
        parser = configparser.ConfigParser()
        parser.read(folder / "seqinfo.ini")
        if "Sequence" not in parser:
            raise ConfigError(f"{folder}/seqinfo.ini says no size and rate: give a MOT sequence")
        info = parser["Sequence"]
        return cls(
            folder,
            track_files.read_tracks(folder / "gt" / "gt.txt"),
            (int(info["imWidth"]), int(info["imHeight"])),
            float(info["frameRate"]),
            int(info["seqLength"]),
        )

    def detected(self, detector: Detector) -> Iterator[Found]:
        for frame in range(1, self.frames + 1):
            image = self.folder / "img1" / f"{frame:06d}.jpg"
            pixels = cv2.imread(str(image))
            if pixels is None:
                raise ConfigError(f"{image} is missing or no image: get the images of the sequence")
            found = detector.find(pixels)
            yield found.boxes, found.scores

    def seen(self, missed: float, tremor: float, seed: int) -> Iterator[Found]:
        """Each frame's boxes, as a detector with these faults would find them."""
        rng = np.random.default_rng(seed)
        for frame in range(1, self.frames + 1):
            boxes = self.truth.boxes[self.truth.frames == frame]
            boxes = boxes[rng.random(len(boxes)) >= missed]
            heights = (boxes[:, 3] - boxes[:, 1])[:, None]
            boxes = boxes + rng.normal(0, 1, boxes.shape) * tremor * heights
            yield boxes, rng.uniform(0.75, 0.99, len(boxes))

    def score(
        self, make: Make, found: Sequence[Found], sure: float, every: int
    ) -> tracking.TrackingScore:
        """every: frames between two that are searched."""
        follow = make(self.size, self.rate_hz, sure)
        searched = (None if n % every else each for n, each in enumerate(found))
        numbered = [follow(each, n / self.rate_hz) for n, each in enumerate(searched)]
        sizes = [len(numbers) for numbers, _ in numbered]
        counted = np.ones(sum(sizes), np.bool_)
        predicted = tracking.TrackedBoxes(
            np.repeat(np.arange(1, len(sizes) + 1), sizes),
            np.concatenate([numbers for numbers, _ in numbered]),
            np.concatenate([boxes for _, boxes in numbered]),
            counted,
            ~counted,
        )
        return tracking.score_tracking(predicted, self.truth)


def ours(size: tuple[int, int], rate_hz: float, sure: float, hidden: bool = False) -> Follow:
    """hidden: count people where they are expected, too, if no box was found."""
    tracker = Tracker(size, TrackOptions(high_score=sure))

    def follow(found: Found | None, time_s: float) -> Numbered:
        everybody = tracker.update(*found, time_s) if found else tracker.predict(time_s)
        tracks = [track for track in everybody if hidden or not track.is_hidden]
        boxes = np.array([track.box for track in tracks], np.float64).reshape(-1, 4)
        return np.array([track.number for track in tracks], np.int64), boxes

    return follow


def ours_with_hidden(size: tuple[int, int], rate_hz: float, sure: float) -> Follow:
    return ours(size, rate_hz, sure, hidden=True)


def judge(size: tuple[int, int], rate_hz: float, sure: float) -> Follow:
    """Between two searches everybody stays where they were."""
    try:
        import supervision
        import trackers
    except ImportError as error:
        raise click.UsageError(f"--judge needs trackers: pip install trackers ({error})") from None
    tracker = trackers.ByteTrackTracker(
        frame_rate=rate_hz, track_activation_threshold=sure, high_conf_det_threshold=sure
    )
    newest = supervision.Detections.empty()

    def follow(found: Found | None, time_s: float) -> Numbered:
        nonlocal newest
        if found:
            detections = supervision.Detections(xyxy=found[0], confidence=found[1])
            tracks = tracker.update(detections, timestamp=time_s)
            newest = tracks[tracks.tracker_id >= 0]
        return newest.tracker_id, newest.xyxy

    return follow


def milliseconds(makers: Sequence[Make]) -> list[float]:
    """A frame's median of each, in turns, with ten people who walk to and fro."""
    rng = np.random.default_rng(0)
    start, step = rng.uniform(100, 400, (PEOPLE, 2)), rng.normal(0, 40, (PEOPLE, 2))
    follows = [make((640, 480), RATE_HZ, SURE) for make in makers]
    elapsed = np.zeros((SPEED_FRAMES, len(follows)))
    for frame in range(SPEED_FRAMES):
        place = start + step * np.sin(frame / RATE_HZ)
        boxes = np.concatenate((place - (20, 50), place + (20, 50)), axis=1)
        found = boxes + rng.normal(0, 2, boxes.shape), np.full(PEOPLE, 0.9)
        for number, follow in enumerate(follows):
            started = time.perf_counter()
            follow(found, frame / RATE_HZ)
            elapsed[frame, number] = time.perf_counter() - started
    return (np.median(elapsed, axis=0) * 1e3).tolist()


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--seeds", type=click.IntRange(1), default=8, show_default=True, help="Of the faults."
)
@click.option(
    "--every", type=click.IntRange(1), default=1, help="Search each K-th frame.", metavar="K"
)
@click.option("--detector", "name", metavar="NAME|FILE", help="Follow what it finds, too.")
@click.option("--judge", "with_judge", is_flag=True, help="Follow by `trackers`, too.")
@command_line.one_line_errors
def main(
    folders: Sequence[Path], seeds: int, every: int, name: str | None, with_judge: bool
) -> None:
    """Print the mean over FOLDERS and seeds for each kind of faults, then what a frame costs."""
    makers: dict[str, Make] = {"ours": ours, "ours, hidden too": ours_with_hidden}
    makers |= {"trackers": judge} if with_judge else {}
    sequences, rows = [DrawnSequence.read(folder) for folder in folders], []
    for case, faults in CASES.items():
        numbers = range(seeds if any(faults) else 1)
        runs = [(each, list(each.seen(*faults, seed))) for each in sequences for seed in numbers]
        rows += [_row(case, *maker, runs, SURE, every) for maker in makers.items()]
    if name:
        detector = Detector(open_detector(name))
        runs = [(each, list(each.detected(detector))) for each in sequences]
        case, sure = f"of {name}", detector.spec.sure
        rows += [_row(case, *maker, runs, sure, every) for maker in makers.items()]
    header = ["boxes", "tracker", "IDF1", "HOTA", "AssA", "MOTA", "ID switches"]
    console.echo(console.text_table(header, rows))
    costs = zip(makers, milliseconds(list(makers.values())))
    console.echo(f"{PEOPLE} people, ms a frame: {', '.join(f'{n} {ms:.3f}' for n, ms in costs)}")


def _row(
    case: str,
    name: str,
    make: Make,
    runs: Sequence[tuple[DrawnSequence, Sequence[Found]]],
    sure: float,
    every: int,
) -> list[str]:
    scores = [sequence.score(make, found, sure, every) for sequence, found in runs]
    shares = np.mean([[s.idf1, s.hota, s.association, s.mota] for s in scores], axis=0)
    switches = np.mean([s.id_switches for s in scores])
    return [case, name, *(f"{100 * share:.1f}" for share in shares), f"{switches:.1f}"]


if __name__ == "__main__":
    main()
