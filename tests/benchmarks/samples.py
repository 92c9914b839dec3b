"""A whole record with literal figures."""

from dataclasses import replace

from edge_benchmarks import record as rec
from edge_benchmarks.inside.cross_check import CrossCheck, Overhead
from edge_benchmarks.inside.peak import Peak
from edge_benchmarks.inside.profile.figures import OperatorTime, PartProfile, by_kind
from edge_benchmarks.inside.roofline import Bandwidth, Roof, RooflinePoint
from edge_benchmarks.measure import conditions, processes
from edge_benchmarks.measure.timing import TimerCheck
from edge_benchmarks.scenarios.base import FrameSamples
from edge_benchmarks.scenarios.camera import CameraResult
from edge_benchmarks.scenarios.capacity import CapacityResult
from edge_benchmarks.scenarios.cold import ColdResult
from edge_benchmarks.scenarios.multi_stream import MultiStreamResult
from edge_benchmarks.scenarios.offline import Batch, Energy, OfflineResult
from edge_benchmarks.scenarios.pipeline import PipelineResult
from edge_benchmarks.scenarios.soak_loop import Growth, SoakInterval, SoakResult
from edge_benchmarks.statistics import Outliers, PercentileEstimate, Summary
from edge_devices.detection.machine import Machine
from edge_devices.telemetry import Sample


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
    schema=rec.SCHEMA_VERSION,
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
    setup=conditions.Setup(
        "litert",
        "2.3.0",
        1,
        "auto",
        conditions.FrameSet("golden frames", 18, 100, 120),
        300,
        3.0,
        10,
        30,
    ),
    measurements=(STREAMED, RERUN, UNMEASURED),
    data="test.npz",
    streaming=rec.Streaming(11.5, 11.0),
    cold_start=processes.ColdStart(summary(0.7, n=3), 122_000_000, 30),
)

SAMPLES = tuple(
    Sample(float(second), 50.0 + second, 2_400_000, second == 3, 4.5) for second in range(4)
)
SCENARIOS = {
    "camera": CameraResult(
        30.0, 33.3, (5.0, 6.0, 40.0), (4.0, 4.5, 4.2), {"encoder": (3.0, 3.5, 3.2)},
        (33.0, 67.0, 100.0), taken=4, dropped=1, lateness_ms=(0.1, 0.2, 0.1, 9.0),
    ),
    "offline": OfflineResult((Batch(100, 0.4, 0.39), Batch(100, 0.5, 0.41))),
    "multi_stream": MultiStreamResult(2, 1, (8.0, 9.0, 8.5), 0.026),
    "capacity": CapacityResult(
        30.0, 64, (MultiStreamResult(8, 1, (31.0,), 0.1), MultiStreamResult(9, 1, (35.0,), 0.1))
    ),
    "cold": ColdResult(
        (0.7, 0.6), 122_000_000, (0.8, 0.7), {"import": (0.5, 0.4), "engines": (0.3, 0.3)}
    ),
    "soak": SoakResult(
        tuple(
            SoakInterval(10.0 * i, 2000, 0, 0, summary(4.0), 90_000_000, SAMPLES[i])
            for i in (1, 2, 3)
        ),
        Growth(12.0, (-3.0, 20.0), "no leak"),
    ),
    "pipeline": PipelineResult(
        FrameSamples(
            (4.0, 5.0), stages_ms={"capture": (0.5, 0.5), "encoder": (3.0, 4.0), "sink": (0.1, 0.1)}
        )
    ),
}  # fmt: skip
OPERATORS = (
    OperatorTime(0, "CONV_2D", (1, 50, 50, 32), 2_160_000, 1.5, 0.75, True, "IGEMM"),
    OperatorTime(1, "SOFTMAX", (1, 10), 0, 0.5, 0.25, False, "SOFTMAX"),
)
FULL = replace(
    RECORD,
    measurements=(
        replace(
            STREAMED,
            cpu_ms=summary(3.2),
            round_p50_ms=(4.0, 4.6, 4.0),
            frames_ms=(4.0, 4.0, 3.9, 4.1, 6.0, 8.0),
            round_frames=(2, 2, 2),
            percentiles={
                "p50": PercentileEstimate(4.0, (3.9, 4.1)),
                "p90": PercentileEstimate(6.0),
                "p99": PercentileEstimate(8.0),
                "p99.9": PercentileEstimate(8.2),
            },
            outliers=Outliers(300, 0, 3, 3.0, 5.0),
            verdict="unstable because "
            "the machine was busy, part of the time of a frame was spent waiting (20%): "
            "long frames wait more, which distorts the ratios: close other programs; "
            "the medians of the rounds lie apart (12%): "
            "close other programs, or measure longer with --seconds",
        ),
        replace(RERUN, frames_ms=(44.0, 44.0, 45.0), round_frames=(1, 1, 1), verdict="stable"),
        UNMEASURED,
        rec.Measurement(
            rec.WHOLE_FLOAT,
            total_ms=summary(60.0),
            frames_ms=(60.0, 61.0),
            accuracy=(rec.TaskFigure("kind", "accuracy", 0.9, 10, (0.6, 0.98)),),
            agreement={"kind": 1.0},
        ),
    ),
    revision="c0ffee",
    process_floors_ms=(3.9, 3.8, 4.0, 3.85),
    scenarios=SCENARIOS,
    timer=TimerCheck(20.0, 45.0),
    overhead=Overhead(1.5, 3.0),
    cross_check=CrossCheck(
        "LiteRT's benchmark script", 1, 50, (2.4, 2.5), (2.4, 2.4), 1.02, (1.0, 1.04)
    ),
    profiles={
        "encoder": PartProfile("LiteRT's own profiler", 1, 400, 2.1, OPERATORS, by_kind(OPERATORS))
    },
    roof=Roof(
        (Peak("int8", 1, 448.0, "196 x 512 x 512"), Peak("float32", 1, 117.0, "64 x 256 x 256")),
        (Bandwidth(1, 16.0, 16.8, 1 << 28, True),),
    ),
    roofline={
        "encoder": RooflinePoint(
            "int8", 1, 431_000_000, 14_400_000, 29.9, 170.0, 0.38, 448.0, 0.38, "compute"
        )
    },
    engines=(
        rec.EngineRecord("OpenVINO", "2025.3", "encoder", "", summary(3.6), 31.5),
        rec.EngineRecord("ONNX Runtime", "", "encoder", "pip install '.[engines]'"),
    ),
    telemetry=SAMPLES,
    energy=Energy("the whole board", 12.0, 3.0, 8.1),
    memory=rec.MemoryUse(90_000_000, 101_000_000, 84_000_000),
)
