import pytest

from edge_benchmarks.statistics import Evidence, Outliers, judge, tukey_outliers

STEADY = (4.0, 4.0, 4.1, 4.0, 4.1, 4.0)


def test_outliers_are_counted_with_their_fences() -> None:
    found = tukey_outliers([1.0, 2.0, 3.0, 4.0, 100.0])
    assert found == Outliers(5, below=0, above=1, low_fence=-1.0, high_fence=7.0)
    assert found.share == 0.2


def test_a_value_on_the_fence_is_no_outlier() -> None:
    assert tukey_outliers([1.0, 2.0, 3.0, 4.0, 7.0]).above == 0


def test_a_steady_run_is_stable() -> None:
    found = judge(Evidence(STEADY, waiting=0.02, outliers=0.03, clock=0.0001))
    assert found.stable and str(found) == "stable"


def test_nothing_known_is_held_against_nobody() -> None:
    assert judge(Evidence()).stable


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (Evidence((4.0, 8.0, 12.0)), "the medians of the rounds lie apart (80%): close other"),
        (Evidence(STEADY, waiting=0.5), "time of a frame was spent waiting (50%): long frames"),
        (Evidence(STEADY, outliers=0.12), "longer or shorter than the rest (12%): look at p99"),
        (Evidence(STEADY, clock=0.03), "the clock is coarse for what it times (3%): time several"),
        (
            Evidence((4.0, 4.04, 4.08, 4.12, 4.16, 4.2)),
            "the medians of the rounds drift one way, as with heat (5%): let the machine",
        ),
    ],
)
def test_what_makes_a_run_unstable_and_the_next_step(evidence: Evidence, said: str) -> None:
    found = judge(evidence)
    assert not found.stable and len(found.failed) == 1
    assert str(found).startswith("unstable because ") and said in str(found)


def test_every_reason_is_said() -> None:
    assert str(judge(Evidence(STEADY, waiting=0.5, outliers=0.5))) == (
        "unstable because the machine was busy, part of the time of a frame was spent waiting "
        "(50%): long frames wait more, which distorts the ratios: close other programs; "
        "many frames take far longer or shorter than the rest (50%): look at p99 rather than "
        "the mean, and at what else runs on the machine"
    )
