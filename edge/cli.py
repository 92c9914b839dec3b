"""edge-run: a bundle over a camera, a stream, a video or images."""

from pathlib import Path
from typing import Any

import click

from edge import shipped, sinks, sources
from edge.commands import (
    options as shared_options,
    people,
    plain,
    scene_options,
    service,
    settings_options,
    source_options,
    update,
)
from edge_common import __version__, command_line, named_numbers

ARGUMENTS = "edge.arguments"


class RunCommand(command_line.CommandWithSubcommands):
    """Its help lists the kinds of sources and sinks; what it was given can be read again."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, registry in (("Sources", sources.registry()), ("Sinks", sinks.registry())):
            with formatter.section(title):
                formatter.write_dl(registry.rows(), col_max=42)
        super().format_epilog(ctx, formatter)


EXAMPLES = """\b
Examples:
  edge-run --camera 0 --show
  edge-run --camera 0 --gallery people.npz --jsonl who.jsonl
  edge-run mine.edge --source clip.mp4 --save annotated.mp4 --jsonl decisions.jsonl
  edge-run mine.edge --source 'frames/*.png' --jsonl -
  edge-run mine.edge --source rtsp://host/stream --sink jsonl:out.jsonl --sink video:out.mp4:rate=25
  edge-run mine.edge --source rtsp://host/door --source rtsp://host/yard --jsonl decisions.jsonl
  edge-run sensors.edge --source vectors:- --jsonl -
  edge-run mine.edge --self-test
  edge-run mine.edge --camera 0 --device emulated:pi-4
  edge-run enroll anna --camera 0 --region square
  edge-run face --camera 0 --region square --gallery people.npz
  edge-run mine.edge --detector person --source rtsp://host/yard --budget-ms 20 --jsonl -
  edge-run mine.edge --camera 0 --keep unsure
  edge-run --camera 0 --web 127.0.0.1:8080
  edge-run --config run.toml --check
  edge-run update mine.edge --config run.toml
"""


@click.command(
    cls=RunCommand,
    subcommands=people.COMMANDS | settings_options.COMMANDS | service.COMMANDS | update.COMMANDS,
    epilog=EXAMPLES,
)
@click.argument("bundle", required=False)
@source_options.source_options
@click.option(
    "--sink", metavar="URI", multiple=True, help="What becomes of decisions; may be given again."
)
@click.option(
    "--strict", is_flag=True, help="End with code 2 if an output fails, however long it ran."
)
@click.option(
    "--save",
    cls=command_line.Once,
    metavar="VIDEO",
    help="Write an annotated video (.mp4, .avi, .mkv); of several sources NAME-1.mp4, NAME-2.mp4, ...",
)
@click.option(
    "--jsonl",
    cls=command_line.Once,
    metavar="FILE",
    help="Write one JSON line a decision; - is stdout.",
)
@click.option(
    "--keep",
    cls=command_line.Once,
    metavar="FOLDER",
    help="Keep windows that the network was unsure of, to be labelled and learnt (docs/keeping.md).",
)
@click.option(
    "--show", is_flag=True, help="Show the annotated frames in a window (extra `show`); q ends."
)
@click.option(
    "--frames", type=click.IntRange(1), metavar="N", help="Stop after N frames of each source."
)
@shared_options.hop_option
@shared_options.rate_option
@shared_options.region_option
@scene_options.scene_options
@shared_options.gate_option
@named_numbers.input_option
@shared_options.heat_option
@click.option(
    "--gallery",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Name the people that `edge-run enroll` put into this file.",
)
@click.option(
    "--threshold",
    type=command_line.FiniteFloat(-1, 1),
    metavar="COSINE",
    help="Call people less similar to the gallery `unknown`. [default: what the bundle says]",
)
@click.option(
    "--drift",
    type=command_line.FiniteFloat(0, shared_options.DAY_S),
    metavar="SECONDS",
    help="Tell by an event if frames or certainty of about this time differ from those that the bundle "
    "was made for; 0: never. [default: 300 with alerts, else 0]",
)
@click.option(
    "--drift-answers",
    type=command_line.FiniteFloat(0, 100),
    default=0.0,
    metavar="PSI",
    help="... and if the shares of answers alone differ by this population stability index; 0: never.",
)
@click.option(
    "--vectors",
    is_flag=True,
    help="Write descriptors into JSON lines, too: biometric data of all who pass.",
)
@click.option(
    "--blur/--no-blur",
    default=None,
    help="Cover faces also in videos; or nowhere. [default: in clips, snapshots, messages and the page]",
)
@shared_options.sensitive_option
@click.option(
    "--web",
    metavar="HOST:PORT",
    help="Show the run on a page: pictures, charts, events, health, metrics; 127.0.0.1:8080 is for this "
    "machine alone (extra `web`; docs/page.md).",
)
@click.option(
    "--web-token",
    metavar="FILE|env:NAME",
    help="Who looks at the page has to know what this file of mode 0600 holds; needed if others reach it.",
)
@click.option(
    "--web-name",
    multiple=True,
    metavar="NAME",
    help="The page may be asked for by this host name, too.",
)
@shared_options.engine_options
@shared_options.device_option
@click.option(
    "--invoke-timeout",
    type=command_line.FiniteFloat(0, shared_options.DAY_S),
    metavar="SECONDS",
    help="End with code 4 if a frame takes longer; 0: never. [default: 60 with a delegate's "
    "library, else 0]",
)
@click.option(
    "--config",
    cls=settings_options.ConfigOption,
    metavar="FILE",
    help="Take from this TOML file what the command line does not say; cameras, zones, outputs and "
    "alerts are tables there (docs/alerts.md).",
)
@click.option(
    "--require-signature",
    is_flag=True,
    help="Run only what a trusted key has signed, and nothing older than what ran before (extra "
    "`signatures`; docs/security.md).",
)
@click.option(
    "--allow-downgrade",
    is_flag=True,
    help="... but for this time; what runs then counts as the newest.",
)
@click.option("--check", is_flag=True, help="Say what would run, and exit.")
@click.option("--quiet", is_flag=True, help="Show no status line while running.")
@click.option("--self-test", is_flag=True, help="Replay the bundle's golden frames and exit.")
@plain.plain_options
@command_line.json_option
@click.version_option(__version__)
@command_line.one_line_errors
def main(bundle: str | None, config: str | None, **options: Any) -> None:
    """Run BUNDLE (a .edge file, a shipped name or a plain .tflite) over frames.

    Each frame costs one pass of the encoder and one of the head. Without BUNDLE the
    shipped `face` runs for each face that `face-finder` finds: age, gender and, with
    --gallery, who it is; --detector none, or a smaller --region, looks at the frames. Detectors
    are `person`, too, and `face-finder`; `faces-in-motion` is an example for speed.

    Several sources run side by side through one network: give --camera and --source as
    often as there are.
    """
    from edge.commands import execute, run_options

    context = click.get_current_context()
    with settings_options.settings_of(context) as settings:
        request = run_options.RunOptions(bundle or shipped.DEFAULT_BUNDLE, **settings, **options)
        if context.obj:  # who reads settings again wants the options alone
            context.obj(request)
        else:
            execute.execute(request, context.meta[ARGUMENTS] if config else ())


if __name__ == "__main__":
    main(prog_name="edge-run")
