"""`edge-run enroll`, `edge-run forget` and `edge-run people`: keep a gallery."""

import json
from pathlib import Path
from typing import Any

import click

import edge
from edge.commands.options import engine_options, rate_option, region_option
from edge.commands.plain import plain_options
from edge.commands.source_options import source_options
from edge_common import command_line, console, named_numbers

gallery_option = click.option(
    "--gallery",
    type=click.Path(dir_okay=False, path_type=Path),
    default="people.npz",
    show_default=True,
    metavar="FILE",
    help="File of people and their descriptors.",
)

ENROLL_EXAMPLES = """\b
Examples:
  edge-run enroll anna --camera 0 --region square
  edge-run enroll bert --source bert.mp4 --region 40,8,96,96 --gallery team.npz
  edge-run enroll cleo --source photos/ --detector face-finder
  edge-run face --camera 0 --region square --gallery team.npz
"""


@click.command(epilog=ENROLL_EXAMPLES)
@click.argument("name")
@click.option("--bundle", default="face", show_default=True, help="Network that describes people.")
@source_options
@gallery_option
@click.option(
    "--descriptors",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    metavar="N",
    help="How many to add at most, of windows spread over the source.",
)
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Stop after N frames.")
@rate_option
@region_option
@click.option(
    "--detector",
    default="",
    metavar="NAME|FILE",
    help="Find the face by this detector, such as `face-finder`; images of a folder are then photos, "
    "each for itself.",
)
@named_numbers.input_option
@engine_options
@plain_options
@command_line.json_option
@command_line.one_line_errors
def enroll(name: str, **options: Any) -> None:
    """Add the one person that a source shows to a gallery, as NAME.

    Known already: the descriptors are added to those that NAME has. Nothing but
    descriptors is kept, no image.
    """
    from edge.people.enrolment import EnrolOptions, execute

    execute(EnrolOptions(name, **options))


@click.command()
@click.argument("name")
@gallery_option
@command_line.one_line_errors
def forget(name: str, gallery: Path) -> None:
    """Remove a person from a gallery."""
    edge.change_gallery(gallery, lambda content: content.without(name))
    console.echo(f"{gallery}: {name.strip()} is forgotten")


@click.command()
@gallery_option
@command_line.json_option
@command_line.one_line_errors
def people(gallery: Path, as_json: bool) -> None:
    """List the people of a gallery, with how many descriptors each is known by."""
    content = edge.read_gallery(gallery)
    counts = {name: len(content.people[name]) for name in sorted(content.people)}
    if as_json:
        console.echo(
            json.dumps({"gallery": str(gallery), "bundle": content.bundle, "people": counts})
        )
        return
    console.echo(f"{gallery}, by the network '{content.bundle}'")
    console.echo(
        console.text_table(["person", "descriptors"], list(counts.items())) if counts else "nobody"
    )


COMMANDS = {command.name: command for command in (enroll, forget, people)}
