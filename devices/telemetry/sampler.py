"""A machine's state read once, and as a time line beside the work that is measured."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from edge_devices.detection.memory import ProcessMemory, ResourceLimits, read_limits, read_memory
from edge_devices.telemetry import energy, temperature
from edge_devices.telemetry.clocks import ClockPolicy, read_clocks, read_frequency_khz
from edge_devices.telemetry.power import Power, read_power


@dataclass(frozen=True)
class Snapshot:
    """The state of a machine and of this process on it. None or empty: not told.

    temperature_c: degrees Celsius.  power: now; x86 counts energy over time only.
    """

    temperature_c: float | None
    clocks: tuple[ClockPolicy, ...]
    throttling: temperature.Throttling | None
    power: Power | None
    memory: ProcessMemory
    limits: ResourceLimits


def read_snapshot(
    root: Path = Path("/"),
    vcgencmd: temperature.Vcgencmd = temperature.run_vcgencmd,
    *,
    with_pss: bool = False,
) -> Snapshot:
    """Read all sensors once.

    with_pss: also the proportional set size, which takes the kernel long to count.
    """
    return Snapshot(
        temperature_c=temperature.read_temperature_c(root),
        clocks=read_clocks(root),
        throttling=temperature.read_throttling(root, vcgencmd),
        power=read_power(root, vcgencmd),
        memory=read_memory(root, with_pss=with_pss),
        limits=read_limits(root),
    )


@dataclass(frozen=True)
class Sample:
    """The state at a time. None: not told.

    seconds: since the time line began.  temperature_c: degrees Celsius.  frequency_khz: of the
    fastest core.  throttled_now: any condition that the firmware names.  power_w: of a sensor
    now, of counters since the sample before.
    """

    seconds: float
    temperature_c: float | None
    frequency_khz: int | None
    throttled_now: bool | None
    power_w: float | None


class TimeLine:
    """Takes samples when told to; `energy` is measured along with them."""

    def __init__(
        self,
        root: Path = Path("/"),
        vcgencmd: temperature.Vcgencmd = temperature.run_vcgencmd,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._vcgencmd, self._clock = root, vcgencmd, clock
        self._samples: list[Sample] = []
        self._began_s = 0.0
        self.energy = energy.EnergyMeter(root, vcgencmd, clock)

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(self._samples)

    def start(self) -> None:
        """Begin anew at 0 seconds, with one sample."""
        self._samples.clear()
        self.energy.start()
        self._began_s = self._clock()
        self.take()

    def elapsed_s(self) -> float:
        """Seconds since the time line began."""
        return self._clock() - self._began_s

    def take(self) -> Sample:
        """Read the sensors and add a sample."""
        sample = Sample(
            seconds=self.elapsed_s(),
            temperature_c=temperature.read_temperature_c(self._root),
            frequency_khz=read_frequency_khz(self._root),
            throttled_now=_any_now(temperature.read_throttling(self._root, self._vcgencmd)),
            power_w=self.energy.sample(),
        )
        self._samples.append(sample)
        return sample


class Sampler:
    """A thread that takes a sample every `interval_s` seconds, from `start` to `stop`.

    A context manager. Samples that could not be taken in time are left out, not made up for.
    A Raspberry Pi 5 has to be asked by command, some 30 ms a sample: keep its interval long.
    """

    def __init__(self, line: TimeLine, interval_s: float = 1.0) -> None:
        if interval_s <= 0:
            raise ValueError(f"interval_s must be above 0, not {interval_s}")
        self._line, self._interval_s = line, interval_s
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the time line; raise RuntimeError if it runs already."""
        if self._thread is not None:
            raise RuntimeError("the sampler runs already")
        self._stopped.clear()
        self._line.start()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[Sample, ...]:
        """End the thread, take a last sample, and give the whole time line."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None
            self._line.take()
        return self._line.samples

    def _run(self) -> None:
        for wait_s in beats(self._interval_s, self._line.elapsed_s):
            if self._stopped.wait(wait_s):
                return
            self._line.take()

    def __enter__(self) -> "Sampler":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def beats(interval_s: float, elapsed_s: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait for each next multiple of the interval; those gone by are left out."""
    beat = 0
    while True:
        now_s = elapsed_s()
        beat = max(beat + 1, math.ceil(now_s / interval_s))
        yield max(0.0, beat * interval_s - now_s)


def _any_now(throttling: temperature.Throttling | None) -> bool | None:
    return None if throttling is None else bool(throttling.now)
