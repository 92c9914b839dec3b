"""What is given beside frames reaches the window of each person, and so do other numbers later."""

import itertools
import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.scene import Scene, SceneOptions
from edge.scene.person import region_around
from edge.stream import Network, Stream, StreamOptions
from edge.updates.trial import StreamPair, Trial
from edge_common import ConfigError
from tests.detectors import ssd
from tests.edge.scene.scenes import HEIGHT, WIDTH, World, box, frame
from tests.edge.service.processes import started, wait_for
from tests.edge.stream import side_inputs

TWO = [[0.25, 0.1, 0.75, 0.3], [0.25, 0.6, 0.75, 0.8]]  # top, left, bottom, right
SLOW, FAST = (0.0, 0.5), (2.5, -1.0)


@pytest.fixture(scope="module")
def bundle(speed_bundle_path: Path) -> Bundle:
    return open_bundle(speed_bundle_path)


def at(*numbers: float) -> StreamOptions:
    return StreamOptions(inputs=(("speed", numbers),))


def answers(scene: Scene, frames: int, changes: dict[int, tuple[float, ...]]) -> list[tuple]:
    """(frame, person, scores) of each decision.  changes: what is given with a frame."""
    rows = []
    for number in range(frames):
        inputs = {"speed": changes[number]} if number in changes else {}
        view = scene.push(frame(number), inputs=inputs)
        rows += [(d.frame, d.track.number, d.tasks["kind"].scores.tolist()) for d in view.decisions]
    return rows


def test_each_person_is_decided_on_with_what_holds_at_the_newest_frame(bundle: Bundle) -> None:
    detector = ssd(TWO, [0.9, 0.8])
    slow, fast, both = (
        Scene(bundle, detector, SceneOptions(stream=options, rate_hz=0.0))
        for options in (at(*SLOW), at(*FAST), StreamOptions())
    )
    of_slow, of_fast = answers(slow, 12, {}), answers(fast, 12, {})
    assert [row[:2] for row in of_slow] == [(f, n) for f in range(4, 12) for n in (1, 2)]
    assert not any(a[2] == b[2] for a, b in zip(of_slow, of_fast))
    expected = [*(r for r in of_slow if r[0] < 8), *(r for r in of_fast if r[0] >= 8)]
    assert answers(both, 12, {0: SLOW, 8: FAST}) == expected
    edges = np.array([32, 60, 96, 180], np.float32)  # of the first person
    size, margin = bundle.manifest.input.size, slow.detector.spec.margin
    region, stream = region_around(edges, margin, size, WIDTH, HEIGHT), Stream(bundle, at(*SLOW))
    alone = [stream.push(frame(number), region) for number in range(1, 12)][-1]
    assert alone and alone.tasks["kind"].scores.tolist() == of_slow[-2][2]


def test_what_is_missing_or_unknown_is_said_at_the_first_frame(bundle: Bundle) -> None:
    """Before anybody is seen."""
    scene = Scene(bundle, ssd(TWO, [0.9, 0.8]), SceneOptions())
    with pytest.raises(ConfigError, match=r"the network takes 'speed' \(2 numbers in m/s"):
        scene.push(frame(0))
    with pytest.raises(ConfigError, match="no input 'sped' beside frames; did you mean 'speed'"):
        scene.push(frame(0), inputs={"sped": [1, 2]})


def test_it_reaches_a_shadow_and_who_comes_later(bundle: Bundle) -> None:
    """And who comes back to a window that was used before."""
    nobody = list[list[float]]()
    script = [*[[box(0)]] * 6, *[nobody] * 40, *[[box(0), box(3), box(6)]] * 9]
    tracks = {"max_people": 3, "stream": at(*SLOW)}
    changed, fast = (World(bundle, script, **tracks).scene for _ in range(2))
    fast.give({"speed": FAST})
    trial, network = Trial(bundle.manifest.tasks), Network(bundle, StreamOptions())
    changed.exchange(lambda old: StreamPair(old, old.beside(network), trial))
    first = answers(changed, 5, {})
    changed.give({"speed": FAST})
    others = [each.push(frame(n)) for n in range(5, 55) for each in (changed, fast)]
    scores = [[d.tasks["kind"].scores.tolist() for d in view.decisions] for view in others]
    assert first[-1][2] not in scores[-1] and len(scores[-1]) == 3
    assert scores[-2] == scores[-1]
    assert trial.compared > 10 and not trial.problem
    assert not any(each.share for each in trial.agreements.values())
    changed.exchange(lambda pair: pair.new, network)
    assert [d.tasks["kind"].scores.tolist() for d in changed.push(frame(55)).decisions] == [
        d.tasks["kind"].scores.tolist() for d in fast.push(frame(55)).decisions
    ]


def test_settings_that_are_read_again_reach_everybody(
    speed_bundle_path: Path, tmp_path: Path
) -> None:
    """Whose tracks and windows go on; what else has changed needs another run."""
    pytest.importorskip("msgspec")  # the extra `config`
    detector, out = ssd(TWO, [0.9, 0.8]), tmp_path / "out.jsonl"
    shutil.copy(speed_bundle_path, tmp_path / "net.edge")
    write_bundle(tmp_path / "two.edge", detector.manifest, detector.members)

    def rows() -> list[dict]:
        lines = out.read_text().splitlines(keepends=True) if out.exists() else []
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        return [each for each in records if "tasks" in each]

    def write(speed: tuple[float, ...], more: str = "") -> None:
        head = f'bundle = "net.edge"\ndetector = "two.edge"\nrate = "all"\n{more}\n'
        numbers = ",".join(map(str, speed))
        tail = f'input = ["speed={numbers}"]\njsonl = "out.jsonl"\nsource = ["{url}"]\n'
        (tmp_path / "run.toml").write_text(head + tail)

    def hang_up() -> None:
        count = len(rows())
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(rows()) > count + 20 or service.process.poll() is not None)

    with side_inputs.grey_camera() as url:
        write(SLOW)
        with started(tmp_path, "--config", "run.toml", "--quiet") as service:
            wait_for(lambda: len(rows()) > 10)
            write(FAST)
            hang_up()
            assert service.lines == [
                "settings changed: other numbers for speed from the next frame on\n"
            ]
            answers_by_now = rows()
            write(SLOW, "max_people = 2")
            hang_up()
            assert service.has_said("settings changed\n")(), service.lines
            assert service.end(signal.SIGTERM) == 130
    expected = [side_inputs.answer_to_grey(speed_bundle_path, *each) for each in (SLOW, FAST)]
    for number in (1, 2):
        of_track = [each for each in answers_by_now if each["track"]["number"] == number]
        assert [key for key, _ in itertools.groupby(e["tasks"] for e in of_track)] == expected
        assert not any(each.get("restart") for each in of_track[1:])
