import sys

import pytest

from edge.bundle import Bundle, open_bundle
from edge.engine.delegate import Delegate
from edge.engine.runtimes import Runtime
from edge.stream import StreamOptions
from edge.tflite.operators import Operator, read_operators
from edge_benchmarks.inside.profile import litert as c_library, recorder as part
from edge_benchmarks.inside.profile.assembly import (
    Stretch,
    align,
    assemble,
    kernel_name,
    owners_of,
    stretches,
)
from edge_benchmarks.inside.profile.figures import (
    KindTime,
    OperatorTime,
    PartProfile,
    ProfileEvent,
    Trace,
    by_kind,
    estimate,
    from_json,
    spread_over,
    to_json,
)
from edge_benchmarks.inside.profile.recorder import (
    RecordingPlan,
    profile_part,
    record,
    run_recorder,
)
from edge_common.data import decode, encode
from edge_common.errors import EngineError
from tests.benchmarks.fakes import FakeClock

CONV, DEPTHWISE = "Convolution (NHWC, QC8) IGEMM", "Convolution (NHWC, QC8) DWConv"
TABLE, DENSE = "Invalid Unary Op", "Fully Connected (NC, QS8, QC8W) GEMM"


def chain(*names: str) -> list[Operator]:
    """Operators that each read what the one before wrote."""
    return [Operator(i, name, (i,), (i + 1,), (1, 8)) for i, name in enumerate(names)]


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return open_bundle("faces-in-motion")


# kernels and operators


def test_a_table_stands_for_the_first_of_its_operators() -> None:
    operators = ["CONV_2D", "LOGISTIC", "MUL", "DEPTHWISE_CONV_2D", "LOGISTIC", "MUL"]
    assert align([CONV, TABLE, DEPTHWISE, TABLE], operators) == [0, 1, 3, 4]


def test_a_small_convolution_may_run_as_a_matrix_product() -> None:
    assert align([DENSE, DENSE], ["CONV_2D", "FULLY_CONNECTED"]) == [0, 1]


def test_kernels_that_the_runtime_added_belong_to_none() -> None:
    tags = ["Static Reshape (NC)", DENSE, "Static Reshape (NC)", "TanH (NC)"]
    assert align(tags, ["FULLY_CONNECTED", "TANH"]) == [None, 0, None, 1]


def test_depthwise_kernels_skip_other_convolutions() -> None:
    assert align([DEPTHWISE], ["CONV_2D", "DEPTHWISE_CONV_2D"]) == [1]


def test_long_lists_of_unequal_length_are_aligned() -> None:
    operators = ["FULLY_CONNECTED", "LOGISTIC", "MUL"] * 400
    found = align([DENSE, TABLE] * 400, operators)
    assert found[:4] == [0, 1, 3, 4]
    assert found[-2:] == [1197, 1198]


@pytest.mark.parametrize(("tags", "operators"), [([], ["ADD"] * 600), (["Add (ND)"], [])])
def test_one_of_the_lists_may_be_empty(tags: list[str], operators: list[str]) -> None:
    assert align(tags, operators) == [None] * len(tags)


def test_kernels_are_named_for_readers() -> None:
    assert kernel_name(TABLE) == "Unary lookup table"
    assert kernel_name("Add (ND)") == "Add (ND)"


def test_partitions_are_grown_as_the_runtime_grows_them() -> None:
    """1 is not delegated; 3 reads nothing of it and so joins the first partition."""
    operators = [
        Operator(0, "MEAN", (0,), (1,), (1, 8)),
        Operator(1, "UNPACK", (1,), (2,), (1, 8)),
        Operator(2, "ADD", (2,), (3,), (1, 8)),
        Operator(3, "MUL", (1,), (4,), (1, 8)),
    ]
    assert stretches(operators, {1}) == [
        Stretch(True, (0, 3)),
        Stretch(False, (1,)),
        Stretch(True, (2,)),
    ]


def test_a_graph_that_nothing_was_delegated_of_is_one_stretch() -> None:
    assert stretches(chain("ADD", "MUL"), {0, 1}) == [Stretch(False, (0, 1))]


def test_events_find_their_operators_in_each_partition() -> None:
    operators = chain("MUL", "UNPACK", "ADD", "MUL")
    events = [
        ProfileEvent("Multiply (ND)", True, 0),
        ProfileEvent("UNPACK", False, 1),
        ProfileEvent("Copy (NC, X32)", True, 0),
        ProfileEvent("Add (ND)", True, 1),
        ProfileEvent("Multiply (ND)", True, 2),
    ]
    assert owners_of(operators, events, {1}) == [0, 1, None, 2, 3]


def test_events_in_another_order_are_aligned_as_one() -> None:
    operators = chain("MUL", "UNPACK", "ADD")
    events = [ProfileEvent("UNPACK", False, 1), ProfileEvent("Add (ND)", True, 0)]
    assert owners_of(operators, events, {1}) == [1, 2]


# times


def test_half_a_microsecond_is_added_to_what_was_cut_off() -> None:
    events = (ProfileEvent(CONV, True, 0), ProfileEvent("UNPACK", False, 1))
    found = estimate(Trace(events, ((10, 3),) * 20, (14_000,) * 20))
    assert found.kernel_ms == pytest.approx((0.0105, 0.003))
    assert found.whole_ms == pytest.approx(0.014)
    assert found.short == (False, False)


def test_only_the_quietest_runs_count() -> None:
    slow, fast = (90, 30), (10, 4)
    trace = Trace(
        (ProfileEvent(CONV, True, 0), ProfileEvent(DENSE, True, 1)),
        (slow,) * 90 + (fast,) * 10,
        (1,),
    )
    assert estimate(trace).kernel_ms == pytest.approx((0.0105, 0.0045))


def test_the_shortest_share_what_is_left_of_the_whole() -> None:
    events = tuple(
        ProfileEvent(tag, True, i) for i, tag in enumerate((CONV, "Add (ND)", "Add (ND)"))
    )
    found = estimate(Trace(events, ((10, 0, 0),) * 10, (11_100,) * 10))
    assert found.kernel_ms == pytest.approx((0.0105, 0.0003, 0.0003))
    assert found.short == (False, True, True)


@pytest.mark.parametrize(("whole_us", "each_us"), [(50, 0.5), (5, 0.0)])
def test_a_short_kernel_gets_half_a_microsecond_at_most(whole_us: int, each_us: float) -> None:
    events = (ProfileEvent(CONV, True, 0), ProfileEvent("Add (ND)", True, 1))
    found = estimate(Trace(events, ((10, 0),) * 10, (whole_us * 1000,) * 10))
    assert found.kernel_ms[1] == pytest.approx(each_us / 1e3)


def test_helpers_count_for_the_operator_that_they_prepare() -> None:
    times = spread_over([None, 0, None, 1, None], [1.0, 2.0, 3.0, 4.0, 5.0], range(2))
    assert times == {0: 3.0, 1: 12.0}


def test_a_profile_of_a_fused_graph() -> None:
    operators = chain("CONV_2D", "LOGISTIC", "MUL")
    events = (ProfileEvent(CONV, True, 0), ProfileEvent(TABLE, True, 1))
    found = assemble(operators, Trace(events, ((29, 9),) * 10, (40_000,) * 10), threads=2)
    assert [o.ms for o in found.operators] == pytest.approx([0.0295, 0.0095, 0.0])
    assert [o.fused_into for o in found.operators] == [None, None, 1]
    assert [k.kind for k in found.kinds] == ["CONV_2D", "LOGISTIC + MUL"]
    assert (found.threads, found.runs, found.below_resolution) == (2, 10, 0)
    assert found.residual == pytest.approx(0.025)
    assert [o.index for o in found.slowest(2)] == [0, 1]


def test_padding_is_part_of_the_convolution_after_it() -> None:
    operators = chain("ADD", "PAD", "CONV_2D")
    events = (ProfileEvent("Add (ND)", True, 0), ProfileEvent(CONV, True, 1))
    found = assemble(operators, Trace(events, ((3, 9),) * 10, (13_000,) * 10), threads=1)
    assert found.operators[1].fused_into == 2


def test_kinds_are_summed_and_sorted() -> None:
    rows = [
        OperatorTime(0, "ADD", (1,), 0, 1.0, 0.25, True),
        OperatorTime(1, "CONV_2D", (1,), 10, 2.0, 0.5, True),
        OperatorTime(2, "ADD", (1,), 0, 1.0, 0.25, True),
    ]
    assert by_kind(rows) == (KindTime("ADD", 2, 0, 2.0, 0.5), KindTime("CONV_2D", 1, 10, 2.0, 0.5))


# recording


class FakeModel:
    """Takes `ms` a run, and tells what it was asked for."""

    def __init__(self, clock: FakeClock, log: list[str], name: str, ms: float) -> None:
        self._clock, self._log, self._name, self._ms = clock, log, name, ms
        self.tag = CONV

    def invoke(self) -> None:
        self._clock.pass_ms(self._ms)
        self._log.append(self._name)

    def profile(self) -> list[tuple[ProfileEvent, int]]:
        self.invoke()
        return [(ProfileEvent(self.tag, True, 0), round(self._ms * 1e3))]


def fake_models() -> tuple[FakeClock, list[str], FakeModel, FakeModel]:
    clock, log = FakeClock(), []
    return clock, log, FakeModel(clock, log, "P", 2.0), FakeModel(clock, log, "-", 1.5)


def test_runs_with_and_without_profiler_take_turns() -> None:
    clock, log, profiled, plain = fake_models()
    told = []
    plan = RecordingPlan(runs=10)
    trace = record(profiled, plain, plan, lambda done, total: told.append((done, total)), clock)
    assert "".join(log[20:]) == ("-" * 7 + "P" * 10) * 2
    assert trace.whole_ns == (1_500_000,) * 10
    assert trace.elapsed_us == ((2000,),) * 10
    assert told == [(5, 10), (10, 10)]


def test_a_recording_ends_when_its_time_is_over() -> None:
    clock, _, profiled, plain = fake_models()
    trace = record(profiled, plain, RecordingPlan(400, limit_s=0.06), lambda *_: None, clock)
    assert len(trace.elapsed_us) == 10


def test_other_kernels_than_before_are_refused() -> None:
    clock, _, profiled, plain = fake_models()

    def change(done: int, total: int) -> None:
        profiled.tag = DENSE

    with pytest.raises(EngineError, match="other kernels"):
        record(profiled, plain, RecordingPlan(10), change, clock)


def test_a_trace_survives_json() -> None:
    trace = Trace((ProfileEvent(CONV, True, 0),), ((3,), (4,)), (9, 8))
    assert from_json(to_json(trace)) == trace


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_recorder_tells_its_progress_and_its_trace() -> None:
    code = """print('{"progress": [1, 2]}'); print("a library's own line")
print('{"trace": {"events": [], "elapsed_us": [], "whole_ns": [7]}}')"""
    told = []
    trace = run_recorder(child(code), 60.0, lambda done, total: told.append((done, total)))
    assert (trace, told) == (Trace((), (), (7,)), [(1, 2)])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.abort()", "ended without a result .status -6"),
        ("import time; time.sleep(60)", "ended without a result .status -9"),
        ("""print('{"error": "no such model"}')""", "^no such model$"),
    ],
)
def test_a_recorder_that_fails_says_why(code: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        run_recorder(child(code), 0.5, lambda done, total: None)


# what cannot be profiled


def test_another_runtime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Runtime("tflite-runtime", "2.14.0", object, object)
    monkeypatch.setattr(part.runtimes, "load", lambda name: other)
    with pytest.raises(EngineError, match="tflite-runtime has no profiler"):
        profile_part(b"", StreamOptions())


def test_an_external_delegate_is_refused() -> None:
    with pytest.raises(EngineError, match="external delegate"):
        profile_part(b"", StreamOptions(delegate=Delegate("libx.so")))


@pytest.mark.parametrize("version", ["2.1.6", "1.4.0"])
def test_an_older_litert_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(c_library.metadata, "version", lambda name: version)
    with pytest.raises(EngineError, match=f"LiteRT 2.2 or newer, here is {version}"):
        c_library.check_release()


def test_a_machine_without_litert_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise c_library.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(c_library.metadata, "version", missing)
    with pytest.raises(EngineError, match="pip install ai-edge-litert"):
        c_library.check_release()


# a real part


@pytest.fixture(scope="module")
def profile(shipped: Bundle) -> PartProfile:
    model = shipped.members["encoder.tflite"]
    return profile_part(model, StreamOptions(), RecordingPlan(runs=30))


def test_the_rows_are_the_flatbuffers_operators(shipped: Bundle, profile: PartProfile) -> None:
    operators = read_operators(shipped.members["encoder.tflite"])
    found = [(o.index, o.operator, o.shape, o.multiply_adds) for o in profile.operators]
    assert found == [(o.index, o.name, o.shape, o.multiply_adds) for o in operators]
    assert all(o.delegated for o in profile.operators)


def test_every_convolution_has_a_kernel_of_its_own(profile: PartProfile) -> None:
    heavy = [o for o in profile.operators if o.multiply_adds]
    assert len(heavy) == 49
    assert all(o.fused_into is None and o.kernel for o in heavy)
    assert all(o.kernel.endswith("DWConv") for o in heavy if o.operator == "DEPTHWISE_CONV_2D")


def test_the_shares_are_of_all_operators(profile: PartProfile) -> None:
    assert sum(o.share for o in profile.operators) == pytest.approx(1)
    assert sum(k.share for k in profile.kinds) == pytest.approx(1)
    assert sum(k.ms for k in profile.kinds) == pytest.approx(profile.sum_ms)
    assert profile.whole_ms > 0


def test_a_profile_survives_json(profile: PartProfile) -> None:
    assert decode(PartProfile, encode(profile)) == profile


def test_the_head_is_delegated_in_part(shipped: Bundle) -> None:
    found = profile_part(shipped.members["head.tflite"], StreamOptions(), RecordingPlan(runs=5))
    alone = {o.operator for o in found.operators if not o.delegated}
    assert alone == {"DEPTHWISE_CONV_2D", "PACK", "UNPACK"}
    assert found.below_resolution > 100
    assert all(o.kernel for o in found.operators if o.operator == "FULLY_CONNECTED")


def test_a_damaged_model_says_so(shipped: Bundle) -> None:
    damaged = shipped.members["encoder.tflite"][:1000]
    with pytest.raises(EngineError, match="does not load"):
        profile_part(damaged, StreamOptions(), RecordingPlan(runs=5))


# on screen
