"""All scenarios beside single-stream, in the order in which they stand in records and reports."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from edge_benchmarks.scenarios.base import Scenario, values_of
from edge_benchmarks.scenarios.camera import Camera
from edge_benchmarks.scenarios.capacity import Capacity
from edge_benchmarks.scenarios.cold import Cold
from edge_benchmarks.scenarios.multi_stream import MultiStream
from edge_benchmarks.scenarios.offline import Offline
from edge_benchmarks.scenarios.pipeline import Pipeline
from edge_benchmarks.scenarios.soak import Soak

SCENARIOS: list[type[Scenario[Any]]] = [
    Camera,
    Offline,
    MultiStream,
    Capacity,
    Cold,
    Soak,
    Pipeline,
]


def options() -> list[click.Option]:
    """Those of all scenarios; one that several share stands once."""
    return list(dict.fromkeys(option for each in SCENARIOS for option in each.options))


def configured(names: Iterable[str], values: Mapping[str, object]) -> tuple[Scenario[Any], ...]:
    """The scenarios of these names, each with its own of the command line's values."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    return tuple(values_of(by_name[name], values) for name in names)
