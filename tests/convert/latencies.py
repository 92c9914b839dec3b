"""Latencies of parts as on an idle machine, for tests of what a search tries and chooses."""

from collections.abc import Sequence

from edge_convert.precision.parts import ConvertedPart

LATENCY_MS = {"int8": 1.0, "int16x8": 4.0, "dynamic_range": 2.0, "float16": 3.0, "float32": 3.0}


def idle_latencies_ms(parts: Sequence[ConvertedPart]) -> list[float]:
    """As on a machine that is not busy with anything else."""
    return [LATENCY_MS[part.recipe.precision] for part in parts]
