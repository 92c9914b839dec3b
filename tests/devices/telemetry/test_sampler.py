import itertools
import threading
from pathlib import Path

import pytest

from edge_devices.telemetry import Sample, Sampler, TimeLine
from edge_devices.telemetry.sampler import beats
from tests.devices.trees import (
    CONTAINER,
    JETSON_NANO,
    PI_4,
    PI_5,
    PMIC_ANSWER,
    FakeClock,
    FakeVcgencmd,
    plant,
)

_HOT = {
    "sys/class/thermal/thermal_zone0/temp": "82000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1000000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
}


def test_a_board_that_grows_hot(tmp_path: Path) -> None:
    clock = FakeClock(500.0)
    line = TimeLine(plant(tmp_path, PI_4), FakeVcgencmd(), clock)
    line.start()
    clock.now_s = 501.5
    plant(tmp_path, _HOT)
    line.take()
    assert line.samples == (
        Sample(0.0, 48.686, 1_500_000, True, None),
        Sample(1.5, 82.0, 1_000_000, False, None),
    )


def test_power_and_energy_come_along(tmp_path: Path) -> None:
    clock = FakeClock()
    line = TimeLine(plant(tmp_path, JETSON_NANO), FakeVcgencmd(), clock)
    line.start()
    clock.now_s = 2.0
    assert line.take() == Sample(2.0, 34.0, 1_479_000, None, 3.561)
    assert line.energy.joules == pytest.approx(7.122)


def test_a_raspberry_pi_5_is_asked_by_command(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd(get_throttled="throttled=0x0\n", pmic_read_adc=PMIC_ANSWER)
    line = TimeLine(plant(tmp_path, PI_5), vcgencmd, FakeClock())
    line.start()
    assert line.samples == (Sample(0.0, 52.35, 2_400_000, False, pytest.approx(1.97)),)


def test_a_machine_that_tells_nothing_has_a_time_line_all_the_same(tmp_path: Path) -> None:
    line = TimeLine(plant(tmp_path, CONTAINER), FakeVcgencmd(), FakeClock())
    line.start()
    assert line.samples == (Sample(0.0, None, None, None, None),)


def test_starting_again_begins_at_0(tmp_path: Path) -> None:
    clock = FakeClock()
    line = TimeLine(plant(tmp_path, PI_4), FakeVcgencmd(), clock)
    line.start()
    clock.now_s = 9.0
    line.start()
    assert [sample.seconds for sample in line.samples] == [0.0]


@pytest.mark.parametrize(
    ("elapsed_s", "waits_s"),
    [
        ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]),
        ([0.25, 1.25, 2.5], [0.75, 0.75, 0.5]),  # a sample takes time; the beat stays
        ([0.0, 3.5, 4.0], [1.0, 0.5, 1.0]),  # beats 2 and 3 went by and are left out
        ([0.0, 0.75, 2.0], [1.0, 1.25, 1.0]),  # woken early: not twice for one beat
    ],
)
def test_samples_keep_the_beat(elapsed_s: list[float], waits_s: list[float]) -> None:
    times = iter(elapsed_s)
    assert list(itertools.islice(beats(1.0, lambda: next(times)), 3)) == waits_s


class CountedLine(TimeLine):
    """A time line that says when it has a number of samples."""

    def __init__(self, root: Path, enough: int) -> None:
        super().__init__(root, FakeVcgencmd())
        self.enough, self.reached = enough, threading.Event()

    def take(self) -> Sample:
        sample = super().take()
        if len(self.samples) >= self.enough:
            self.reached.set()
        return sample


def test_the_thread_samples_until_it_is_stopped(tmp_path: Path) -> None:
    line = CountedLine(plant(tmp_path, PI_4), enough=4)
    sampler = Sampler(line, interval_s=0.001)
    sampler.start()
    assert line.reached.wait(30)
    samples = sampler.stop()
    assert len(samples) >= 5 and samples == line.samples
    assert [s.seconds for s in samples] == sorted(s.seconds for s in samples)
    assert not any(thread.name == "telemetry" for thread in threading.enumerate())


def test_stopping_does_not_wait_for_the_next_beat(tmp_path: Path) -> None:
    with Sampler(CountedLine(plant(tmp_path, PI_4), 1), interval_s=3600) as sampler:
        pass
    assert len(sampler.stop()) == 2  # the first and the last; stopping again adds none


def test_a_sampler_runs_once_at_a_time(tmp_path: Path) -> None:
    with (
        Sampler(CountedLine(plant(tmp_path, PI_4), 1), interval_s=3600) as sampler,
        pytest.raises(RuntimeError, match="runs already"),
    ):
        sampler.start()


def test_an_interval_is_above_0(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="interval_s must be above 0"):
        Sampler(TimeLine(tmp_path), interval_s=0)
