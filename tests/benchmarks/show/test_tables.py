from edge_benchmarks.judge.cells import amount
from edge_benchmarks.show.tables import report
from tests.benchmarks.samples import RECORD

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
