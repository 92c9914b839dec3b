"""A whole record with literal figures."""

from benchmarks import record as rec
from benchmarks.statistics import Summary
from devices.machine import Machine


def summary(p50: float, n: int = 300) -> Summary:
    """A summary around a median; p90 is 1.5 and p99 twice as long."""
    return Summary(n, p50, 1.5 * p50, 2 * p50, p50, p50, 2 * p50)


STREAMED = rec.Measurement(
    rec.STREAMED,
    total_ms=summary(4.0),
    cpu_ms=summary(3.9),
    stages_ms={"preprocess": summary(0.5), "encoder": summary(2.5), "head": summary(1.0)},
    invokes_ms={"encoder": summary(2.4), "head": summary(0.9)},
    overhead_ms=summary(0.7),
    invocations={"encoder": 1.0, "head": 1.0},
    round_p50_ms=(4.0, 4.0, 4.1),
    size_bytes=12_600_000,
    accuracy=(
        rec.TaskFigure("kind", "accuracy", 0.8, 10, (0.4902, 0.9433)),
        rec.TaskFigure("size", "mean_absolute_error", unit="mm"),
    ),
    agreement={"kind": 0.9},
)
RERUN = rec.Measurement(
    rec.SPLIT_RERUN,
    total_ms=summary(44.0, n=60),
    cpu_ms=summary(43.0, n=60),
    invokes_ms={"encoder": summary(42.0, n=60), "head": summary(0.9, n=60)},
    round_p50_ms=(44.0, 44.0, 45.0),
    size_bytes=12_600_000,
)
UNMEASURED = rec.Measurement(rec.WHOLE_INT8, not_measured="give --model MODEL.keras")
RECORD = rec.Record(
    schema=1,
    created_at="2025-11-23T06:00:00+00:00",
    edge_run="0.1.0",
    bundle=rec.BundleRecord(
        "tiny",
        "ab" * 32,
        13_000_000,
        "window-ring",
        15,
        (
            rec.PartRecord("encoder", "int8", 9_200_000, 7_932_623, 215_667_536),
            rec.PartRecord("head", "dynamic_range", 3_400_000, 3_260_397, 19_453_792),
        ),
    ),
    machine=Machine("generic", "a cpu", "x86_64", 2, 8_000_000_000, "6.1", "3.11.7"),
    setup=rec.Setup(
        "litert", "2.3.0", 1, None, rec.FrameSet("golden frames", 18, 100, 120), 300, 3.0, 10, 30
    ),
    measurements=(STREAMED, RERUN, UNMEASURED),
    data="test.npz",
    streaming=rec.Streaming(11.5, 11.0),
    cold_start=rec.ColdStart(summary(0.7, n=3), 122_000_000, 30),
)
