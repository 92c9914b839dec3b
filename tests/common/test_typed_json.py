import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import manifest
from edge_common.data import decode, encode


@dataclass(frozen=True)
class Inner:
    pair: tuple[float, float]
    many: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    named: dict[str, Inner]
    maybe: float | None = None


inners = st.builds(
    Inner,
    st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
    st.lists(st.text()).map(tuple),
)
outers = st.builds(
    Outer,
    st.integers(),
    inners,
    st.dictionaries(st.text(), inners),
    st.none() | st.floats(allow_nan=False),
)


@given(outers)
def test_dataclasses_survive_json(value: Outer) -> None:
    assert decode(Outer, json.loads(json.dumps(encode(value)))) == value


GOOD = {"count": 1, "inner": {"pair": [1, 2.5]}, "named": {}}


def test_defaults_and_whole_numbers_as_floats() -> None:
    assert decode(Outer, GOOD) == Outer(1, Inner((1.0, 2.5)), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": "1"}, "'count' should be a whole number"),
        ({"count": True}, "'count' should be a whole number"),
        ({"inner": {"pair": [1]}}, "'inner.pair' should be 2 values"),
        ({"inner": {}}, "'inner.pair' is missing"),
        ({"named": {"x": 3}}, "'named.x' should be an object"),
        ({"colour": 1}, "unknown field 'colour'"),
    ],
)
def test_a_wrong_field_is_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(Outer, {**GOOD, **change})


def test_a_manifest_round_trips() -> None:
    tensor = manifest.TensorSpec("f", (1, 4, 4, 8), "int8", 0.1, -3)
    part = manifest.Part("model", "model.tflite", "int8", (tensor,), (tensor,))
    task = manifest.Task("age", "regression", scale=116.0, unit="years")
    made = manifest.Manifest(1, "n", "single-frame", 1, manifest.InputSpec(8, 8), (task,), (part,))
    assert decode(manifest.Manifest, json.loads(json.dumps(encode(made)))) == made
