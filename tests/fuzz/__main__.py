"""Many broken files for each target, in child processes with limits on time and memory.

A case is the same for the same target and number: `python -m tests.fuzz --target bundle --only 17`.
"""

import faulthandler
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import click

from edge_common import command_line
from tests.fuzz.targets import TARGETS

MOST_RSS_BYTES, MOST_ADDRESS_BYTES = 1 << 30, 8 << 30
START_S = 120
BATCH = 500
_LIGHT = 8  # times as many cases as of a heavy target


@click.command()
@click.option("--cases", default=1000, show_default=True, help="Of all targets together.")
@click.option("--target", type=click.Choice(sorted(TARGETS)), help="Only this one.")
@click.option("--only", type=int, help="Only the case of this number, in this process.")
@click.option("--batch", nargs=2, type=int, hidden=True)
def main(cases: int, target: str | None, only: int | None, batch: tuple[int, int] | None) -> None:
    """Exit with 1 if a case ends in a traceback, a crash, a hang or too much memory."""
    command_line.silence_libraries()
    if target and only is not None:
        run_batch(target, only, only + 1)
    elif target and batch:
        run_batch(target, *batch)
    else:
        shares = {target: cases} if target else _shares(cases)
        failures = [f for name, share in shares.items() for f in run_target(name, share)]
        click.echo(f"{sum(shares.values())} cases, {len(failures)} failures")
        raise SystemExit(bool(failures))


def _shares(cases: int) -> dict[str, int]:
    """Of each target; one that runs networks gets few, for the time that they take."""
    weights = {name: 1 if target.heavy else _LIGHT for name, target in TARGETS.items()}
    total = sum(weights.values())
    return {name: -(-cases * weight // total) for name, weight in weights.items()}


def run_target(name: str, cases: int) -> list[str]:
    """What went wrong, one line each; a batch goes on behind the case that ended its process."""
    failures, first = [], 0
    while first < cases:
        end = min(first + BATCH, cases)
        reached, failure = _run_child(name, first, end)
        if failure:
            failures.append(f"{name} case {reached}: {failure}")
            click.echo(failures[-1])
        first = reached + 1 if failure else end
    click.echo(f"{name}: {cases} cases, {len(failures)} failures")
    return failures


def _run_child(name: str, first: int, end: int) -> tuple[int, str]:
    """The last case that was begun, and what went wrong with it; "" if nothing did."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--target",
        name,
        "--batch",
        str(first),
        str(end),
    ]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        try:
            code = process.wait(START_S + TARGETS[name].case_s * (end - first))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        output.seek(0)
        errors.seek(0)
        begun = output.read().split()
        lines = errors.read().decode(errors="replace").strip().splitlines()
    reached = int(begun[-1]) if begun else first
    return reached, f"code {code}: {lines[-1][:300] if lines else 'without a word'}" if code else ""


def run_batch(name: str, first: int, end: int) -> None:
    """Each case's number is written before it is begun."""
    faulthandler.enable()
    signal.signal(signal.SIGALRM, _hang)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESS_BYTES, MOST_ADDRESS_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, end):
            click.echo(number)
            signal.alarm(TARGETS[name].case_s)
            TARGETS[name].try_case(Random(f"{name} {number}"), Path(folder))
            signal.alarm(0)
            usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            rss_bytes = max(usage.ru_maxrss for usage in usages) * 1024
            if rss_bytes > MOST_RSS_BYTES:
                raise MemoryError(f"{rss_bytes >> 20} MiB were used")


def _hang(number: int, frame: object) -> None:
    raise TimeoutError("not at its end in time")


if __name__ == "__main__":
    main()
