"""A suite as a TOML file: what to run, and with which options of `edge-bench run`."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import click

from edge.engine.delegate import DEFAULT, Delegate, label_of
from edge.shipped import find_bundle
from edge_common import ConfigError, decode, nearest_or_all, read_toml
from edge_devices.detection.machine import Machine

AXES = {"runtime": "runtimes", "threads": "threads", "delegate": "delegates"}  # -> their lists
HOST = "host"  # an option of boards over ssh, and the axis `hosts`
_SET_BY_THE_SUITE = {*AXES, "output", "as_json"}
_MOST_COMBINATIONS = 10_000


@dataclass(frozen=True)
class SuiteEntry:
    """delegate: as `--delegate` takes it.  options: of `edge-bench run`, by click's names.

    kind: of the machines that measure it, if there are several kinds.
    """

    bundle: str
    runtime: str
    threads: int
    delegate: str
    options: Mapping[str, Any]
    kind: str = ""

    @property
    def host(self) -> str:
        """The board that measures it, over ssh; "" without one."""
        return str(self.options.get(HOST) or "")

    @property
    def title(self) -> str:
        return ", on ".join(filter(None, (self._what, self.host or self.kind)))

    @property
    def _what(self) -> str:
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        delegate = "" if self.delegate == DEFAULT else f", {label_of(self.delegate)}"
        return f"{Path(self.bundle).stem}, {self.runtime}, {threads}{delegate}"

    def _values(self) -> list[Any]:
        """All that may name a file."""
        return [*self.options.values(), Delegate.parse(self.delegate).name]

    def record_name(self, machine: Machine) -> str:
        """The same for the same bundle, options, files that these name, and machine.

        Raises BundleError if there is no such bundle.
        """
        inputs = {
            "bundle": hashlib.sha256(find_bundle(self.bundle).read_bytes()).hexdigest(),
            "run": [self.runtime, self.threads, self.delegate],
            "options": dict(sorted(self.options.items())),
            "files": [stamp for value in self._values() for stamp in _stamps(value)],
            "machine": kind_of(machine),
        }
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        words = re.sub(r"[^A-Za-z0-9.]+", "-", self._what).strip("-")
        return f"{words}-{digest[:10]}.json"


def kind_of(machine: Machine) -> list[Any]:
    """What machines have in common whose records are of one kind."""
    return [machine.board, machine.cpu, machine.architecture, machine.cores]


def _stamps(value: object) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of each file that an option's value names."""
    if isinstance(value, list):
        yield from (stamp for each in value for stamp in _stamps(each))
    elif isinstance(value, str) and Path(value).exists():
        path = Path(value)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            yield str(file), file.stat().st_size, file.stat().st_mtime_ns


class SuiteOptions:
    """The options of a command that a suite may set: all but those that it sets itself."""

    def __init__(self, command: click.Command) -> None:
        options = (p for p in command.params if isinstance(p, click.Option))
        self._command = command
        self._options = {o.name: o for o in options if o.name not in _SET_BY_THE_SUITE}

    @property
    def names(self) -> list[str]:
        """As on the command line, without the dashes before them."""
        return [name.replace("_", "-") for name in self._options]

    def arguments(self, combination: SuiteEntry) -> list[str]:
        """What stands after `edge-bench run` for this combination, but for -o."""
        arguments = ["--runtime", combination.runtime, "--threads", str(combination.threads)]
        if combination.delegate != DEFAULT:
            arguments += ["--delegate", combination.delegate]
        for name, value in combination.options.items():
            arguments += _option_arguments(self._options[name], value)
        return [*arguments, "--", combination.bundle]

    def context(self, combination: SuiteEntry) -> click.Context:
        """The command with these arguments. Raises click.UsageError if it would refuse them."""
        return self._command.make_context("edge-bench run", self.arguments(combination))

    def check(self, combination: SuiteEntry) -> None:
        """Raise ConfigError if the command would refuse them, before anything runs."""
        try:
            self.context(combination)
        except click.UsageError as error:
            raise ConfigError(f"{combination.title}: {error.format_message()}") from error


def _option_arguments(option: click.Option, value: object) -> Iterator[str]:
    flag = max(option.opts, key=len)
    if option.is_flag:
        yield from _flag(option, flag, value)
        return
    if option.nargs > 1 and isinstance(value, list):  # one of several values
        yield from (flag, *map(str, value))
        return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (bool, list, dict)):
            raise ConfigError(f"`{option.name}` takes a value, not {each!r:.40}")
        yield from (flag, str(each))


def _flag(option: click.Option, flag: str, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        raise ConfigError(f"`{option.name}` is true or false, not {value!r:.40}")
    if value:
        yield flag
    elif option.secondary_opts:
        yield max(option.secondary_opts, key=len)


@dataclass(frozen=True)
class Suite:
    """bundles: each a path or shipped name with options of its own, which go before `options`.

    hosts: boards that all are measured on, over ssh; none: this machine, or what the options say.
    """

    bundles: tuple[tuple[str, Mapping[str, Any]], ...]
    threads: tuple[int, ...] = (1,)
    runtimes: tuple[str, ...] = ("auto",)
    delegates: tuple[str, ...] = (DEFAULT,)
    options: Mapping[str, Any] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()

    def combinations(self) -> list[SuiteEntry]:
        """All runs, in the order of the file; the bundle changes last, the host first."""
        hosts = [{HOST: host} for host in self.hosts] or [{}]
        return [
            SuiteEntry(
                bundle, runtime, threads, delegate or DEFAULT, {**self.options, **own, **host}
            )
            for (bundle, own), runtime, delegate, threads, host in product(
                self.bundles, self.runtimes, self.delegates, self.threads, hosts
            )
        ]


def default_suite() -> Path:
    """The suite that comes with this package."""
    return Path(str(resources.files("edge_benchmarks") / "suites" / "default.toml"))


@dataclass(frozen=True)
class _File:
    """The keys of a suite file, before bundles and options are looked at."""

    bundles: tuple[str | dict[str, Any], ...]
    threads: tuple[int, ...] = (1,)
    runtimes: tuple[str, ...] = ("auto",)
    delegates: tuple[str, ...] = (DEFAULT,)
    hosts: tuple[str, ...] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def read_suite(path: Path, run_options: SuiteOptions) -> Suite:
    """Read a suite file. Raises ConfigError if it is none, or asks for what no run has."""
    table = decode(_File, read_toml(path), str(path))
    try:
        suite = _suite(table, run_options.names)
        axes = (suite.bundles, suite.runtimes, suite.delegates, suite.threads, suite.hosts or "-")
        if (count := math.prod(map(len, axes))) > _MOST_COMBINATIONS:
            raise ConfigError(f"it asks for {count} runs, more than {_MOST_COMBINATIONS}")
        for combination in suite.combinations():
            run_options.check(combination)
        return suite
    except (ConfigError, ValueError) as error:  # also of a path that holds a zero
        raise ConfigError(f"{path}: {error}") from error


def _suite(table: _File, option_names: Collection[str]) -> Suite:
    for name in ("bundles", "threads", "runtimes", "delegates", "hosts"):
        if getattr(table, name) == ():
            raise ConfigError(f"key '{name}' should be a list of at least one, not []")
    _refuse_hosts(table)
    return Suite(
        tuple(_bundle(entry, option_names) for entry in table.bundles),
        table.threads,
        table.runtimes,
        table.delegates,
        _options(table.options, option_names),
        table.hosts or (),
    )


def _refuse_hosts(table: _File) -> None:
    """Raises ConfigError if they are none, given twice, or in two ways."""
    hosts = table.hosts or ()
    if odd := [each for each in hosts if not each or each.startswith("-")]:
        raise ConfigError(f"key 'hosts' takes boards as ssh does (pi@board), not {odd[0]!r}")
    if doubled := next((each for each in hosts if hosts.count(each) > 1), None):
        raise ConfigError(f"key 'hosts' names {doubled} twice: a board measures one run at a time")
    tables = (table.options, *(each for each in table.bundles if isinstance(each, dict)))
    if hosts and any(HOST in each for each in tables):
        raise ConfigError(f"option '{HOST}' and key 'hosts' both name boards: leave out one")


def _bundle(
    entry: str | dict[str, Any], option_names: Collection[str]
) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry.get("bundle"), str):
        raise ConfigError('a bundle is "NAME" or { bundle = "NAME", data = "CLIPS" }')
    options = {name: value for name, value in entry.items() if name != "bundle"}
    return entry["bundle"], _options(options, option_names)


def _options(table: Mapping[str, Any], option_names: Collection[str]) -> dict[str, Any]:
    """Under the names that click knows them by."""
    for name in table:
        if name in AXES:
            raise ConfigError(f"`{name}` is no option here: give a list `{AXES[name]}` for all")
        option = name.replace("_", "-")
        if option not in option_names:
            raise ConfigError(f"unknown option '{name}'{nearest_or_all(option, option_names)}")
    return {name.replace("-", "_"): value for name, value in table.items()}
