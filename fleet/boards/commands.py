"""`edge-fleet plan` and `roll-out`, once their options are read."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge import bundle as bundles
from edge_benchmarks import prediction
from edge_common import ConfigError, console, encode, locked, slug, state_folder
from edge_fleet.boards import (
    health,
    journal as journals,
    plan as plans,
    roll_out as machine,
    shared,
    waves as wave_ends,
)
from edge_fleet.boards.ansible import Ansible
from edge_fleet.boards.outcomes import TaskOutcome

_EXTRAS = ("appliance",)
_CHECKS = ("service", "page", "self_test", "doctor")


def plan(as_json: bool, **options: Any) -> None:
    content = options["bundle"].read_bytes()
    roll_out_plan = _plan(options, content, console.Progress(options["quiet"]))
    if as_json:
        console.echo(json.dumps(encode(roll_out_plan), indent=1))
    else:
        console.echo(plans.plan_text(roll_out_plan))
    shared.end(roll_out_plan.problems)


def roll_out(
    bundle: Path,
    watch_minutes: float,
    most_age_ms: float | None,
    most_errors: float,
    again: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Raises EdgeError; SystemExit if not all boards have it."""
    progress, ansible = console.Progress(options["quiet"]), shared.ansible_of(options)
    content = bundle.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    folder = state_folder() / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    fleet = "+".join(sorted(str(p.resolve()) for p in options["inventories"])) + options["limit"]
    path = folder / f"{slug(fleet)[-60:]}-{sha256[:12]}.json"
    with _only_roll_out(folder / f"{slug(fleet)[-60:]}"):
        journal = None if again else journals.Journal.read(path)
        if journal is None:
            made = _plan({"bundle": bundle, **options}, content, progress)
            progress.say(f"planned: {made.boards} boards in {len(made.waves)} waves")
            journal = journals.Journal.new(bundle.name, sha256, made.waves, made.problems)
        else:
            progress.say(f"goes on as {path} says; --again begins anew")
        variables = shared.bundle_variables(bundle, sha256, len(content))
        limits = health.HealthLimits(most_age_ms, most_errors)
        watch_s = watch_minutes * 60
        is_done = machine.RollOut(
            path,
            journal,
            AnsibleRunner(ansible, variables, progress),
            limits,
            machine.WatchTimes(watch_s, max(1.0, min(60.0, watch_s / 4))),
            say=progress.say,
        ).run()
    progress.say("ended")
    _tell_roll_out(journal, as_json)
    shared.end(journal.problems, is_done)


def _tell_roll_out(journal: journals.Journal, as_json: bool) -> None:
    if as_json:
        console.echo(json.dumps(encode(journal), indent=1))
        return
    updated = sum(each.step == journals.UPDATED for each in journal.boards.values())
    total = len(journal.boards) + len(journal.left_out)
    console.echo(f"{updated} of {total} boards run {journal.bundle} {journal.sha256[:12]}")
    if journal.problems:
        console.echo(plans.problem_table(journal.problems))


@dataclass
class AnsibleRunner:
    """A roll-out's steps by the playbooks of the collection.  variables: of the bundle."""

    ansible: Ansible
    variables: Mapping[str, Any]
    progress: console.Progress

    def update(self, boards: Sequence[str]) -> machine.Results:
        return self._play("update", boards)

    def health(self, boards: Sequence[str], with_self_test: bool) -> machine.Results:
        checks = [each for each in _CHECKS if with_self_test or each != "self_test"]
        return self._play("health", boards, edge_checks=checks)

    def back(self, boards: Sequence[str]) -> machine.Results:
        return self._play("back", boards)

    def _play(self, playbook: str, boards: Sequence[str], **variables: Any) -> machine.Results:
        return self.ansible.play(playbook, boards, {**self.variables, **variables}, self._tell)

    def _tell(self, result: TaskOutcome) -> None:
        if result.status in ("failed", "unreachable") and not result.ignored:
            self.progress.say(f"{result.board}: {result.task}: {result.status}")


def _plan(
    options: Mapping[str, Any], content: bytes, progress: console.Progress
) -> plans.RollOutPlan:
    """content: of the bundle.  Raises EdgeError."""
    ends = wave_ends.parse_ends(options["waves"])
    path = options["bundle"]
    opened = bundles.open_bundle(path, content=content)
    _, inventory = shared.read_fleet(options)
    for warning in inventory.warnings:
        progress.say(f"warning: {warning}")
    devices = sorted({board.device for board in inventory.boards.values()} - {""})
    forecast = None
    if devices:
        (forecast,) = prediction.run_forecasts(
            str(path), ",".join(devices), [options["threads"]], False, progress
        )
    rate_hz = opened.manifest.frame_rate_hz
    needs = plans.BundleNeeds(
        path.name,
        hashlib.sha256(content).hexdigest(),
        len(content),
        1e3 / rate_hz if rate_hz else None,
        plans.installed_bytes(_EXTRAS),
    )
    return plans.make(inventory, needs, forecast, ends)


@contextlib.contextmanager
def _only_roll_out(path: Path) -> Iterator[None]:
    try:
        with locked(path, wait=False):
            yield
    except BlockingIOError:
        raise ConfigError("another roll-out to these boards goes on: wait for its end") from None
