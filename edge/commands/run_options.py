"""What a run was asked for: the options of `edge-run`, and what of them contradicts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge import registry, shipped, sinks, sources
from edge.commands import scene_options, source_options
from edge.commands.plain import PlainOptions
from edge.engine import EngineOptions, default_timeout_s
from edge.stream import Region, StreamOptions
from edge_common import EdgeError, SourceError, named_numbers

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.events.alert import Alert
    from edge.signatures import Verifier
    from edge.updates.rules import UpdateRules
    from edge.web import address, page

_STDOUT = "-"
DRIFT_S = 300.0


@dataclass(frozen=True)
class RunOptions:
    """The options of `edge-run`, as its help describes them.

    Raises click.UsageError if they contradict each other, SinkError or SourceError if nothing is
    called as they say, and EdgeError if an output would destroy an input or another output.
    """

    bundle: str
    source: source_options.SourceOptions = field(default_factory=source_options.SourceOptions)
    save: str | None = None
    jsonl: str | None = None
    keep: str | None = None
    show: bool = False
    sink: tuple[str, ...] = ()
    strict: bool = False
    frames: int | None = None
    hop: int = 1
    rate: float | None = None
    region: str = "full"
    no_gate: bool = False
    inputs: tuple[named_numbers.NamedNumbers, ...] = ()
    throttle_at: float | None = None
    people: scene_options.PeopleOptions = field(default_factory=scene_options.PeopleOptions)
    gallery: Path | None = None
    threshold: float | None = None
    drift: float | None = None
    drift_answers: float = 0.0
    vectors: bool = False
    allow_sensitive: tuple[str, ...] = ()
    web: str | None = None
    web_token: str | None = None
    web_name: tuple[str, ...] = ()
    blur: bool | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)
    device: str = ""
    invoke_timeout: float | None = None
    self_test: bool = False
    plain: PlainOptions = field(default_factory=PlainOptions)
    as_json: bool = False
    quiet: bool = False
    alerts: "tuple[Alert, ...]" = ()
    names: Mapping[str, str] = field(default_factory=dict)
    config: Path | None = None  # the settings file, if there is one
    require_signature: bool = False
    allow_downgrade: bool = False
    has_zone_options: bool = False  # so that those of the file do not count
    update: "UpdateRules | None" = None  # None: other bundles come with other settings alone
    # the copy of a bundle that is opened in place of what is named, and counts as that
    slot: Path | None = field(default=None, compare=False)
    check: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and self.gallery is None:
            raise click.UsageError("--threshold goes with --gallery FILE")
        if self.allow_downgrade and not self.require_signature:
            raise click.UsageError("--allow-downgrade goes with --require-signature")
        if self.update and shipped.is_plain_tflite(self.bundle):
            raise click.UsageError("[update] goes with a bundle: make one with edge-convert")
        self.people.refuse_without_detector()
        if self.people and self.region != "full":
            raise click.UsageError(
                "--region goes without --detector, which looks at each person; --mask leaves out "
                "parts of the frame"
            )
        if self.people:
            self.people.areas  # noqa: B018  # raises if one is none
        if not self.self_test:
            if not self.source and sources.is_footage(self.bundle):
                raise click.UsageError(
                    f"{self.bundle} is no bundle but a source: edge-run --source {self.bundle}"
                )
            self.source.endpoints  # noqa: B018  # raises if there is no such source
        self.plain.refuse_for(self.bundle)
        self.page_address  # noqa: B018  # raises if it is none
        inputs = [] if self.self_test else [each.target for each in self.source.endpoints]
        outputs = [e for each in self.outputs for e in dict.fromkeys(each.for_each(len(inputs)))]
        files = [self.bundle, *self.people.files, self.plain.labels, self.gallery]
        _refuse_overwriting([*files, *inputs], outputs)

    @cached_property
    def verifier(self) -> "Verifier | None":
        """Which alone opens files of networks; None: whoever made them."""
        if not self.require_signature:
            return None
        from edge.signatures import Verifier

        return Verifier(self.allow_downgrade)

    def open_bundle(self) -> "Bundle":
        """What is to run. Raises EdgeError if it is none."""
        if self.slot is None:
            return self.plain.open(self.bundle, self.engine.runtime, self.opener)
        name, verifier = str(self.slot), self.verifier
        opener = partial(verifier.open, counts_as=self.bundle) if verifier else None
        return self.plain.open(name, self.engine.runtime, opener)

    @property
    def opener(self) -> "Callable[[str], Bundle] | None":
        return self.verifier.open if self.verifier else None

    @cached_property
    def outputs(self) -> tuple[registry.Endpoint, ...]:
        """Those of --sink, and those that --save, --show, --jsonl and --keep are short for."""
        kinds = sinks.registry()
        requests = [kinds.find(text) for text in self.sink]
        if self.save:
            requests.append(kinds.named("video", self.save))
        if self.show:
            requests.append(kinds.named("window"))
        if self.jsonl:
            requests.append(kinds.named("jsonl", self.jsonl))
        if self.keep:
            requests.append(kinds.named("keeper", self.keep))
        return tuple(requests)

    @cached_property
    def page_address(self) -> "address.PageAddress | None":
        """Raises EdgeError if there can be no such page."""
        if self.web is None:
            if self.web_token or self.web_name:
                name = "--web-token" if self.web_token else "--web-name"
                raise click.UsageError(f"{name} goes with --web HOST:PORT")
            return None
        from edge.web.address import PageAddress

        return PageAddress.parse(self.web, self.web_token or "", self.web_name)

    @property
    def secrets(self) -> list[str]:
        """Files, and `env:NAME`, of all that is logged into, and of the page."""
        every = (*self.source.endpoints, *self.outputs)
        values = (value for each in every for value in each.kind.values_of("SECRET", each.options))
        return [*filter(None, [self.web_token]), *values]

    def check_secrets(self) -> None:
        """Raise SourceError for a file that cannot be one, before anything is opened."""
        for name in self.secrets:
            from edge.sources import login

            login.check_secret_file(name)

    def refuse_unlike(self, takes_features: bool) -> None:
        """Raise EdgeError if a source has images and the bundle takes features, or the other way.

        Or if something is asked for that only images allow.
        """
        for endpoint in self.source.endpoints:
            if (endpoint.kind.name == sources.VECTORS) != takes_features:
                kinds = ("vectors of features", "images")
                takes, gives = kinds if takes_features else kinds[::-1]
                raise SourceError(
                    f"{self.bundle} takes {takes}, and {endpoint} gives {gives}: give "
                    + (
                        "--source FILE.npz, .csv, .jsonl or vectors:-"
                        if takes_features
                        else "a video or camera"
                    )
                )
        if not takes_features:
            return
        asked = {
            "--detector": self.people, "--gallery": self.gallery, "--web": self.web,
            "--region": self.region != "full", "--drift": self.drift,
        }  # fmt: skip
        names = [name for name, is_asked in asked.items() if is_asked]
        outputs = [each.kind for each in self.outputs]
        names += [f"output {k.name}" for k in outputs if k.frames or k.windows or k.event_pictures]
        if names:
            raise click.UsageError(
                f"{self.bundle} takes vectors of features, which show nothing: leave out "
                f"{', '.join(names)}"
            )

    def open_page(self, stack: ExitStack) -> "page.Page | None":
        """Before all else, as a port may be in use: then SinkError is raised."""
        if self.page_address is None:
            return None
        from edge.web.page import open_page

        return stack.enter_context(open_page(self.page_address))

    @property
    def writes_to_stdout(self) -> bool:
        return any(request.target == _STDOUT for request in self.outputs)

    @property
    def frame_timeout_s(self) -> float:
        """How long a frame may take; 0: any time."""
        if self.invoke_timeout is None:
            return default_timeout_s(self.engine.delegate)
        return self.invoke_timeout

    @property
    def covers_faces(self) -> bool:
        """Whether an output hands on pictures whose faces are covered."""
        kinds = [output.kind for output in self.outputs]
        has_some = self.web or any(
            k.event_pictures or (self.blur and k.name == "video") for k in kinds
        )
        return self.blur is not False and bool(has_some)

    @property
    def file_times(self) -> tuple[int, ...]:
        """When those that are read beside the bundle were changed, in nanoseconds; 0: there is none."""
        files = (*self.people.files, self.plain.labels, self.gallery)
        return tuple(Path(f).stat().st_mtime_ns if f and Path(f).exists() else 0 for f in files)

    @property
    def drift_s(self) -> float:
        """The time constant of what watches for drift, which is there with alerts; 0: nothing does."""
        if self.drift is None:
            return DRIFT_S if self.alerts else 0.0
        return self.drift

    @cached_property
    def stream(self) -> StreamOptions:
        # a run guards whole frames, and closes its outputs
        timeout_s = self.invoke_timeout if self.self_test else 0.0
        region = Region.parse(self.region)
        return StreamOptions(
            **vars(self.engine),
            device=self.device,
            timeout_s=timeout_s,
            region=region,
            hop=self.hop,
            gate=not self.no_gate,
            window_pixels=any(output.kind.windows for output in self.outputs),
            image_statistics=self.drift_s > 0,
            inputs=self.inputs,
        )


def _refuse_overwriting(
    inputs: Sequence[str | Path | None], outputs: Sequence[registry.Endpoint]
) -> None:
    """Raise EdgeError if an output would destroy an input or another output."""
    occupied = {Path(name).resolve() for name in inputs if name and name != _STDOUT}
    for request in outputs:
        # what is no path, such as a window or a topic, may stand once a kind
        name, is_path = request.target or request.kind.name, request.kind.target == "PATH"
        place = Path(name).resolve() if is_path else Path(request.kind.name, name)
        if place in occupied:
            raise EdgeError(f"{name} is given twice: give every output a name of its own")
        occupied.add(place)
