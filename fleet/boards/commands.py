"""What `edge-fleet` does once its options are read."""

import contextlib
import hashlib
import json
import math
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge import bundle as bundles
from edge_benchmarks import prediction
from edge_common import ConfigError, DataError, console, encode, locked, slug, state_folder
from edge_fleet.boards import (
    health,
    inventory as inventories,
    journal as journals,
    plan as plans,
    records,
    roll_out as machine,
    simulation,
    transfer,
    waves as wave_ends,
)
from edge_fleet.boards.ansible import COLLECTIONS, Ansible
from edge_fleet.boards.outcomes import BoardResult, TaskResult

_NOT_ALL = 1
_EXTRAS = ("appliance",)
_CHECKS = ("service", "page", "self_test", "doctor")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def plan(as_json: bool, **options: Any) -> None:
    roll_out_plan = _plan(options, console.Progress(options["quiet"]))
    if as_json:
        console.echo(json.dumps(encode(roll_out_plan), indent=1))
    else:
        console.echo(plans.plan_text(roll_out_plan))
    _end(roll_out_plan.problems)


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
    progress, ansible = console.Progress(options["quiet"]), _ansible(options)
    content = bundle.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    folder = state_folder() / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    fleet = "+".join(sorted(str(p.resolve()) for p in options["inventories"])) + options["limit"]
    path = folder / f"{slug(fleet)[-60:]}-{sha256[:12]}.json"
    with _only_roll_out(folder / f"{slug(fleet)[-60:]}"):
        journal = None if again else journals.Journal.read(path)
        if journal is None:
            made = _plan({"bundle": bundle, **options}, progress)
            progress.say(f"planned: {made.boards} boards in {len(made.waves)} waves")
            journal = journals.Journal.new(bundle.name, sha256, made.waves, made.problems)
        else:
            progress.say(f"goes on as {path} says; --again begins anew")
        variables = _bundle_variables(bundle, sha256, len(content))
        limits = health.HealthLimits(most_age_ms, most_errors)
        watch_s = watch_minutes * 60
        is_done = machine.RollOut(
            path,
            journal,
            AnsibleRunner(ansible, variables, progress),
            limits,
            machine.Watch(watch_s, max(1.0, min(60.0, watch_s / 4))),
            say=progress.say,
        ).run()
    progress.say("ended")
    _tell_roll_out(journal, as_json)
    _end(journal.problems, is_done)


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

    def _tell(self, result: TaskResult) -> None:
        if result.status in ("failed", "unreachable") and not result.ignored:
            self.progress.say(f"{result.board}: {result.task}: {result.status}")


def set_up(bundle: Path | None, as_json: bool, **options: Any) -> None:
    ansible, inventory = _read(options)
    variables = {}
    if bundle:
        content = bundle.read_bytes()
        bundles.open_bundle(bundle, content)
        variables = _bundle_variables(bundle, hashlib.sha256(content).hexdigest(), len(content))
    results = ansible.play("set_up", list(inventory.boards), variables)
    rows = [(name, "changed" if r.changed else "as it was") for name, r in _well(results)]
    _tell(("board", "outcome"), rows, inventory, results, as_json)


def status(as_json: bool, **options: Any) -> None:
    ansible, inventory = _read(options)
    results = ansible.play("health", list(inventory.boards), {"edge_checks": ["service", "page"]})
    results, samples = _samples(results)
    rows = [_status_row(inventory.boards[name].device, name, s) for name, s in samples.items()]
    header = ("board", "kind", "bundle", "service", "age", "frames", "restarts", "how it goes")
    _tell(header, rows, inventory, results, as_json)


def _samples(
    results: Mapping[str, BoardResult],
) -> tuple[dict[str, BoardResult], dict[str, health.HealthSample]]:
    """What boards report, and with a problem for each report that is none."""
    judged, samples = dict(results), {}
    for name, result in _well(results):
        try:
            samples[name] = health.sample(result.report)
        except DataError as error:
            judged[name] = replace(result, problem=str(error))
    return judged, samples


def _status_row(device: str, name: str, sample: health.HealthSample) -> tuple[str, ...]:
    return (
        name,
        device,
        sample.sha256[:12] or "none",
        sample.state or "not asked",
        "" if sample.age_ms is None else f"{sample.age_ms:.0f} ms",
        "" if sample.frames is None or math.isnan(sample.frames) else f"{sample.frames:.0f}",
        "" if sample.restarts is None else str(sample.restarts),
        console.printable(sample.status),
    )


def doctor(as_json: bool, **options: Any) -> None:
    """Code 1 also if a doctor finds a problem, as `edge-devices doctor` has it."""
    ansible, inventory = _read(options)
    results = ansible.play("health", list(inventory.boards), {"edge_checks": ["doctor"]})
    results, samples = _samples(results)
    for name, sample in samples.items():
        results[name] = replace(results[name], problem="; ".join(sample.doctor))
    rows = [(name, "no problem") for name, _ in _well(results)]
    _tell(("board", "doctor"), rows, inventory, results, as_json)


def bench(
    bundle: Path, output: Path, report: str, again: bool, as_json: bool, **options: Any
) -> None:
    ansible, inventory = _read(options)
    content = bundle.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    folder = records.RecordFolder(output, report, bundles.open_bundle(bundle, content).sha256)
    names = [name for name in inventory.boards if again or not folder.has(name)]
    variables = _bundle_variables(bundle, sha256, len(content))
    results = ansible.play("bench", names, variables, folder.take)
    results = {name: folder.judged(name, result) for name, result in results.items()}
    rows = [(name, str(folder.path(name))) for name in inventory.boards if folder.has(name)]
    if path := folder.write_report():
        console.note(f"{path}: the report of {len(rows)} boards")
    _tell(("board", "record"), rows, inventory, results, as_json)


def collect(output: Path, as_json: bool, **options: Any) -> None:
    _, inventory = _read(options)
    progress = console.Progress(options["quiet"])
    collected = transfer.collect(inventory.boards.values(), output, options["forks"], progress)
    results = {name: BoardResult(problem=each.problem) for name, each in collected.items()}
    rows = [
        (name, str(each.files), console.megabytes(each.size_bytes), str(each.present))
        for name, each in collected.items()
        if not each.problem
    ]
    _tell(("board", "files", "size", "here before"), rows, inventory, results, as_json)


def write_collection(folder: Path) -> None:
    """Raises ConfigError if there is one already, OSError."""
    target = folder / "ansible_collections" / "edge_run"
    if target.exists():
        raise ConfigError(f"{target} is there already: give another folder")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(COLLECTIONS / "ansible_collections" / "edge_run", target, ignore=ignore)
    console.echo(f"{target}: written; ANSIBLE_COLLECTIONS_PATH={folder} lets Ansible see it")


def simulate(boards: int, forks: int, model: Path | None, as_json: bool, **options: Any) -> None:
    assumed = simulation.read_model(model) if model else simulation.FleetModel()
    ends = wave_ends.parse_ends(options["waves"])
    outcome = simulation.simulate(boards, forks, assumed, ends, options["seed"])
    console.echo(json.dumps(encode(outcome), indent=1) if as_json else simulation.text(outcome))


def _plan(options: Mapping[str, Any], progress: console.Progress) -> plans.RollOutPlan:
    """Raises EdgeError."""
    ends = wave_ends.parse_ends(options["waves"])
    path = options["bundle"]
    opened = bundles.open_bundle(path)
    _, inventory = _read(options)
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
        hashlib.sha256(path.read_bytes()).hexdigest(),
        path.stat().st_size,
        1e3 / rate_hz if rate_hz else None,
        plans.installed_bytes(_EXTRAS),
    )
    return plans.make(inventory, needs, forecast, ends)


def _ansible(options: Mapping[str, Any]) -> Ansible:
    vault = options["vault_password_file"]
    if vault and vault.stat().st_mode & _OTHERS and not vault.stat().st_mode & stat.S_IXUSR:
        raise ConfigError(f"{vault} can be read by others: chmod 600 {vault}")
    return Ansible(options["inventories"], vault and vault.resolve(), options["forks"])


def _read(options: Mapping[str, Any]) -> tuple[Ansible, inventories.Inventory]:
    ansible = _ansible(options)
    return ansible, inventories.read(ansible, options["limit"])


def _bundle_variables(bundle: Path, sha256: str, size_bytes: int) -> dict[str, Any]:
    return {
        "edge_bundle": str(bundle.resolve()),
        "edge_bundle_sha256": sha256,
        "edge_bundle_mib": -(-size_bytes // (1 << 20)),
    }


@contextlib.contextmanager
def _only_roll_out(path: Path) -> Iterator[None]:
    try:
        with locked(path, wait=False):
            yield
    except BlockingIOError:
        raise ConfigError("another roll-out to these boards goes on: wait for its end") from None


def _well(results: Mapping[str, BoardResult]) -> list[tuple[str, BoardResult]]:
    return [(name, result) for name, result in results.items() if result.is_well]


def _tell(
    header: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    inventory: inventories.Inventory,
    results: Mapping[str, BoardResult],
    as_json: bool,
) -> None:
    """What went well, then a line for each board that did not. Raises SystemExit if there is one."""
    problems = dict(inventory.problems)
    problems |= {name: result.problem for name, result in results.items() if result.problem}
    if as_json:
        boards = [dict(zip(header, row)) for row in rows]
        console.echo(json.dumps({"boards": boards, "problems": problems}, indent=1))
    else:
        left = [n for n, title in enumerate(header) if title not in ("age", "frames", "restarts")]
        tables = [console.text_table(header, rows, left)] if rows else []
        tables += [plans.problem_table(problems)] if problems else []
        console.echo("\n\n".join(tables))
    _end(problems)


def _end(problems: Mapping[str, str], is_done: bool = True) -> None:
    if problems or not is_done:
        raise SystemExit(_NOT_ALL)
