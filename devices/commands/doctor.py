"""`edge-devices doctor`, `cameras` and `record`: a machine's state, and the files that tell."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from edge_common import command_line, console
from edge_devices.commands import checked_root, root_option
from edge_devices.detection.cameras import ConnectedCamera
from edge_devices.doctor import Finding, Host, Status, environment, examine
from edge_devices.doctor.cameras import modes_text, obstacles

DOCTOR_EXAMPLES = """\b
Examples:
  edge-devices doctor
  edge-devices doctor --json
  edge-devices doctor --root my-board
\b
Exit codes:
  0  no problem; there may be warnings
  1  at least one problem
"""


@click.command(epilog=DOCTOR_EXAMPLES)
@root_option
@command_line.json_option
@command_line.one_line_errors
def doctor(root: Path, as_json: bool) -> None:
    """Check this machine, or a recorded one: what is wrong, and what to do about it.

    A problem keeps networks from running, or from running as fast as this board can; a
    warning may cost speed. Checks of what the machine does not tell are left out.
    """
    host = Host(checked_root(root))
    findings = examine(host)
    if as_json:
        checks = [{"check": name, **asdict(finding)} for name, finding in findings.items()]
        console.echo(json.dumps({"board": host.profile.name, "checks": checks}, indent=1))
    else:
        click.echo(diagnosis_text(findings))  # its colours are ours, and its texts printable
    if any(finding.status is Status.PROBLEM for finding in findings.values()):
        raise SystemExit(1)


_ORDER = (Status.PROBLEM, Status.WARNING, Status.OK)
_COLOURS = {Status.PROBLEM: "red", Status.WARNING: "yellow", Status.OK: "green"}
_STATUS_WIDTH, _NAME_WIDTH = 9, 17


def diagnosis_text(findings: Mapping[str, Finding]) -> str:
    """All findings, and how many there are of each kind."""
    lines = [
        line
        for status in _ORDER
        for name, finding in findings.items()
        if finding.status is status
        for line in _lines(name, finding)
    ]
    return "\n".join([*lines, "", _summary(findings)])


def _lines(name: str, finding: Finding) -> list[str]:
    word = f"{finding.status.value:<{_STATUS_WIDTH}}"
    text = console.hanging(f"{word}{name:<{_NAME_WIDTH}}", finding.what)
    coloured = click.style(word, fg=_COLOURS[finding.status]) + text[len(word) :]
    margin = " " * (_STATUS_WIDTH + _NAME_WIDTH)
    advice = console.hanging(f"{margin}-> ", finding.advice)
    command = f"{margin}   {finding.command}"  # in one piece, to be copied
    return [
        coloured,
        *([advice] if finding.advice else []),
        *([command] if finding.command else []),
    ]


def _summary(findings: Mapping[str, Finding]) -> str:
    counts = {
        status: sum(finding.status is status for finding in findings.values()) for status in _ORDER
    }
    problems, warnings, fine = counts.values()
    return (
        f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}, "
        f"{_count(fine, 'check')} without complaint"
    )


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'s' * (number != 1)}"


CAMERAS_EXAMPLES = """\b
Examples:
  edge-devices cameras
  edge-devices cameras --json
  edge-run --camera csi:0
"""


@click.command(epilog=CAMERAS_EXAMPLES)
@root_option
@command_line.json_option
@command_line.one_line_errors
def cameras(root: Path, as_json: bool) -> None:
    """List the cameras of this machine, or of a recorded one, and what they can do.

    Each with what `edge-run --camera` calls it, its sizes and highest rates, and what is
    missing to use it: a program, a right, a cable. Network cameras are not listed.
    """
    host = Host(checked_root(root))
    listed = host.cameras.cameras if host.cameras else ()
    missing = list(obstacles(host))
    if as_json:
        document = {"cameras": list(map(asdict, listed)), "missing": list(map(asdict, missing))}
        console.echo(json.dumps(document, indent=1))
        return
    if host.cameras is None:
        console.echo("this record says nothing of cameras: record it again")
    blocks = [_camera_text(camera) for camera in listed]
    blocks += ["\n".join(_lines("", finding)) for finding in missing]
    click.echo("\n\n".join(blocks))  # as for a diagnosis


def _camera_text(camera: ConnectedCamera) -> str:
    pairs = (
        ("run with", f"--camera {camera.address}"),
        ("or with", f"--camera {camera.stable}" if camera.stable else None),
        ("modes", modes_text(camera)),
        ("rights", None if camera.usable else "none"),
    )
    return console.section(console.printable(camera.name), pairs)


RECORD_EXAMPLES = """\b
Examples:
  edge-devices record my-board
  tar czf my-board.tar.gz my-board
  edge-devices doctor --root my-board
"""


@click.command(epilog=RECORD_EXAMPLES)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@command_line.one_line_errors
def record(folder: Path) -> None:
    """Save what this machine tells of itself into FOLDER, as small text files.

    Whoever gets the folder can run `show` and `doctor` on it. It holds no serial number, no
    name of host or user and nothing of your programs but the versions of Python, numpy and
    the TFLite runtimes; look through it before you send it.
    """
    console.echo(
        f"{environment.record(folder)} files in {folder}; now: edge-devices doctor --root {folder}"
    )
