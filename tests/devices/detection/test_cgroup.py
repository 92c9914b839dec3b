from pathlib import Path

from edge_devices.detection.memory import ResourceLimits, read_limits
from tests.devices.trees import CONTAINER, plant

_CGROUP = "sys/fs/cgroup"


def test_a_container_under_version_2(tmp_path: Path) -> None:
    assert read_limits(plant(tmp_path, CONTAINER)) == ResourceLimits(536_870_912, 1.5)


def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    tree = {
        "proc/self/cgroup": "0::/a/b\n",
        f"{_CGROUP}/a/b/memory.max": "max\n",
        f"{_CGROUP}/a/b/cpu.max": "200000 100000\n",
        f"{_CGROUP}/a/memory.max": "1073741824\n",
        f"{_CGROUP}/a/cpu.max": "50000 100000\n",
        f"{_CGROUP}/memory.max": "4294967296\n",
    }
    assert read_limits(plant(tmp_path, tree)) == ResourceLimits(1_073_741_824, 0.5)


def test_version_1_with_its_controllers_mounted_together(tmp_path: Path) -> None:
    tree = {
        "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n",
        # the container sees its own group as the mount
        f"{_CGROUP}/memory/memory.limit_in_bytes": "268435456\n",
        f"{_CGROUP}/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        f"{_CGROUP}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert read_limits(plant(tmp_path, tree)) == ResourceLimits(268_435_456, 0.5)


def test_version_1_without_limits(tmp_path: Path) -> None:
    tree = {
        "proc/self/cgroup": "4:memory:/\n2:cpu:/\n",
        f"{_CGROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n",
        f"{_CGROUP}/cpu/cpu.cfs_quota_us": "-1\n",
        f"{_CGROUP}/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert read_limits(plant(tmp_path, tree)) == ResourceLimits(None, None)


def test_both_versions_side_by_side(tmp_path: Path) -> None:
    tree = {
        "proc/self/cgroup": "4:memory:/m\n0::/u\n",
        f"{_CGROUP}/memory/m/memory.limit_in_bytes": "268435456\n",
        f"{_CGROUP}/unified/u/cpu.max": "max 100000\n",
    }
    assert read_limits(plant(tmp_path, tree)) == ResourceLimits(268_435_456, None)


def test_a_group_outside_of_the_mount_is_not_climbed_to(tmp_path: Path) -> None:
    tree = {"proc/self/cgroup": "0::/../../etc\n", "sys/memory.max": "1\n"}
    assert read_limits(plant(tmp_path, tree)) == ResourceLimits()


def test_no_control_groups(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == ResourceLimits()
