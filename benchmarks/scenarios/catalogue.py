"""All scenarios beside single-stream, in the order in which they stand in records and reports."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from edge_benchmarks.scenarios import (
    base,
    camera,
    capacity,
    cold,
    multi_stream,
    offline,
    people,
    pipeline,
    soak,
    sources,
)

SCENARIOS: list[type[base.Scenario[Any]]] = [
    camera.Camera,
    offline.Offline,
    multi_stream.MultiStream,
    capacity.Capacity,
    cold.Cold,
    soak.Soak,
    pipeline.Pipeline,
    sources.Sources,
    people.People,
]


def options() -> list[click.Option]:
    """Those of all scenarios; one that several share stands once."""
    return list(dict.fromkeys(option for each in SCENARIOS for option in each.options))


def configured(
    names: Iterable[str], values: Mapping[str, object]
) -> tuple[base.Scenario[Any], ...]:
    """The scenarios of these names, each with its own of the command line's values."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    return tuple(base.values_of(by_name[name], values) for name in names)
