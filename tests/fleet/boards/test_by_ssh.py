"""edge-fleet on boards that are network namespaces, with real ssh, Ansible and edge-run.

`python -m pytest -m slow tests/fleet/boards/test_by_ssh.py -s` prints what docs/fleet.md tells.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.shipped import find_bundle
from edge_fleet.boards.simulation import FleetModel, simulate
from edge_fleet.boards.waves import parse_ends
from tests.fleet.boards.emulated import emulate
from tests.fleet.boards.namespaces import SpaceBoard, SpaceFleet, fleet

pytestmark = pytest.mark.slow
_SIZES = {"BOARDS": 8, "KILLS": 50, "ARM": 2}
BOARDS, KILLS, ARM = (int(os.environ.get(f"FLEET_{k}", n)) for k, n in _SIZES.items())
# a program in place of edge-run and edge-devices that takes no time: the roll-out is what is tried
_QUICK = """#!/bin/sh
case "$*" in *--self-test*) {self_test} ;; esac
echo '{{}}'
"""
_POISONED = (
    '[ "$(readlink "$HOME/edge/bundles/current")" != {sha256} ] || '
    '{{ echo "Error: golden frames differ" >&2; exit 1; }}'
)


@pytest.fixture
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpaceFleet]:
    folder = tmp_path_factory.mktemp("fleet")
    for parent in (folder, *folder.parents):
        if "pytest" in parent.name:
            parent.chmod(0o755)
    with fleet(folder, BOARDS) as made:
        yield made


def bundle(folder: Path, name: str) -> tuple[Path, str]:
    """A shipped bundle as door.edge, and its file's hash."""
    path = folder / name / "door.edge"
    path.parent.mkdir()
    shutil.copy(find_bundle(name), path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def programs(board: SpaceBoard, self_test: str, is_quick: bool = True) -> None:
    """Give a board programs of its own, whose self-test begins with a line of shell."""
    folder = board.folder / "bin"
    folder.mkdir(exist_ok=True)
    real = Path(sys.executable).parent
    for name in ("edge-run", "edge-devices", "edge-bundle", "edge-bench"):
        text = _QUICK.format(self_test=self_test or ":")
        if not is_quick:
            text = text.replace("echo '{}'", f'exec {real / name} "$@"')
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    board.variables["edge_bin"] = str(folder)


def roll_out(made: SpaceFleet, path: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    inventory = made.folder / "inventory.yml"
    return made.call("roll-out", path, "-i", inventory, "--watch-minutes", "0", *options)


@pytest.mark.parametrize("emulated", sorted({0, ARM}))
def test_a_poisoned_board_stops_the_first_wave_which_is_back_within_a_minute(
    boards: SpaceFleet, wheel: Path, emulated: int
) -> None:
    """With the real edge-run and edge-devices on all boards; on some of the first wave, emulated ARM's."""
    old, old_sha = bundle(boards.folder, "faces-in-motion")
    new, new_sha = bundle(boards.folder, "face")
    boards.write_inventory()
    *first, poisoned = waves(boards, new, "4,all")[0]
    if emulated:
        arm = [boards.named(name) for name in first[:emulated]]
        emulate(arm, wheel, boards.folder / "arm")
        boards.write_inventory()
    begun = roll_out(boards, old, "--waves", "all")
    assert begun.returncode == 0, begun.stdout
    programs(boards.named(poisoned), _POISONED.format(sha256=new_sha), is_quick=False)
    boards.write_inventory()
    done = roll_out(boards, new, "--waves", "4,all")
    assert done.returncode == 1
    assert re.search(rf"{poisoned} +self-test: golden frames differ", done.stdout), done.stdout
    assert {board.current() for board in boards.boards} == {old_sha}
    bad, end = (_seconds(done.stderr, words) for words in ("is bad", "ended"))
    tell(f"stopped after {bad:.0f} s, and back {end - bad:.0f} s later")
    assert end - bad < 60


def waves(made: SpaceFleet, path: Path, text: str) -> list[list[str]]:
    inventory = made.folder / "inventory.yml"
    plan = made.call("plan", path, "-i", inventory, "--waves", text, "--json")
    return json.loads(plan.stdout)["waves"]


def _seconds(text: str, words: str) -> float:
    """When a step with these words was told."""
    return next(float(line.split()[0]) for line in text.splitlines() if words in line)


def tell(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")


def test_killed_anywhere_it_ends_the_same(boards: SpaceFleet) -> None:
    """A second roll-out with a board that is poisoned in its last wave, killed at random moments."""
    old, old_sha = bundle(boards.folder, "faces-in-motion")
    new, new_sha = bundle(boards.folder, "face")
    for board in boards.boards:
        programs(board, "")
    inventory = boards.write_inventory()
    assert roll_out(boards, old, "--waves", "all").returncode == 0
    options = ("--waves", "2,all", "--forks", "8")
    last = boards.named(waves(boards, new, "2,all")[-1][-1])
    programs(last, _POISONED.format(sha256=new_sha))
    boards.write_inventory()
    began = time.monotonic()
    straight = roll_out(boards, new, *options)
    seconds = time.monotonic() - began
    expected = straight.returncode, straight.stdout, _state(boards)
    assert straight.returncode == 1 and "golden frames differ" in straight.stdout
    chance = random.Random(KILLS)
    for kill in range(KILLS):
        _reset(boards, old_sha)
        _kill_after(boards, chance.uniform(0.3, seconds), "roll-out", new, "-i", inventory,
                    "--watch-minutes", "0", *options)  # fmt: skip
        again = roll_out(boards, new, *options)
        assert (again.returncode, again.stdout, _state(boards)) == expected, f"kill {kill}"
    tell(f"{KILLS} kills within {seconds:.0f} s: all ended the same")


def _state(made: SpaceFleet) -> dict[str, str]:
    return {board.name: board.current() for board in made.boards}


def _reset(made: SpaceFleet, old_sha: str) -> None:
    """As it was before: the old bundle everywhere, and nobody knows of the new one."""
    shutil.rmtree(made.folder / "state")
    for board in made.boards:
        board.run(
            f"cd edge/bundles; for f in *; do [ $f = {old_sha} ] || rm -rf $f; done; "
            f"ln -s {old_sha} current"
        )


def _kill_after(made: SpaceFleet, seconds: float, *arguments: object) -> None:
    process = subprocess.Popen(
        made.command(*arguments), env=made.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_what_is_wrong_with_some_is_a_line_each_and_the_others_are_done(boards: SpaceFleet) -> None:
    away, changed, full, twin, unsigned, *others = boards.boards
    new, new_sha = bundle(boards.folder, "face")
    for board in boards.boards:
        programs(board, "")
    key = changed.folder / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    known = (boards.folder / "known_hosts").read_text().splitlines()
    known[1] = f"{changed.address} {key.with_suffix('.pub').read_text().strip()}"
    full.run("head -c 70m /dev/zero > fill 2>/dev/null || true")
    (boards.folder / "known_hosts").write_text("\n".join(known) + "\n")
    away.variables["ansible_port"] = 2  # where nobody listens
    unsigned.variables |= _expired_key(boards, unsigned)
    inventory = boards.write_inventory()
    content = json.loads(inventory.read_text())
    content["boards"]["hosts"]["once-more"] = content["boards"]["hosts"][twin.name]
    inventory.write_text(json.dumps(content))
    done = roll_out(boards, new, "--waves", "all")
    assert done.returncode == 1
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "refuses connections" in lines[away.name]
    assert "another host key than it had" in lines[changed.name]
    assert re.search(r"MiB are free|disk is full", lines[full.name])
    assert f"is {twin.name} once more" in lines["once-more"]
    assert "expired" in lines[unsigned.name]
    for board in (twin, *others):
        assert board.current() == new_sha and board.name not in lines
    tell(done.stdout)


def _expired_key(made: SpaceFleet, board: SpaceBoard) -> dict[str, Any]:
    """Sign what is rolled out by a key that this board trusted until some day."""
    key, path = made.folder / "acme.key", made.folder / "face" / "door.edge"
    real = Path(sys.executable).parent / "edge-bundle"
    for arguments in (["keys", "new", key, "--no-password"], ["sign", path, "--key", key]):
        subprocess.run([real, *arguments], check=True, capture_output=True)
    public = key.with_suffix(".pub").read_text().splitlines()[1]
    folder, toml = ".config/edge/trusted", f'public_key = "{public}"\\nexpires = "2020-01-01"\\n'
    board.run(f"mkdir -p -m 700 {folder}; umask 077; printf '{toml}' > {folder}/acme.toml")
    shutil.copy(real, board.folder / "bin" / "edge-bundle")
    return {"edge_require_signature": True}


def test_clips_come_home_and_the_same_command_brings_only_what_is_new(boards: SpaceFleet) -> None:
    for number, board in enumerate(boards.boards):
        board.run(f"mkdir -p kept/clip; head -c {1000 + number} /dev/urandom > kept/clip/0.png")
        board.variables["edge_kept"] = [str(board.home / "kept")]
    inventory, output = boards.write_inventory(), boards.folder / "home"
    first = boards.call("collect", "-i", inventory, "-o", output, "--json")
    assert first.returncode == 0, first.stderr
    assert [each["files"] for each in json.loads(first.stdout)["boards"]] == ["1"] * BOARDS
    assert sum(p.stat().st_size for p in output.rglob("*.png")) == sum(range(1000, 1000 + BOARDS))
    second = boards.call("collect", "-i", inventory, "-o", output, "--json")
    assert {each["files"] for each in json.loads(second.stdout)["boards"]} == {"0"}


def test_the_simulation_is_near_to_what_eight_boards_take(boards: SpaceFleet) -> None:
    """Its assumptions are measured on one board: seconds of a task, and what of them a core here gives."""
    new, _ = bundle(boards.folder, "faces-in-motion")
    for board in boards.boards:
        programs(board, "")
    inventory = boards.write_inventory()
    plan_s, _ = _timed(boards, "plan", new, "-i", inventory)
    options = ("-i", inventory, "--watch-minutes", "0", "--waves", "all")
    one_s, one_cpu_s = _timed(boards, "roll-out", new, *options, "--limit", boards.boards[0].name)
    real_s, _ = _timed(boards, "roll-out", new, *options)
    usual = FleetModel()
    tasks = usual.steps + 2 * usual.health_steps
    model = FleetModel(
        bundle_mb=new.stat().st_size / 1e6, controller_s=one_cpu_s / tasks,
        step_s=max(0.0, one_s - plan_s - one_cpu_s) / tasks, controller_cores=os.cpu_count() or 1,
        board_mbit_s=10_000, home_mbit_s=10_000, check_s=0, spread=0, watch_s=0, absent=0, full=0,
        lost=0, plan_s=plan_s, a_board_s=0,
    )  # fmt: skip
    simulated_s = simulate(BOARDS, 20, model, parse_ends("all")).seconds
    tell(f"{BOARDS} boards: {real_s:.0f} s, simulated {simulated_s:.0f} s; one: {one_s:.0f} s")
    assert 0.5 < simulated_s / real_s < 2


def _timed(made: SpaceFleet, *arguments: object) -> tuple[float, float]:
    """Seconds of a command that goes well, and of all cores' time in it and its children."""
    before, began = os.times(), time.monotonic()
    done = made.call(*arguments)
    after, seconds = os.times(), time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    cpu_s = after.children_user + after.children_system
    return seconds, cpu_s - before.children_user - before.children_system
