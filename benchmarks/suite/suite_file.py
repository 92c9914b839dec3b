"""A suite as a TOML file: what to run, and with which options of `edge-bench run`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from edge.engine.delegate import DEFAULT
from edge_benchmarks.suite.combination import AXES, Combination, check_options, option_names
from edge_common.data import decode, nearest_or_all, read_toml
from edge_common.errors import ConfigError


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


@dataclass(frozen=True)
class _File:
    """The keys of a suite file, before bundles and options are looked at."""

    bundles: tuple[str | dict[str, Any], ...]
    threads: tuple[int, ...] = (1,)
    runtimes: tuple[str, ...] = ("auto",)
    delegates: tuple[str, ...] = (DEFAULT,)
    options: dict[str, Any] = field(default_factory=dict)


def read_suite(path: Path) -> Suite:
    """Read a suite file. Raises ConfigError if it is none, or asks for what no run has."""
    table = decode(_File, read_toml(path), str(path))
    try:
        suite = _suite(table)
        for combination in suite.combinations():
            check_options(combination)
        return suite
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _suite(table: _File) -> Suite:
    for name in ("bundles", "threads", "runtimes", "delegates"):
        if not getattr(table, name):
            raise ConfigError(f"key '{name}' should be a list of at least one, not []")
    return Suite(
        tuple(map(_bundle, table.bundles)),
        table.threads,
        table.runtimes,
        table.delegates,
        _options(table.options),
    )


def _bundle(entry: str | dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry.get("bundle"), str):
        raise ConfigError('a bundle is "NAME" or { bundle = "NAME", data = "CLIPS" }')
    return entry["bundle"], _options({k: v for k, v in entry.items() if k != "bundle"})


def _options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Under the names that click knows them by."""
    names = option_names()
    for name in table:
        if name in AXES:
            raise ConfigError(f"`{name}` is no option here: give a list `{AXES[name]}` for all")
        option = name.replace("_", "-")
        if option not in names:
            raise ConfigError(f"unknown option '{name}'{nearest_or_all(option, names)}")
    return {name.replace("-", "_"): value for name, value in table.items()}
