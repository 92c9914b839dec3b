"""One run of a suite, and the name of its record."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from edge.bundle.shipped import find_bundle
from edge.engine.delegate import DEFAULT, Delegate, label_of
from edge_benchmarks.commands.run import run
from edge_common.errors import ConfigError
from edge_devices.detection.machine import Machine


@dataclass(frozen=True)
class Combination:
    """delegate: as `--delegate` takes it.  options: of `edge-bench run`, by click's names."""

    bundle: str
    runtime: str
    threads: int
    delegate: str
    options: Mapping[str, Any]

    @property
    def title(self) -> str:
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        delegate = "" if self.delegate == DEFAULT else f", {label_of(self.delegate)}"
        return f"{Path(self.bundle).stem}, {self.runtime}, {threads}{delegate}"

    def _values(self) -> list[Any]:
        """All that may name a file."""
        return [*self.options.values(), Delegate.parse(self.delegate).name]

    def record_name(self, machine: Machine) -> str:
        """The same for the same bundle, options, files that these name, and machine.

        Raises BundleError where there is no such bundle.
        """
        inputs = {
            "bundle": hashlib.sha256(find_bundle(self.bundle).read_bytes()).hexdigest(),
            "run": [self.runtime, self.threads, self.delegate],
            "options": dict(sorted(self.options.items())),
            "files": [stamp for value in self._values() for stamp in _stamps(value)],
            "machine": [machine.board, machine.cpu, machine.architecture, machine.cores],
        }
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        words = re.sub(r"[^A-Za-z0-9.]+", "-", self.title).strip("-")
        return f"{words}-{digest[:10]}.json"


def _stamps(value: object) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of each file that an option's value names."""
    if isinstance(value, list):
        yield from (stamp for each in value for stamp in _stamps(each))
    elif isinstance(value, str) and Path(value).exists():
        path = Path(value)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            yield str(file), file.stat().st_size, file.stat().st_mtime_ns


AXES = {"runtime": "runtimes", "threads": "threads", "delegate": "delegates"}  # -> their lists
_NOT_HERE = {*AXES, "output", "as_json"}  # the suite sets them itself


def option_names() -> list[str]:
    """As on the command line, without the dashes before them."""
    return [name.replace("_", "-") for name in _options()]


def _options() -> dict[str, click.Option]:
    found = (p for p in run.params if isinstance(p, click.Option))
    return {option.name: option for option in found if option.name not in _NOT_HERE}


def arguments(combination: Combination) -> list[str]:
    """What stands after `edge-bench run` for this combination, but for -o."""
    given = ["--runtime", combination.runtime, "--threads", str(combination.threads)]
    if combination.delegate != DEFAULT:
        given += ["--delegate", combination.delegate]
    return [*given, *_given(combination.options), "--", combination.bundle]


def _given(options: Mapping[str, Any]) -> Iterator[str]:
    known = _options()
    for name, value in options.items():
        option = known[name]
        flag = max(option.opts, key=len)
        if option.is_flag:
            yield from _flag(option, flag, value)
        else:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, (bool, list, dict)):
                    raise ConfigError(f"`{name}` takes a value, not {each!r:.40}")
                yield from (flag, str(each))


def _flag(option: click.Option, flag: str, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        raise ConfigError(f"`{option.name}` is true or false, not {value!r:.40}")
    if value:
        yield flag
    elif option.secondary_opts:
        yield max(option.secondary_opts, key=len)


def check_options(combination: Combination) -> None:
    """Raise ConfigError where `edge-bench run` would refuse them, before anything runs."""
    try:
        run.make_context("edge-bench run", arguments(combination))
    except click.UsageError as error:
        raise ConfigError(f"{combination.title}: {error.format_message()}") from error
