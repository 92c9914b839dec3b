"""No more cores and memory than a board has, and the former limits afterwards."""

import dataclasses
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from edge.emulated import Confinement, confined, confinement
from edge_devices.profiles.catalogue import profile_named

PI_4 = profile_named("pi-4")
ZERO_2W = profile_named("pi-zero-2w")


def test_the_smallest_version_beyond_what_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("VmSize:\t 700 kB\nVmRSS:\t 100 kB\n")
    found = confinement(ZERO_2W, tmp_path)
    assert found.address_space_bytes == 700 * 1024 + 512 * 2**20 - 100 * 1024


def test_cores_are_those_that_this_process_may_use() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    one = dataclasses.replace(PI_4, cpu=dataclasses.replace(PI_4.cpu, cores=1))
    assert confinement(one).cores == tuple(allowed[:1])
    assert confinement(PI_4).cores == tuple(allowed[:4])


def test_limits_hold_inside_and_come_back_after() -> None:
    cores, limit = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_AS)
    with confined(Confinement((min(cores),), 1 << 40)):
        assert os.sched_getaffinity(0) == {min(cores)}
        assert resource.getrlimit(resource.RLIMIT_AS)[0] == 1 << 40
    assert (os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_AS)) == (cores, limit)


def test_limits_come_back_after_an_error() -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)
    with (
        pytest.raises(RuntimeError),
        confined(Confinement(tuple(os.sched_getaffinity(0)), 1 << 40)),
    ):
        raise RuntimeError
    assert resource.getrlimit(resource.RLIMIT_AS) == limit


def test_more_than_the_board_has_cannot_be_had() -> None:
    """In a process of its own: 512 MiB there, 600 MiB asked for."""
    code = (
        "from edge_devices.profiles.catalogue import profile_named\n"
        "from edge.emulated import confined, confinement\n"
        "with confined(confinement(profile_named('pi-zero-2w'))):\n"
        "    bytearray(300 << 20)\n"
        "    try: bytearray(600 << 20)\n"
        "    except MemoryError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr
