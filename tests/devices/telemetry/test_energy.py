from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from edge_devices.telemetry.energy import (
    CounterEnergy,
    EnergyCounter,
    EnergyMeter,
    SensorEnergy,
    consumed_uj,
    read_counters,
)
from tests.devices.trees import CONTAINER, JETSON_NANO, LAPTOP, PI_5, FakeClock, FakeVcgencmd, plant

_ZONE = "sys/class/powercap/intel-rapl:0"
_DRAM = "sys/class/powercap/intel-rapl:0:2"
_NANO_POWER = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input"


def _counter(energy_uj: int, range_uj: int = 1000) -> tuple[EnergyCounter, ...]:
    return (EnergyCounter("intel-rapl:0", "package-0", energy_uj, range_uj),)


def test_packages_and_their_memories_are_counted_and_nothing_twice(tmp_path: Path) -> None:
    assert read_counters(plant(tmp_path, LAPTOP)) == (
        EnergyCounter("intel-rapl:0", "package-0", 1_000_000, 262_143_328_850),
        EnergyCounter("intel-rapl:0:2", "dram", 200_000, 65_712_999_613),
    )


def test_counters_that_only_root_may_read_are_none(tmp_path: Path) -> None:
    tree = {name: "" if "energy_uj" in name else text for name, text in LAPTOP.items()}
    assert read_counters(plant(tmp_path, tree)) == ()


def test_consumption_is_the_difference() -> None:
    assert consumed_uj(_counter(100), _counter(350)) == 250


def test_a_counter_that_started_again_is_carried_on() -> None:
    assert consumed_uj(_counter(900), _counter(50)) == 150


def test_counters_that_came_or_went_give_no_figure() -> None:
    assert consumed_uj((), _counter(50)) is None
    assert consumed_uj(_counter(50), ()) is None


@given(
    st.lists(st.integers(0, 262_143), min_size=1),
    st.integers(0, 262_143),
)
def test_a_counter_s_steps_add_up_however_often_it_starts_again(
    steps: list[int], start: int
) -> None:
    range_uj = 262_144
    energy, total = CounterEnergy(), start
    energy.add(0.0, _counter(total % range_uj, range_uj))
    for second, step in enumerate(steps, 1):
        total += step
        energy.add(float(second), _counter(total % range_uj, range_uj))
    assert energy.consumed_uj == sum(steps)


def test_mean_power_between_counter_readings() -> None:
    energy = CounterEnergy()
    assert energy.add(10.0, _counter(0, 10**9)) is None
    assert energy.add(12.0, _counter(30_000_000, 10**9)) == 15.0
    assert (energy.joules, energy.measured_s) == (30.0, 2.0)


def test_a_reading_without_counters_is_made_up_by_the_next() -> None:
    energy = CounterEnergy()
    energy.add(0.0, _counter(0, 10**9))
    assert energy.add(1.0, ()) is None
    assert energy.add(2.0, _counter(8_000_000, 10**9)) == 4.0
    assert energy.joules == 8.0


def test_a_sensor_is_integrated_by_trapezoids() -> None:
    energy = SensorEnergy()
    for seconds, watts in ((0.0, 2.0), (1.0, 4.0), (3.0, 4.0), (4.0, 0.0)):
        assert energy.add(seconds, watts) == watts
    assert energy.joules == 3.0 + 8.0 + 2.0
    assert energy.measured_s == 4.0


def test_a_lost_reading_is_bridged_and_time_does_not_run_backwards() -> None:
    energy = SensorEnergy()
    energy.add(0.0, 2.0)
    assert energy.add(1.0, None) is None
    energy.add(2.0, 4.0)
    energy.add(2.0, 9.0)
    assert (energy.joules, energy.measured_s) == (6.0, 2.0)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0.01, 100))
def test_a_ramp_is_exact(first_w: float, last_w: float, seconds: float) -> None:
    energy = SensorEnergy()
    energy.add(0.0, first_w)
    energy.add(seconds / 2, (first_w + last_w) / 2)
    energy.add(seconds, last_w)
    assert energy.joules == pytest.approx(seconds * (first_w + last_w) / 2)


def test_a_laptop_s_meter_reads_counters(tmp_path: Path) -> None:
    clock = FakeClock()
    meter = EnergyMeter(plant(tmp_path, LAPTOP), FakeVcgencmd(), clock)
    meter.start()
    assert meter.covers == "RAPL package-0+dram" and meter.joules is None
    clock.now_s = 2.0
    plant(tmp_path, {f"{_ZONE}/energy_uj": "31000000\n", f"{_DRAM}/energy_uj": "2200000\n"})
    assert meter.sample() == 16.0
    assert (meter.joules, meter.measured_s) == (32.0, 2.0)


def test_a_jetson_s_meter_reads_its_sensor(tmp_path: Path) -> None:
    clock = FakeClock(100.0)
    meter = EnergyMeter(plant(tmp_path, JETSON_NANO), FakeVcgencmd(), clock)
    meter.start()
    clock.now_s = 110.0
    plant(tmp_path, {_NANO_POWER: "5561\n"})
    assert meter.sample() == 5.561
    assert meter.covers == "INA3221 POM_5V_IN"
    assert meter.joules == pytest.approx((3.561 + 5.561) / 2 * 10)


def test_starting_again_forgets_what_was_measured(tmp_path: Path) -> None:
    clock = FakeClock()
    meter = EnergyMeter(plant(tmp_path, JETSON_NANO), FakeVcgencmd(), clock)
    meter.start()
    clock.now_s = 5.0
    meter.sample()
    meter.start()
    assert meter.joules is None and meter.measured_s == 0.0


def test_a_machine_without_a_source_is_asked_once(tmp_path: Path) -> None:
    vcgencmd = FakeVcgencmd()
    meter = EnergyMeter(plant(tmp_path, PI_5), vcgencmd, FakeClock())
    meter.start()
    assert [meter.sample(), meter.joules, meter.covers] == [None, None, None]
    assert vcgencmd.asked == ["pmic_read_adc"]


def test_a_container_has_no_meter(tmp_path: Path) -> None:
    meter = EnergyMeter(plant(tmp_path, CONTAINER), FakeVcgencmd(), FakeClock())
    assert meter.sample() is None and meter.joules is None
