"""A roll-out and a day's collecting of a fleet that is not there: a simulation of events.

Boards fail as a model says; time, traffic and disk are counted. Everything that comes out is simulated.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_common import DataError, console, decode, read_toml
from edge_fleet.boards.simulated_time import Loop, ServerQueue
from edge_fleet.boards.waves import WaveEnd, split

_HOUR_S, _DAY_S, _MB = 3600.0, 86_400.0, 1e6


@dataclass(frozen=True)
class FleetModel:
    """What is assumed.  Times in seconds, sizes in MB, rates in Mbit/s, shares 0 to 1.

    steps: tasks of Ansible's on a board for an update, each of step_s on the board and controller_s of
    one core here.  check_s: self-test and doctor on a board.  spread: of each time's logarithm.
    board_mbit_s: to and from a board.  home_mbit_s: of this side, which all boards share.
    controller_cores: that Ansible's processes share here.  timeout_s: until an absent board is given up.
    absent: boards that do not answer.  full: boards whose disk is full.  unwell: boards that are not well
    with the bundle.  lost: of connections, a wave's step, that break and are done again.
    plan_s: of planning, and a_board_s more for each board.
    clips, clip_mb, events_mb: of each board and day.  disk_days: for which what is collected is kept.
    """

    bundle_mb: float = 4.0
    steps: int = 9
    health_steps: int = 6
    step_s: float = 0.8
    controller_s: float = 0.15
    check_s: float = 12.0
    spread: float = 0.3
    board_mbit_s: float = 20.0
    home_mbit_s: float = 1000.0
    controller_cores: int = 4
    watch_s: float = 600.0
    timeout_s: float = 10.0
    absent: float = 0.02
    full: float = 0.002
    unwell: float = 0.0
    lost: float = 0.005
    plan_s: float = 4.0
    a_board_s: float = 0.003
    clips: float = 40.0
    clip_mb: float = 1.5
    events_mb: float = 0.5
    listing_s: float = 1.0
    disk_days: float = 30.0

    def __post_init__(self) -> None:
        shares = ("absent", "full", "unwell", "lost")
        for name, value in vars(self).items():
            if not (0 <= value < 1 if name in shares else value >= 0):
                raise DataError(
                    f"{name} is {'a share from 0 to 1' if name in shares else '0 or more'}"
                )
        for name in ("board_mbit_s", "home_mbit_s", "controller_cores"):
            if not getattr(self, name) > 0:
                raise DataError(f"{name} is more than 0")


def read_model(path: Path) -> FleetModel:
    """Raises DataError, which begins with the path."""
    return decode(FleetModel, read_toml(path), str(path))


@dataclass(frozen=True)
class SimulatedWave:
    """boards: that were tried.  updated: that have the bundle.  seconds: without its watching."""

    boards: int
    updated: int
    seconds: float
    is_bad: bool = False


@dataclass(frozen=True)
class SimulatedFleet:
    """plan_s: until the plan is there.  seconds: of the whole roll-out, watching included.

    sent_mb: to all boards.  back_s: how long bringing the bad wave back took; 0: there was none.
    collect_s, collected_mb: of one day's collecting.  disk_gb: at home after disk_days.
    """

    boards: int
    plan_s: float
    waves: Sequence[SimulatedWave]
    seconds: float
    sent_mb: float
    back_s: float
    collect_s: float
    collected_mb: float
    disk_gb: float
    absent: int = 0
    full: int = 0


@dataclass
class SimulatedBoards:
    """The boards of one simulation, and what they have in common.

    on_visits: is told how many visits of boards are simulated, and of how many at most.
    """

    model: FleetModel
    forks: int
    chance: random.Random
    most_visits: int
    on_visits: Callable[[int, int], None]
    visits: int = 0
    sent_mb: float = 0.0

    def steps(self, boards: Sequence[int], count: int, check_s: float, each_mb: float) -> float:
        """Seconds of a playbook: every step on all boards before the next one, `forks` at a time.

        That is Ansible's strategy `linear`; the last board of a step is waited for.
        """
        total = 0.0
        for step in range(count):
            is_transfer, is_check = step == count // 2 and each_mb > 0, step == count - 1
            total += self._step(boards, each_mb if is_transfer else 0.0, check_s * is_check)
            self.visits += len(boards)
            self.on_visits(self.visits, self.most_visits)
        return total

    def _step(self, boards: Sequence[int], each_mb: float, check_s: float) -> float:
        loop, model = Loop(), self.model
        cores, home = ServerQueue(loop, model.controller_cores), ServerQueue(loop)
        waiting = list(reversed(boards))

        def begin() -> None:
            if waiting:
                waiting.pop()
                cores.serve(self._time(model.controller_s), send)

        def send() -> None:
            self.sent_mb += each_mb
            home.serve(each_mb * 8 / model.home_mbit_s, work)

        def work() -> None:
            seconds = self._time(model.step_s + check_s) + each_mb * 8 / model.board_mbit_s
            if self.chance.random() < model.lost:
                self.sent_mb += each_mb
                seconds += model.timeout_s + self._time(model.step_s + check_s)
            loop.after(seconds, begin)

        for _ in range(min(self.forks, len(boards))):
            begin()
        return loop.run()

    def _time(self, seconds: float) -> float:
        return seconds * self.chance.lognormvariate(0, self.model.spread) if seconds else 0.0

    def waiting_s(self, absent: int) -> float:
        """For boards that do not answer."""
        return -(-absent // self.forks) * self.model.timeout_s


def simulate(
    boards: int, forks: int, model: FleetModel, ends: Sequence[WaveEnd], seed: int = 0,
    on_visits: Callable[[int, int], None] = lambda visits, most: None,
) -> SimulatedFleet:  # fmt: skip
    """One roll-out, wave after wave, and one day's collecting; the same seed gives the same."""
    chance = random.Random(seed)
    most_visits = boards * (model.steps + (3 if model.watch_s else 2) * model.health_steps)
    fleet = SimulatedBoards(model, forks, chance, most_visits, on_visits)
    names = {str(n): "" for n in range(boards)}
    kinds = {name: _fate(model, chance) for name in names}
    waves, seconds, back_s = list[SimulatedWave](), model.plan_s + boards * model.a_board_s, 0.0
    plan_s = seconds
    for wave in split(names, ends, str(seed)):
        simulated, updated = _wave(fleet, wave, kinds)
        waves.append(simulated)
        seconds += simulated.seconds
        if simulated.is_bad:
            back_s = fleet.steps(updated, model.health_steps, 0.0, 0.0)
            seconds += back_s
            break
        if model.watch_s:
            seconds += model.watch_s + fleet.steps(updated, model.health_steps, model.check_s, 0.0)
    present = [n for n in range(boards) if kinds[str(n)] != _ABSENT]
    collect_s, collected_mb = _collect(fleet, len(present), boards - len(present))
    return SimulatedFleet(
        boards,
        plan_s,
        waves,
        seconds,
        fleet.sent_mb,
        back_s,
        collect_s,
        collected_mb,
        collected_mb * model.disk_days / 1e3,
        boards - len(present),
        sum(fate == _FULL for fate in kinds.values()),
    )


_WELL, _ABSENT, _FULL, _UNWELL = "well", "absent", "full", "unwell"


def _fate(model: FleetModel, chance: random.Random) -> str:
    draw = chance.random()
    for share, fate in ((model.absent, _ABSENT), (model.full, _FULL), (model.unwell, _UNWELL)):
        if draw < share:
            return fate
        draw -= share
    return _WELL


def _wave(
    fleet: SimulatedBoards, wave: Sequence[str], kinds: dict[str, str]
) -> tuple[SimulatedWave, list[int]]:
    model = fleet.model
    present = [int(name) for name in wave if kinds[name] != _ABSENT]
    updated = [n for n in present if kinds[str(n)] != _FULL]
    seconds = fleet.waiting_s(len(wave) - len(present))
    seconds += fleet.steps(present, model.health_steps, model.check_s / 2, 0.0)
    seconds += fleet.steps(updated, model.steps, 0.0, model.bundle_mb)
    seconds += fleet.steps(updated, model.health_steps, model.check_s, 0.0)
    is_bad = any(kinds[str(n)] == _UNWELL for n in updated)
    return SimulatedWave(len(wave), 0 if is_bad else len(updated), seconds, is_bad), updated


def _collect(fleet: SimulatedBoards, present: int, absent: int) -> tuple[float, float]:
    """Seconds and MB of one day: `forks` boards at a time, each by its own line and all by ours."""
    model, loop = fleet.model, Loop()
    home, waiting, total_mb = ServerQueue(loop), present, 0.0

    def begin() -> None:
        nonlocal waiting
        if waiting:
            waiting -= 1
            loop.after(fleet.chance.lognormvariate(0, model.spread) * model.listing_s, send)

    def send() -> None:
        nonlocal total_mb
        day_mb = model.events_mb + model.clip_mb * model.clips * fleet.chance.expovariate(1.0)
        total_mb += day_mb
        home_s, board_s = (day_mb * 8 / rate for rate in (model.home_mbit_s, model.board_mbit_s))
        home.serve(home_s, lambda: loop.after(max(0.0, board_s - home_s), begin))

    for _ in range(min(fleet.forks, present)):
        begin()
    return loop.run() + fleet.waiting_s(absent), total_mb


def text(outcome: SimulatedFleet) -> str:
    """For a terminal."""
    rows = [
        [
            str(n),
            str(w.boards),
            str(w.updated),
            console.duration(w.seconds),
            "bad" if w.is_bad else "good",
        ]
        for n, w in enumerate(outcome.waves, 1)
    ]
    back = (
        f", of these {console.duration(outcome.back_s)} to bring the bad wave back"
        if outcome.back_s
        else ""
    )
    return "\n".join(
        [
            f"{outcome.boards} boards, {outcome.absent} of them absent, {outcome.full} full: simulated",
            console.text_table(["wave", "boards", "updated", "takes", ""], rows, (4,)),
            f"plan: {outcome.plan_s:.1f} s",
            f"roll-out: {console.duration(outcome.seconds)}{back}",
            f"sent to boards: {outcome.sent_mb / 1e3:.1f} GB",
            f"collecting a day: {console.duration(outcome.collect_s)}, {outcome.collected_mb / 1e3:.1f} GB",
            f"disk for what is kept: {outcome.disk_gb:.0f} GB",
        ]
    )
