"""A thousand bad updates for one board: each is refused or brought back, and the old bundle goes on.

`python -m tests.edge.updates.bad_updates --count 1000` starts a real edge-run on a camera, and gives it, at
random, what is unsigned, cut, wrong, slow, crashes or answers NaN; or kills it while it takes a good one. In
between good ones are kept, so that refusing everything is no way to pass. It prints a table; code 1 if one
was not as promised.
"""

import contextlib
import io
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import cv2
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.bundle import GOLDEN, Bundle, open_bundle, write_bundle
from edge.bundle.plain_tflite import wrap_tflite
from edge.check.evaluate import replay
from edge.stream import StreamOptions
from edge.updates import inbox, slots
from edge.updates.changes import BROUGHT_BACK, KEPT, REFUSED
from edge_common import console
from tests import flat_models as flat
from tests.edge.engine.test_trial import crashing_model
from tests.edge.service.processes import Service, started, wait_for
from tests.edge.signatures.test_minisign import flipped
from tests.edge.signatures.test_verification import ACME, OTHER, SIGNED_AT, sign, trust
from tests.edge.sources import web
from tests.edge.updates import test_swap as swaps

OVER = (KEPT, REFUSED, BROUGHT_BACK)
MORE = "require_signature = true"
DARK, BRIGHT = 50, 255  # of the camera's frames; golden ones are dark
SHADOW_S, PROBATION_S, LATENCY_MS = 0, 1.0, 25.0


def slow_model() -> bytes:
    """The frame a million times over before its mean is taken."""
    builder = flat.Builder()
    first = builder.tensor((1, flat.SIDE, flat.SIDE, 3), name=b"frame")
    many = builder.tensor((1, 512 * flat.SIDE, 2048 * flat.SIDE, 3))
    builder.operator("TILE", [first, builder.constant(np.int32([1, 512, 2048, 1]))], [many])
    mean, last = builder.tensor((1, 3)), builder.tensor((1, 3), name=b"scores")
    axes = builder.constant(np.int32([1, 2]))
    builder.operator("MEAN", [many, axes], [mean], schema.ReducerOptionsT())
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    builder.operator("SOFTMAX", [mean], [last], softmax)
    return builder.finish([first], [last])


GOOD = flat.colour_model("SOFTMAX")
OVERFLOWS = flat.colour_model("EXP", "SOFTMAX", gain=100.0)  # of bright frames, to NaN


@dataclass
class Board:
    """edge-run, its camera, and what is on its disk.  current: sha256 of the bundle that answers."""

    folder: Path
    url: str
    brightness: list[int] = field(default_factory=lambda: [DARK])
    version: int = 1
    current: str = ""
    service: Service | None = None
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def make(self, model: bytes, sent: bool = True, **golden: np.ndarray) -> Path:
        """The next version, of this network; signed."""
        self.version += 1
        plain = self.folder / "door.tflite"
        plain.write_bytes(GOOD)
        wrapped = wrap_tflite(plain)
        members = {wrapped.manifest.parts[0].file: model}
        frames = (
            np.full((4, 8, 8, 3), DARK, np.uint8)
            + np.arange(4, dtype=np.uint8)[:, None, None, None]
        )
        manifest = replace(wrapped.manifest, version=str(self.version))
        path = self.folder / ("sent/door.edge" if sent else "door.edge")
        path.parent.mkdir(exist_ok=True)
        outputs = {
            "frames": frames,
            **replay(Bundle(manifest, {**wrapped.members}), frames, StreamOptions()),
        }
        content = io.BytesIO()
        np.savez(content, **outputs | golden)
        write_bundle(path, manifest, {**members, GOLDEN: content.getvalue()})
        sign(path, signed_at=SIGNED_AT + self.version)
        return path

    def start(self) -> None:
        text = swaps.SETTINGS.format(
            url=self.url,
            more=MORE,
            shadow_s=SHADOW_S,
            probation_s=PROBATION_S,
            latency_ms=LATENCY_MS,
        )
        (self.folder / "run.toml").write_text(text)
        (self.folder / "out.jsonl").unlink(missing_ok=True)
        self.service = self.stack.enter_context(
            started(self.folder, "--config", "run.toml", "--quiet")
        )
        self.heard()

    def heard(self) -> str:
        """sha256 of the bundle that answers the next frames."""
        assert self.service
        count = len(swaps.decisions(self.folder))
        process = self.service.process
        wait_for(
            lambda: len(swaps.decisions(self.folder)) > count + 2 or process.poll() is not None
        )
        assert process.poll() is None, self.service.lines[-5:]
        return str(swaps.decisions(self.folder)[-1]["bundle_sha256"])

    @property
    def box(self) -> inbox.Inbox:
        return inbox.Inbox(
            slots.folder_for(self.folder / "run.toml", self.folder / "state/edge-run")
        )

    def give(self, path: Path, content: bytes | None = None) -> str:
        """The identity of the request."""
        whole = path.read_bytes() if content is None else content
        return self.box.hand_over(path, whole).identity

    def state(self) -> str:
        """In which the newest update ends."""
        wait_for(
            lambda: (
                self.box.waiting() is None and bool(status := self.box.status) and status.is_over
            )
        )
        status = self.box.status
        return status.state if status else ""


Kind = Callable[[Board, random.Random], str]


def unsigned(board: Board, chance: random.Random) -> str:
    path = board.make(GOOD)
    path.with_name("door.edge.minisig").unlink()
    board.give(path)
    return board.state()


def strange_key(board: Board, chance: random.Random) -> str:
    path = board.make(GOOD)
    sign(path, OTHER, signed_at=SIGNED_AT + board.version)
    board.give(path)
    return board.state()


def changed_bit(board: Board, chance: random.Random) -> str:
    path = board.make(GOOD)
    content = path.read_bytes()
    board.give(path, flipped(content, chance.randrange(len(content)), chance.randrange(8)))
    return board.state()


def older(board: Board, chance: random.Random) -> str:
    path = board.make(GOOD)
    sign(path, signed_at=SIGNED_AT - chance.randrange(1, 10**6))
    board.give(path)
    return board.state()


def cut(board: Board, chance: random.Random) -> str:
    path = board.make(GOOD)
    content = path.read_bytes()
    board.give(path, content[: chance.randrange(len(content))])
    return board.state()


def other_answers(board: Board, chance: random.Random) -> str:
    swapped = np.float32([[0.0, 0.05, 0.95]] * 4)
    board.give(
        board.make(
            GOOD, **{open_bundle(board.folder / "door.edge").manifest.tasks[0].name: swapped}
        )
    )
    return board.state()


def too_slow(board: Board, chance: random.Random) -> str:
    board.give(board.make(slow_model()))
    return board.state()


def crashes(board: Board, chance: random.Random) -> str:
    board.give(board.make(crashing_model()))
    return board.state()


def not_a_number(board: Board, chance: random.Random) -> str:
    """From some moment on, as a shadow or on probation."""
    phase = chance.choice(("shadow", "probation"))
    identity = board.give(board.make(OVERFLOWS))

    def is_there() -> bool:
        status = board.box.status
        return bool(status) and status.request == identity and status.state in (phase, *OVER)

    wait_for(is_there)
    board.brightness[0] = BRIGHT
    state = board.state()
    board.brightness[0] = DARK
    return state


def power_cut(board: Board, chance: random.Random) -> str:
    """While it takes a good one; what was kept by then may stay."""
    assert board.service
    path = board.make(GOOD)
    board.give(path)
    time.sleep(chance.uniform(0.0, 5.0))
    board.service.end(signal.SIGKILL)
    board.stack.close()
    board.start()
    return board.state()


def good(board: Board, chance: random.Random) -> str:
    board.give(board.make(GOOD))
    return board.state()


KINDS: tuple[Kind, ...] = (
    unsigned, strange_key, changed_bit, older, cut, other_answers, too_slow, crashes, not_a_number, power_cut,
)  # fmt: skip
GOOD_SHARE = 0.05


@contextlib.contextmanager
def board_in(folder: Path) -> Iterator[Board]:
    brightness = [DARK]

    class Images(web.Handler):
        def do_GET(self) -> None:
            self.send_images(self.images())

        def images(self) -> Iterator[bytes]:
            while True:
                image = np.full((16, 16, 3), brightness[0], np.uint8)
                yield cv2.imencode(".jpg", image)[1].tobytes()
                time.sleep(0.02)

    with web.serving(Images) as address:
        board = Board(folder, f"{address}/video.mjpg", brightness)
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: board.stack.close())
            board.make(GOOD, sent=False)
            board.start()
            board.current = board.heard()
            yield board


def one(board: Board, kind: Kind, chance: random.Random) -> tuple[str, str]:
    """How it ended, and what is wrong with that; "": nothing is."""
    state = kind(board, chance)
    new, now = open_bundle(board.folder / "sent/door.edge").sha256, board.heard()
    expected = {KEPT: new, REFUSED: board.current, BROUGHT_BACK: board.current}.get(state, "")
    problem = "" if now == expected else f"{state}, and {now[:8]} answers"
    if state == KEPT and kind not in (good, power_cut):
        problem = "kept"
    if kind is good and state != KEPT:
        problem = str(board.box.status)
    board.current = now
    return state, problem


@click.command()
@click.option("--count", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--only", type=click.Choice([each.__name__ for each in KINDS]), help="This kind alone."
)
def main(count: int, seed: int, only: str | None) -> None:
    """Give a board bad updates, and count what becomes of them."""
    chance, ends, problems = random.Random(seed), Counter[tuple[str, str]](), list[str]()
    reasons = dict[tuple[str, str], str]()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        patched = stack.enter_context(environment(folder))
        trust(folder / "config" / "edge", "acme", ACME)
        board = stack.enter_context(board_in(patched))
        kinds, done = [each for each in KINDS if only in (None, each.__name__)], 0
        while done < count:
            is_good = chance.random() < GOOD_SHARE
            kind = good if is_good else chance.choice(kinds)
            state, problem = one(board, kind, chance)
            ends[kind.__name__, state] += 1
            status = board.box.status
            reasons.setdefault((kind.__name__, state), status.reason[:60] if status else "")
            done += not is_good
            if problem:
                problems.append(f"{kind.__name__}: {problem}")
                console.note(problems[-1])
    rows = [[kind, state, n, reasons[kind, state]] for (kind, state), n in sorted(ends.items())]
    headings = ["update", "what became of it", "times", "for example"]
    console.echo(console.text_table(headings, rows))
    console.echo(f"{count - len(problems)} of {count} as promised")
    raise SystemExit(bool(problems))


@contextlib.contextmanager
def environment(folder: Path) -> Iterator[Path]:
    """The folders of a user of its own."""
    before = os.environ.copy()
    os.environ |= {
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    try:
        yield folder
    finally:
        os.environ.clear()
        os.environ |= before


if __name__ == "__main__":
    main()
