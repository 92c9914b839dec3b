"""A suite as a TOML file: what to run, and with which options of `edge-bench run`."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from edge.engine.delegate import DEFAULT
from edge_benchmarks.suite.combination import AXES, Combination, check_options, option_names
from edge_common.data import tomllib
from edge_common.errors import ConfigError

_KINDS = {str: "text", int: "whole numbers"}


@dataclass(frozen=True)
class Suite:
    """bundles: each a path or shipped name with options of its own, which go before `options`."""

    bundles: tuple[tuple[str, Mapping[str, Any]], ...]
    threads: tuple[int, ...] = (1,)
    runtimes: tuple[str, ...] = ("auto",)
    delegates: tuple[str, ...] = (DEFAULT,)
    options: Mapping[str, Any] = field(default_factory=dict)

    def combinations(self) -> list[Combination]:
        """All runs, in the order of the file; the bundle changes last."""
        return [
            Combination(bundle, runtime, threads, delegate or DEFAULT, {**self.options, **own})
            for (bundle, own), runtime, delegate, threads in product(
                self.bundles, self.runtimes, self.delegates, self.threads
            )
        ]


def default_suite() -> Path:
    """The suite that comes with this package."""
    return Path(str(resources.files("edge_benchmarks") / "suites" / "default.toml"))


def read_suite(path: Path) -> Suite:
    """Read a suite file. Raises ConfigError where it is none, or asks for what no run has."""
    try:
        suite = _suite(_toml(path))
        for combination in suite.combinations():
            check_options(combination)
        return suite
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"it cannot be read as TOML ({error})") from error


def _suite(table: Mapping[str, Any]) -> Suite:
    _known(table, ("bundles", "threads", "runtimes", "delegates", "options"), "key")
    if "bundles" not in table:
        raise ConfigError('`bundles` is missing: write bundles = ["faces-in-motion"]')
    axes = {
        name: _values(table, name, kind)
        for name, kind in (("threads", int), ("runtimes", str), ("delegates", str))
        if name in table
    }
    options = table.get("options", {})
    if not isinstance(options, dict):
        raise ConfigError("`options` must be a section, written [options]")
    bundles = tuple(map(_bundle, _listed(table, "bundles")))
    return Suite(bundles, **axes, options=_options(options))


def _bundle(entry: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, dict) or not isinstance(entry.get("bundle"), str):
        raise ConfigError('a bundle is "NAME" or { bundle = "NAME", data = "CLIPS" }')
    return entry["bundle"], _options({k: v for k, v in entry.items() if k != "bundle"})


def _options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Under the names that click knows them by."""
    for name in table:
        if name in AXES:
            raise ConfigError(f"`{name}` is no option here: give a list `{AXES[name]}` for all")
    _known(table, option_names(), "option")
    return {name.replace("-", "_"): value for name, value in table.items()}


def _values(table: Mapping[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    values = _listed(table, name)
    if not all(type(value) is kind for value in values):
        raise ConfigError(f"`{name}` must be a list of {_KINDS[kind]}, not {values!r:.60}")
    return tuple(values)


def _listed(table: Mapping[str, Any], name: str) -> list[Any]:
    values = table[name]
    if not isinstance(values, list) or not values:
        raise ConfigError(f"`{name}` must be a list of at least one, not {values!r:.60}")
    return values


def _known(table: Mapping[str, Any], names: Collection[str], kind: str) -> None:
    for key in table:
        if key.replace("_", "-") not in names:
            near = difflib.get_close_matches(key.replace("_", "-"), names, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(names)}"
            raise ConfigError(f"unknown {kind} `{key}`: {hint}")
