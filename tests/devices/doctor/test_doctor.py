"""The doctor over trees with faults made on purpose: what it says, and what it advises."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edge_devices.doctor import CHECKS, Finding, Host, Status, examine
from edge_devices.doctor.environment import (
    RECORDED,
    Environment,
    FirmwareReply,
    Package,
    VideoDevice,
)
from tests.devices import trees
from tests.devices.profiles.own_profiles import OwnProfiles
from tests.devices.trees import (
    CONTAINER,
    JETSON_NANO,
    LAPTOP,
    PI_3B_PLUS,
    PI_4,
    PI_5,
    PI_ZERO_2_W,
    XAVIER_NX,
    Tree,
    arm_cpuinfo,
    clocks,
    plant,
    zones,
)

pytestmark = pytest.mark.usefixtures("own")

_TWIN = "sys/devices/platform/soc/soc:firmware/get_throttled"
_POLICY = "sys/devices/system/cpu/cpufreq/policy0"
_LITERT = (Package("ai-edge-litert", "2.3.0"), Package("numpy", "2.4.6"))
_WELL = Environment("3.11.2", _LITERT, (VideoDevice("/dev/video0", True),), 30_000_000_000)
_ARMV7 = b"\x7fELF\x01\x01\x01" + bytes(11) + (40).to_bytes(2, "little")
_MEMORY = "MemTotal: 4000000 kB\nMemAvailable: {} kB\n"
_SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"


def _recorded(environment: Environment) -> Tree:
    return {RECORDED: json.dumps(asdict(environment))}


def _find(folder: Path, check: str, tree: Tree) -> Finding | None:
    return CHECKS[check](Host(plant(folder, tree)))


def _assert(
    folder: Path, check: str, tree: Tree, status: Status, what: str, advice: str = ""
) -> None:
    found = _find(folder, check, tree)
    assert found is not None
    assert found.status is status and what in found.what, found
    assert advice in f"{found.advice}: {found.command}", found
    assert bool(found.advice) == (status is not Status.OK), found


@pytest.mark.parametrize(
    ("board", "worst"),
    [
        ("pi-3b-plus", Status.WARNING),
        ("pi-4", Status.PROBLEM),
        ("pi-5", Status.WARNING),
        ("pi-zero-2-w", Status.PROBLEM),
        ("jetson-nano", Status.OK),
        ("xavier-nx", Status.WARNING),
        ("orin-nano", Status.OK),
        ("laptop", Status.WARNING),
        ("container", Status.WARNING),
    ],
)
def test_each_recorded_board(tmp_path: Path, board: str, worst: Status) -> None:
    found = examine(Host(plant(tmp_path, trees.BOARDS[board])))
    order = list(Status)
    assert max((each.status for each in found.values()), key=order.index) is worst
    assert all(bool(each.advice) == (each.status is not Status.OK) for each in found.values())


def test_this_machine_is_examined() -> None:
    found = examine(Host())
    assert {"board", "cores", "memory", "user land", "runtime", "numpy", "opencv"} <= set(found)
    assert found["runtime"].status is found["opencv"].status is Status.OK


@pytest.mark.parametrize(
    ("bits", "status", "what", "advice"),
    [
        ("0", Status.OK, "none now, none since boot", ""),
        ("1", Status.PROBLEM, "under-voltage, now", "power supply"),
        ("50005", Status.PROBLEM, "under-voltage and throttled, now", "power supply"),
        ("4", Status.PROBLEM, "throttled, now", "see under-voltage and temperature"),
        ("8", Status.PROBLEM, "soft temperature limit, now", "heat sink"),
        ("50000", Status.WARNING, "under-voltage and throttled since boot, not now", "a reboot"),
        ("80000", Status.WARNING, "soft temperature limit since boot", "heat sink"),
    ],
)
def test_throttling(tmp_path: Path, bits: str, status: Status, what: str, advice: str) -> None:
    _assert(tmp_path, "throttling", {**PI_4, _TWIN: bits}, status, what, advice)


def test_throttling_told_by_the_command(tmp_path: Path) -> None:
    answered = replace(_WELL, vcgencmd=(FirmwareReply("get_throttled", "throttled=0x1\n"),))
    tree = {**PI_5, **_recorded(answered)}
    _assert(tmp_path, "throttling", tree, Status.PROBLEM, "under-voltage, now", "power supply")


def test_a_firmware_that_does_not_answer(tmp_path: Path) -> None:
    tree = {**PI_5, **_recorded(_WELL)}
    _assert(tmp_path, "throttling", tree, Status.WARNING, "does not answer", "raspi-utils")
    assert _find(tmp_path / "nano", "throttling", {**JETSON_NANO, **_recorded(_WELL)}) is None


def test_cooling(tmp_path: Path) -> None:
    _assert(tmp_path, "cooling", XAVIER_NX, Status.OK, "does not slow")
    hot = {**XAVIER_NX, "sys/class/thermal/cooling_device0/cur_state": "7\n"}
    told = "because of heat (cpufreq-cpu0 at 7 of 25)"
    _assert(tmp_path / "hot", "cooling", hot, Status.WARNING, told, "heat sink")


@pytest.mark.parametrize(
    ("millidegrees", "status"),
    [("74999", Status.OK), ("75000", Status.WARNING), ("85000", Status.PROBLEM)],
)
def test_temperature(tmp_path: Path, millidegrees: str, status: Status) -> None:
    tree = {**PI_4, **zones({"cpu-thermal": millidegrees})}
    _assert(tmp_path, "temperature", tree, status, f"{round(int(millidegrees) / 1000)} degrees")


def test_temperature_at_the_place_that_the_profile_names(tmp_path: Path) -> None:
    tree = {**PI_5, "sys/class/thermal/thermal_zone0/type": "odd\n"}
    _assert(tmp_path, "temperature", tree, Status.OK, "52 degrees")


def test_power_mode(tmp_path: Path) -> None:
    _assert(tmp_path, "power mode", JETSON_NANO, Status.OK, "MAXN")
    slow = {**JETSON_NANO, "var/lib/nvpmodel/status": "pmode:0001 fmode:quiet"}
    advice = "sudo nvpmodel -m 0 &&"
    _assert(tmp_path / "slow", "power mode", slow, Status.WARNING, "5W; MAXN lets", advice)


@pytest.mark.parametrize(
    ("governor", "status", "what"),
    [
        ("performance", Status.OK, "performance"),
        ("schedutil", Status.OK, "schedutil"),
        ("ondemand", Status.WARNING, "ondemand on cores 0 1 2 3: the clock rises late"),
        ("powersave", Status.PROBLEM, "powersave on cores 0 1 2 3: the lowest clock is kept"),
    ],
)
def test_governor(tmp_path: Path, governor: str, status: Status, what: str) -> None:
    tree = {**PI_4, f"{_POLICY}/scaling_governor": governor}
    _assert(tmp_path, "governor", tree, status, what, "performance" if status != "ok" else "")


def test_a_pc_s_powersave_follows_the_load(tmp_path: Path) -> None:
    _assert(tmp_path, "governor", LAPTOP, Status.OK, "powersave")


def test_clock_limit(tmp_path: Path) -> None:
    _assert(tmp_path, "clock limit", PI_4, Status.OK, "up to 1800 MHz")
    capped = {**PI_4, f"{_POLICY}/scaling_max_freq": "600000"}
    told = "600 MHz at most on cores 0 1 2 3, of 1800 MHz"
    _assert(tmp_path / "capped", "clock limit", capped, Status.WARNING, told, "scaling_max_freq")
    slow = {**PI_4, **clocks(0, "0 1 2 3", 600_000, 600_000, 1_000_000, "ondemand")}
    told = "1000 MHz at most; Raspberry Pi 4 Model B does 1500 MHz"
    _assert(tmp_path / "slow", "clock limit", slow, Status.WARNING, told, "arm_freq")


def test_a_power_mode_with_higher_clocks_is_named(tmp_path: Path) -> None:
    advice = "MODE_15W_2CORE clocks higher on 2 cores: sudo nvpmodel -m 0"
    _assert(tmp_path, "clock limit", XAVIER_NX, Status.WARNING, "1421 MHz at most", advice)


def test_cores(tmp_path: Path) -> None:
    _assert(tmp_path, "cores", PI_4, Status.OK, "all 4 usable")
    few = {**PI_4, "proc/self/status": "Cpus_allowed_list:\t0,2\n"}
    _assert(tmp_path / "1", "cores", few, Status.WARNING, "may use 2 of 4 cores", "taskset")
    _assert(tmp_path / "2", "cores", CONTAINER, Status.WARNING, "1.5 of 8 cores", "--cpus")
    off = {**PI_4, "proc/cpuinfo": arm_cpuinfo(2, "0xd08", "0x0", 3, "asimd")}
    _assert(tmp_path / "3", "cores", off, Status.WARNING, "2 of the board's 4", "maxcpus=")


def test_cores_that_a_power_mode_switched_off(tmp_path: Path) -> None:
    cpu = arm_cpuinfo(2, "0xd07", "0x1", 1, "asimd")
    tree = {**JETSON_NANO, "proc/cpuinfo": cpu, "var/lib/nvpmodel/status": "pmode:0001"}
    _assert(tmp_path, "cores", tree, Status.WARNING, "2 of the board's 4", "nvpmodel -m 0")


@pytest.mark.parametrize(
    ("available_kb", "status"),
    [(2_000_000, Status.OK), (200_000, Status.WARNING), (100_000, Status.PROBLEM)],
)
def test_memory(tmp_path: Path, available_kb: int, status: Status) -> None:
    tree = {**PI_4, "proc/meminfo": _MEMORY.format(available_kb)}
    told = "MB available of 4.1 GB" if status != "ok" else "2.0 GB available"
    _assert(tmp_path, "memory", tree, status, told, "close programs" if status != "ok" else "")


def test_memory_limited_by_a_container(tmp_path: Path) -> None:
    _assert(tmp_path, "memory", CONTAINER, Status.OK, "limited to 537 MB")
    tight = {**CONTAINER, "sys/fs/cgroup/memory.max": "134217728"}
    _assert(tmp_path / "1", "memory", tight, Status.PROBLEM, "allows 134 MB", "raise the limit")


def test_a_board_with_little_memory(tmp_path: Path) -> None:
    tree = {**PI_ZERO_2_W, "proc/meminfo": "MemTotal: 240000 kB\n"}
    _assert(tmp_path, "memory", tree, Status.WARNING, "246 MB in all", "more memory")


def test_swap(tmp_path: Path) -> None:
    told = "on an SD card or eMMC (swap), 2 MB of it in use"
    _assert(tmp_path, "swap", PI_3B_PLUS, Status.WARNING, told, "zram")
    zram = {**PI_4, "proc/swaps": f"{_SWAPS}/dev/zram0 partition 500000 400000 5\n"}
    _assert(tmp_path / "1", "swap", zram, Status.OK, "zram0")
    used = {**PI_4, "proc/swaps": f"{_SWAPS}/dev/sda2 partition 500000 400000 5\n"}
    _assert(tmp_path / "2", "swap", used, Status.WARNING, "410 MB in use", "close programs")
    _assert(tmp_path / "3", "swap", {**PI_4, "proc/swaps": _SWAPS}, Status.OK, "none")


@pytest.mark.parametrize(
    ("free", "status"),
    [(2e9, Status.OK), (5e8, Status.WARNING), (5e7, Status.PROBLEM), (0, Status.PROBLEM)],
)
def test_free_space(tmp_path: Path, free: float, status: Status) -> None:
    tree = {**PI_4, **_recorded(replace(_WELL, free_bytes=int(free)))}
    _assert(tmp_path, "free space", tree, status, "free in the working folder")


def test_user_land(tmp_path: Path) -> None:
    _assert(tmp_path, "user land", PI_4, Status.OK, "aarch64")
    _assert(
        tmp_path / "1",
        "user land",
        {**PI_4, "proc/self/exe": _ARMV7},
        Status.WARNING,
        "32-bit (armv7l) on a 64-bit processor",
        "64-bit system",
    )
    _assert(tmp_path / "2", "user land", PI_ZERO_2_W, Status.WARNING, "32-bit", "64-bit")
    pi_2 = {
        "proc/cpuinfo": "processor: 0\nFeatures: neon\nCPU implementer: 0x41\nCPU part: 0xc07\n"
    }
    _assert(tmp_path / "3", "user land", pi_2, Status.OK, "armv7l")


@pytest.mark.parametrize(
    ("tree", "python", "packages", "status", "what", "advice"),
    [
        (PI_4, "3.11.2", _LITERT, Status.OK, "ai-edge-litert 2.3.0", ""),
        (PI_4, "3.13.1", (), Status.PROBLEM, "no TFLite runtime", "pip install ai-edge-litert"),
        (PI_4, "3.15.0", (), Status.PROBLEM, "no wheels for Python 3.15.0", "--python 3.14"),
        (PI_4, "3.9.2", (), Status.PROBLEM, "no wheels for Python 3.9.2", "3.10 to 3.14"),
        (PI_ZERO_2_W, "3.11.2", (), Status.PROBLEM, "no TFLite", "tflite-runtime 'numpy<2'"),
        (PI_ZERO_2_W, "3.13.5", (), Status.PROBLEM, "tflite-runtime has no wheels", "3.9 to 3.11"),
        (
            {"bin/sh": _ARMV7[:18] + (243).to_bytes(2, "little"), "etc/x": ""},
            "3.11.2",
            (),
            Status.PROBLEM,
            "none has wheels for riscv64",
            "64-bit ARM",
        ),
    ],
)
def test_runtime(
    tmp_path: Path, tree: Tree, python: str, packages: tuple, status: Status, what: str, advice: str
) -> None:
    found = Environment(python, packages)
    _assert(tmp_path, "runtime", {**tree, **_recorded(found)}, status, what, advice)


@pytest.mark.parametrize(
    ("versions", "status", "advice"),
    [
        ({"numpy": "2.4.6", "ai-edge-litert": "2.3.0"}, Status.OK, ""),
        ({"numpy": "1.26.4", "tflite-runtime": "2.14.0"}, Status.OK, ""),
        ({"numpy": "2.0.0", "tflite-runtime": "2.14.0"}, Status.PROBLEM, "pip install 'numpy<2'"),
        (
            {"numpy": "2.0.0", "tflite-runtime": "2.14.0", "ai-edge-litert": "2.3.0"},
            Status.WARNING,
            "--runtime litert",
        ),
    ],
)
def test_numpy(tmp_path: Path, versions: dict, status: Status, advice: str) -> None:
    packages = tuple(Package(name, version) for name, version in versions.items())
    tree = {**PI_4, **_recorded(Environment("3.11.2", packages))}
    _assert(tmp_path, "numpy", tree, status, versions["numpy"], advice)


_DESKTOP, _HEADLESS = (
    Package(name, "4.10.0") for name in ("opencv-python", "opencv-python-headless")
)


@pytest.mark.parametrize(
    ("packages", "windows", "error", "status", "what", "advice"),
    [
        ((_HEADLESS,), False, "", Status.OK, "opencv-python-headless 4.10.0", ""),
        ((), True, "", Status.OK, "cv2 can be imported", ""),
        ((_DESKTOP, _HEADLESS), True, "", Status.OK, "the files of opencv-python are there", ""),
        (
            (_DESKTOP, _HEADLESS),
            False,
            "",
            Status.WARNING,
            "the files of opencv-python-headless are there",
            "pip install --force-reinstall --no-deps opencv-python",
        ),
        (
            (_DESKTOP, Package("opencv-python-headless", "5.0.0.93")),
            True,
            "",
            Status.WARNING,
            "opencv-python 4.10.0 and opencv-python-headless 5.0.0.93 share the folder cv2",
            "for windows",
        ),
        (
            (_DESKTOP,),
            None,
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            Status.PROBLEM,
            "libGL.so.1",
            "apt-get install libgl1 libglib2.0-0 libsm6, or without windows: pip uninstall opencv-python",
        ),
        ((), None, "ModuleNotFoundError: No module named 'cv2'", Status.PROBLEM, "cv2", "headless"),
    ],
)
def test_opencv(
    tmp_path: Path,
    packages: tuple,
    windows: bool | None,
    error: str,
    status: Status,
    what: str,
    advice: str,
) -> None:
    environment = Environment("3.11.2", packages, opencv_error=error, opencv_windows=windows)
    tree = {**PI_4, **_recorded(environment)}
    _assert(tmp_path, "opencv", tree, status, what, advice)


def test_cameras(tmp_path: Path) -> None:
    _assert(tmp_path, "cameras", {**PI_4, **_recorded(_WELL)}, Status.OK, "/dev/video0")
    locked = tuple(VideoDevice(f"/dev/video{number}", False) for number in range(5))
    tree = {**PI_4, **_recorded(replace(_WELL, cameras=locked))}
    told = "no rights to /dev/video0, /dev/video1, /dev/video2 and 2 more"
    _assert(tmp_path / "1", "cameras", tree, Status.PROBLEM, told, "usermod -aG video")
    none = {**PI_4, **_recorded(replace(_WELL, cameras=()))}
    assert _find(tmp_path / "2", "cameras", none) is None


@pytest.mark.parametrize(
    "mark",
    [
        {".dockerenv": ""},
        {"run/.containerenv": 'name="x"'},
        {"proc/self/cgroup": "0::/kubepods/pod1\n"},
    ],
)
def test_container(tmp_path: Path, mark: Tree) -> None:
    told = "this is a container"
    _assert(tmp_path, "container", {**PI_4, **mark}, Status.WARNING, told, "--device")


@pytest.mark.parametrize(
    "sign",
    [
        CONTAINER,
        {"sys/class/dmi/id/sys_vendor": "QEMU\n"},
        {"proc/device-tree/compatible": "linux,dummy-virt\0"},
    ],
)
def test_virtual_machine(tmp_path: Path, sign: Tree) -> None:
    told = "this is a virtual machine"
    _assert(tmp_path, "virtual machine", sign, Status.WARNING, told, "edge-bench versus")


def test_a_board_on_a_bench_is_neither(tmp_path: Path) -> None:
    for check in ("container", "virtual machine"):
        assert _find(tmp_path / check, check, PI_4) is None


def test_an_unknown_board(tmp_path: Path) -> None:
    told = "no profile for 'LENOVO 20XW004LGE': using generic-x86-64"
    _assert(tmp_path, "board", LAPTOP, Status.WARNING, told, "lenovo-20xw004lge.toml")


def test_profiles_of_one_s_own(tmp_path: Path, own: OwnProfiles) -> None:
    assert _find(tmp_path / "1", "profiles", PI_4) is None
    own.add("rock-5b", "Radxa ROCK 5B")
    _assert(tmp_path / "2", "profiles", PI_4, Status.OK, "1 of your own: rock-5b")
    path = own.write("other", "schema = 1")
    _assert(tmp_path / "3", "profiles", PI_4, Status.WARNING, f"{path}: key 'name'", "mend")
