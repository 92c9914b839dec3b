from dataclasses import replace

from edge_benchmarks.cells import amount
from edge_benchmarks.inside.profile.figures import OperatorTime, PartProfile, by_kind
from edge_benchmarks.show.inside import inside_sections
from edge_benchmarks.show.terminal import report
from edge_common.document import terminal
from tests.benchmarks.samples import FULL, RECORD

EXPECTED = """\
tiny: window-ring, window of 15 (sha256 abababababab)
litert 2.3.0, 1 thread, on a cpu, 2 cores
frames: 18 of golden frames, 120 x 100

part            precision  parameters  multiply-adds      size
----------  -------------  ----------  -------------  --------
encoder              int8     7.933 M        215.7 M   9.20 MB
head        dynamic_range      3.26 M        19.45 M   3.40 MB
whole file                    11.19 M        235.1 M  13.00 MB

ms a frame (n = 300)      p50    p90    p99
----------------------  -----  -----  -----
preprocess              0.500  0.750  1.000
encoder                 2.500  3.750  5.000
head                    1.000  1.500  2.000
whole push              4.000  6.000  8.000
processor time of it    3.900  5.850  7.800
runtime alone: encoder  2.400  3.600  4.800
runtime alone: head     0.900  1.350  1.800
added by edge-run       0.700  1.050  1.400

encoder invocations a frame  1
head invocations a frame     1
gain of streaming            at most 11.50 x over re-running both parts, achieved 11.00 x
cold start                   0.70 s from process start to the first frame's result (0.70 to 1.40, 3 starts)
peak memory                  122 MB over 30 frames

task (test.npz)               metric         value     95 % interval   n
---------------  -------------------  ------------  ----------------  --
kind                        accuracy        0.8000  0.4902 to 0.9433  10
size             mean_absolute_error  not measured

a frame takes, ms           p50     p90      p99  cpu p50  x streamed      size
-----------------  ------------  ------  -------  -------  ----------  --------
streamed                  4.000   6.000    8.000    3.900        1.00  12.60 MB
split re-run             44.000  66.000  n < 100   43.000       11.00  12.60 MB
whole window int8  not measured
whole window int8: not measured (give --model MODEL.keras)"""


def test_amounts() -> None:
    assert [amount(n) for n in (None, 12, 1_500, 215_667_536, 3_100_000_000)] == [
        "unknown", "12", "1.5 k", "215.7 M", "3.1 G",
    ]  # fmt: skip


def test_the_report_of_a_record() -> None:
    assert report(RECORD) == EXPECTED


OPERATORS = (
    OperatorTime(0, "CONV_2D", (1, 4, 4, 8), 2_500_000, 0.6, 0.75, True, "Convolution IGEMM"),
    OperatorTime(1, "UNPACK", (1, 8), 0, 0.2, 0.25, False, "UNPACK"),
)


def test_a_profile_shows_the_slowest_and_what_is_left() -> None:
    profile = PartProfile(
        "LiteRT's own profiler", 1, 400, 1.0, OPERATORS, by_kind(OPERATORS), 3, 0.004
    )
    lines = terminal(list(inside_sections(replace(RECORD, profiles={"encoder": profile}))))
    assert lines.splitlines()[:4] == [
        "Operators",
        "encoder, operator by operator: 2 operators take 0.800 ms of 1.000 ms (+20.0% left over); 400 runs",
        "with LiteRT's own profiler, 1 thread.",
        "",
    ]
    assert lines.splitlines()[-2:] == [
        "encoder: 3 operators are below the resolution of 1 us and share 0.004 ms of what the "
        "others leave",
        "encoder: other programs disturbed the recording: close them and profile again",
    ]
    rows = [line.split() for line in lines.splitlines()]
    assert ["CONV_2D", "1", "2.50", "0.600", "75.00", "%"] in rows
    slowest = "0 CONV_2D Convolution IGEMM 1 x 4 x 4 x 8 2.50 0.600 75.00 %"
    assert slowest.split() in rows
    assert [
        "1",
        "UNPACK",
        "UNPACK",
        "(not",
        "delegated)",
        "1",
        "x",
        "8",
        "0.00",
        "0.200",
        "25.00",
        "%",
    ] in rows


def test_scenarios_stand_in_lines_below_each_other() -> None:
    shown = report(FULL)
    begin = shown.index("camera, 30 Hz")
    assert shown[begin:].split("\n\n")[0].splitlines() == [
        "camera, 30 Hz     frame age 6.00 ms p50, 39.32 p99; 1 dropped",
        "                  jitter 0.50 ms; 50.0% missed their deadline of 33.3 ms",
        "                  INVALID: the generator was late with 25.0% of its frames "
        "(at most 1% may be): close other programs, or lower the rate",
        "offline           222 frames/s, 0.89 cores busy",
        "multi-stream, 2   231 frames/s together; the last of a round after 9.0 ms p99",
        "capacity          8 streams at 30 Hz",
        "cold, s           0.75 to the first decision: import 0.45, engines 0.30",
        "soak, 0.5 min     0 errors; memory: no leak",
        "pipeline, ms p50  capture 0.500, encoder 3.500, sink 0.100; all of it 4.500",
    ]


def test_no_line_is_wider_than_a_terminal_but_for_names() -> None:
    wide = [line for line in report(FULL).splitlines() if len(line) > 120]
    assert all(line.startswith(("warning: ", "    ")) for line in wide)
