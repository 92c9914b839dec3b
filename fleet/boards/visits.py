"""What `edge-fleet` does on all boards at once: set up, status, doctor, bench, collect."""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge import bundle as bundles
from edge_common import ConfigError, DataError, console, encode
from edge_fleet.boards import (
    health,
    inventory as inventories,
    plan as plans,
    records,
    shared,
    simulation,
    transfer,
    waves as wave_ends,
)
from edge_fleet.boards.ansible import COLLECTIONS
from edge_fleet.boards.outcomes import BoardResult


def set_up(bundle: Path | None, as_json: bool, **options: Any) -> None:
    ansible, inventory = shared.read_fleet(options)
    variables: dict[str, Any] = {}
    if bundle:
        content = bundle.read_bytes()
        bundles.open_bundle(bundle, content=content)
        variables = shared.bundle_variables(
            bundle, hashlib.sha256(content).hexdigest(), len(content)
        )
    results = ansible.play("set_up", list(inventory.boards), variables)
    rows = [(name, "changed" if r.changed else "as it was") for name, r in _well(results)]
    _tell(("board", "outcome"), rows, inventory, results, as_json)


def status(as_json: bool, **options: Any) -> None:
    ansible, inventory = shared.read_fleet(options)
    results = ansible.play("health", list(inventory.boards), {"edge_checks": ["service", "page"]})
    results, samples = _samples(results)
    rows = [_status_row(inventory.boards[name].device, name, s) for name, s in samples.items()]
    header = ("board", "kind", "bundle", "service", "age", "frames", "restarts", "how it goes")
    _tell(header, rows, inventory, results, as_json)


def _samples(
    results: Mapping[str, BoardResult],
) -> tuple[dict[str, BoardResult], dict[str, health.HealthSample]]:
    """What boards report, and with a problem for each report that is none."""
    judged, samples = dict(results), dict[str, health.HealthSample]()
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
    ansible, inventory = shared.read_fleet(options)
    results = ansible.play("health", list(inventory.boards), {"edge_checks": ["doctor"]})
    results, samples = _samples(results)
    for name, sample in samples.items():
        results[name] = replace(results[name], problem="; ".join(sample.doctor))
    rows = [(name, "no problem") for name, _ in _well(results)]
    _tell(("board", "doctor"), rows, inventory, results, as_json)


def bench(
    bundle: Path, output: Path, report: str, again: bool, as_json: bool, **options: Any
) -> None:
    ansible, inventory = shared.read_fleet(options)
    content = bundle.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    bundles.open_bundle(bundle, content=content)
    folder = records.RecordFolder(output, report, sha256)
    names = [name for name in inventory.boards if again or not folder.has(name)]
    variables = shared.bundle_variables(bundle, sha256, len(content))
    results = ansible.play("bench", names, variables, folder.take)
    results = {name: folder.judged(name, result) for name, result in results.items()}
    rows = [(name, str(folder.path(name))) for name in inventory.boards if folder.has(name)]
    if path := folder.write_report():
        console.note(f"{path}: the report of {len(rows)} boards")
    _tell(("board", "record"), rows, inventory, results, as_json)


def collect(output: Path, as_json: bool, **options: Any) -> None:
    _, inventory = shared.read_fleet(options)
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
    with console.Progress().steps() as on_visits:
        outcome = simulation.simulate(boards, forks, assumed, ends, options["seed"], on_visits)
    console.echo(json.dumps(encode(outcome), indent=1) if as_json else simulation.text(outcome))


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
    shared.end(problems)
