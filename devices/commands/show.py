"""`edge-devices show`: a board's profile, and what this machine tells of itself now."""

from pathlib import Path

import click

from devices.commands.options import checked_root, root_option
from edge.options import json_option, one_line_errors

EXAMPLES = """\b
Examples:
  edge-devices show
  edge-devices show pi-4
  edge-devices show --json | jq .now.temperature_c
  edge-devices show --root my-board
"""


@click.command(epilog=EXAMPLES)
@click.argument("name", required=False)
@root_option
@json_option
@one_line_errors
def show(name: str | None, root: Path, as_json: bool) -> None:
    """Show the profile of board NAME; without NAME that of this machine, and its state now.

    The profile says what the board can do, the state what it does: clocks, governor,
    temperature, throttling, power, memory, limits and usable cores.
    """
    import json
    from dataclasses import asdict

    from devices.catalogue import catalogue, profile_named
    from devices.commands.layout import printable
    from devices.commands.shown import profile_text, state_text
    from devices.doctor.patient import Patient
    from devices.state import read_state

    for each in catalogue().broken:
        click.echo(f"left out: {each.reason}", err=True)
    if name is not None:
        profile = profile_named(name)
        text = json.dumps({"profile": asdict(profile)}, indent=1)
        click.echo(text if as_json else profile_text(profile))
        return
    patient = Patient(checked_root(root))
    state, detected = read_state(patient), patient.detected
    if as_json:
        told = {"how": detected.how, "evidence": detected.evidence, "board": detected.board}
        answer = {"detected": told, "profile": asdict(detected.profile), "now": asdict(state)}
        click.echo(json.dumps(answer, indent=1))
        return
    texts = (printable(detected.statement), state_text(state), profile_text(detected.profile))
    click.echo("\n\n".join(texts))
