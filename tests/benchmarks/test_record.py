import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge_benchmarks import record as rec
from edge_benchmarks.measure import conditions, processes
from edge_benchmarks.record import (
    Measurement,
    Record,
    TaskFigure,
    from_json,
    read_record,
    to_json,
    write_record,
)
from edge_benchmarks.statistics import Summary
from edge_common.errors import ConfigError, SinkError
from edge_devices.detection.machine import Machine
from edge_devices.emulation.counting import Counts
from tests.benchmarks.samples import RECORD

MOST = 2**63 - 1  # larger whole numbers are refused
st.register_type_strategy(int, st.integers(-MOST, MOST))
number = st.floats(-(2.0**63), 2.0**63)
time_ms = st.floats(1e-6, 1e12)
text = st.text(max_size=8)
summary = st.builds(Summary, st.integers(1, MOST), *[time_ms] * 6)
figure = st.builds(
    TaskFigure,
    text,
    text,
    st.none() | number,
    st.integers(0, MOST),
    st.none() | st.tuples(number, number),
    text,
)
measurement = st.builds(
    Measurement,
    name=text,
    not_measured=text,
    total_ms=st.none() | summary,
    cpu_ms=st.none() | summary,
    stages_ms=st.dictionaries(text, summary, max_size=2),
    invokes_ms=st.dictionaries(text, summary, max_size=2),
    overhead_ms=st.none() | summary,
    invocations=st.dictionaries(text, number, max_size=2),
    round_p50_ms=st.lists(time_ms, max_size=3).map(tuple),
    size_bytes=st.none() | st.integers(0, MOST),
    accuracy=st.lists(figure, max_size=2).map(tuple),
    agreement=st.dictionaries(text, number, max_size=2),
)
records = st.builds(
    Record,
    schema=st.just(rec.SCHEMA_VERSION),
    created_at=text,
    edge_run=text,
    bundle=st.builds(
        rec.BundleRecord,
        parts=st.lists(
            st.builds(rec.PartRecord, parameters=st.none() | st.integers(0, MOST)), max_size=2
        ).map(tuple),
    ),
    machine=st.builds(Machine),
    setup=st.builds(conditions.Setup, min_seconds=number, delegate=text),
    measurements=st.lists(measurement, max_size=2).map(tuple),
    data=text,
    streaming=st.none() | st.builds(rec.Streaming, number, st.none() | number),
    cold_start=st.none() | st.builds(processes.ColdStart, first_result_s=summary),
    instructions=st.dictionaries(text, st.dictionaries(text, st.builds(Counts)), max_size=2),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert from_json(to_json(record)) == record


def test_a_record_file_comes_back_as_it_was(tmp_path) -> None:
    write_record(tmp_path / "r.json", RECORD)
    assert read_record(tmp_path / "r.json") == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("round_p50_ms", [0.0, 0.0], "'streamed.round_p50_ms' holds what no frame takes"),
        ("total_ms", {"min": 0.0}, "'streamed.total_ms' holds what no frame takes"),
        ("total_ms", {"mean": -1.0}, "'streamed.total_ms' holds what no frame takes"),
        ("total_ms", {"p99": 1e308}, "it holds a number beyond 9.22337e.18"),
    ],
)
def test_times_that_no_frame_takes_are_refused(field: str, value, told: str) -> None:
    """Ratios of them would be NaN, infinite or a division by zero."""
    fields = json.loads(to_json(RECORD))
    measurement = next(m for m in fields["measurements"] if m["name"] == "streamed")
    measurement[field] = measurement[field] | value if isinstance(value, dict) else value
    with pytest.raises(ConfigError, match=f"r is no benchmark record .*{told}"):
        from_json(json.dumps(fields), "r")


def test_what_is_not_measured_is_null_and_never_0() -> None:
    figures = json.loads(to_json(RECORD))["measurements"][0]["accuracy"]
    assert figures[1] == {
        "task": "size",
        "metric": "mean_absolute_error",
        "value": None,
        "n": 0,
        "interval": None,
        "unit": "mm",
    }


def test_a_failed_write_leaves_the_old_record(tmp_path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    broken = replace(RECORD, streaming=rec.Streaming(float("nan")))
    with pytest.raises(ValueError):
        write_record(path, broken)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_place_is_said(tmp_path) -> None:
    with pytest.raises(SinkError, match="choose another path"):
        write_record(tmp_path / "no" / "r.json", RECORD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no benchmark record"),
        ("[]", "record version None"),
        ('{"schema": 4}', "record version 4, this edge-bench reads 3"),
        ('{"schema": 3}', "key 'created_at' is missing"),
    ],
)
def test_what_is_no_record_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_json(text)
