"""`edge-devices doctor`: what is wrong with this machine, and what to do."""

from pathlib import Path

import click

from devices.commands.options import checked_root, root_option
from edge.options import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-devices doctor
  edge-devices doctor --json
  edge-devices doctor --root my-board
\b
Exit codes:
  0  no problem; there may be warnings
  1  at least one problem
"""


@click.command(epilog=EXAMPLES)
@root_option
@json_option
@one_line_errors
def doctor(root: Path, as_json: bool) -> None:
    """Check this machine, or a recorded one: what is wrong, and what to do about it.

    A problem keeps networks from running, or from running as fast as this board can; a
    warning may cost speed. Checks of what the machine does not tell are left out.
    """
    import json
    from dataclasses import asdict

    from devices.commands.diagnosis import diagnosis_text
    from devices.doctor import Patient, Status, examine

    patient = Patient(checked_root(root))
    findings = examine(patient)
    if as_json:
        checks = [{"check": name, **asdict(found)} for name, found in findings.items()]
        click.echo(json.dumps({"board": patient.profile.name, "checks": checks}, indent=1))
    else:
        click.echo(diagnosis_text(findings))
    if any(found.status is Status.PROBLEM for found in findings.values()):
        raise SystemExit(1)
