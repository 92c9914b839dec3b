"""The members of a sweep on the workers of a Dask cluster, which share this machine's folders."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_common import ModelError, cluster, shared_folders, worker_programs
from examples.sweep import plan, training

MODULE = "examples.sweep"


def train_members(
    members: Sequence[plan.SweepMember],
    path: Path,
    folder: Path,
    options: Sequence[str],
    scheduler: str,
) -> None:
    """Train members into `folder`, those that need no other one side by side.

    path: of the sweep's file.  options: of `python -m examples.sweep`, for each.

    Raises:
        ConfigError: there are no such workers, or they do not share the folders.
        ModelError: members failed; the others are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = [getattr(member.training.data, "path", "") for member in members]
    places = [Path.cwd(), *map(Path, dict.fromkeys(filter(None, data)))]
    with cluster.connected(scheduler) as client:
        shared_folders.refuse_unshared(client, folder, [path, *places], MODULE)
        programs = worker_programs.WorkerPrograms(client)
        runs = {}
        try:
            for names in families(members, folder):
                words = (str(path.absolute()), "-o", str(folder.absolute()), *options)
                words += ("--members", ",".join(names), "--as-part", names[0])
                program = worker_programs.Program(MODULE, words, folder=str(Path.cwd()))
                runs[", ".join(names)] = programs.start(program, {})
            click.echo(f"training on {len(programs.hosts())} machines: {'; '.join(runs)}")
            failures = {
                names: reason for names, run in runs.items() if (reason := _end(names, run))
            }
        except BaseException:
            for run in runs.values():
                run.cancel()
            raise
    if failures:
        raise ModelError("; ".join(f"{names}: {reason}" for names, reason in failures.items()))


def families(members: Sequence[plan.SweepMember], folder: Path) -> list[list[str]]:
    """Names of members that are trained one after another: they share a backbone, or one teaches others."""
    networks = {(folder / member.name / training.MODEL).resolve(): member for member in members}
    by_root: dict[str, list[str]] = {}
    for member in members:
        by_root.setdefault(_root(member, networks).name, []).append(member.name)
    return list(by_root.values())


def _root(member: plan.SweepMember, networks: dict[Path, plan.SweepMember]) -> plan.SweepMember:
    """Who has to be trained before whatever a member rests on."""
    others = {path: each for path, each in networks.items() if each is not member}
    above = member.pretrained_from or others.get(Path(member.training.whole.teacher).resolve())
    return _root(above, others) if above else member


def _end(names: str, run: worker_programs.ProgramRun) -> str:
    """Wait for it; why it failed, or nothing."""
    result = run.result()
    reason = result.reason if result else ""
    click.echo(f"{names}: {reason or 'done'}")
    return reason
