"""Folder trees as boards show them under /proc, /sys and /etc, cut to what is read."""

from collections.abc import Mapping
from pathlib import Path

Tree = Mapping[str, str | bytes]

_CPU = "sys/devices/system/cpu"
_ZONE = "sys/class/thermal/thermal_zone"
_FP = "fp asimd evtstrm"
_V8_2 = f"{_FP} aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"


def plant(root: Path, tree: Tree) -> Path:
    """Write a tree below `root` and give `root` back."""
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def arm_cpuinfo(
    cores: int, part: str, variant: str, revision: int, features: str, implementer: str = "0x41"
) -> str:
    """/proc/cpuinfo of a 64-bit kernel on one kind of ARM core."""
    return "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\n"
        f"CPU implementer\t: {implementer}\nCPU architecture: 8\nCPU variant\t: {variant}\n"
        f"CPU part\t: {part}\nCPU revision\t: {revision}\n\n"
        for core in range(cores)
    )


def system(cores: int, memory_kb: int, kernel: str, name: str) -> Tree:
    """What every Linux has; a process of 40 MB that may use all cores."""
    topology = {
        f"{_CPU}/cpu{core}/topology/thread_siblings_list": f"{core}\n" for core in range(cores)
    }
    return {
        **topology,
        "proc/meminfo": f"MemTotal:       {memory_kb} kB\nMemFree:         1000 kB\n",
        "proc/sys/kernel/osrelease": f"{kernel}\n",
        "proc/self/status": (
            "Name:\tpython3\nVmPeak:\t  90000 kB\nVmHWM:\t  41000 kB\nVmRSS:\t  40000 kB\n"
            f"Cpus_allowed_list:\t0-{cores - 1}\n"
        ),
        "proc/self/smaps_rollup": "aaaa0000-ffff0000 ---p 00000000 00:00 0    [rollup]\n"
        "Rss:               40000 kB\nPss:               30000 kB\n",
        "proc/self/cgroup": "0::/user.slice\n",
        "etc/os-release": f'NAME="Some"\nPRETTY_NAME="{name}"\n',
    }


def clocks(policy: int, cores: str, now: int, low: int, high: int, governor: str) -> Tree:
    """One cpufreq policy, in kHz."""
    folder = f"{_CPU}/cpufreq/policy{policy}"
    return {
        f"{folder}/affected_cpus": f"{cores}\n",
        f"{folder}/scaling_cur_freq": f"{now}\n",
        f"{folder}/scaling_min_freq": f"{low}\n",
        f"{folder}/scaling_max_freq": f"{high}\n",
        f"{folder}/cpuinfo_max_freq": f"{high}\n",
        f"{folder}/scaling_governor": f"{governor}\n",
    }


def zones(millidegrees: Mapping[str, str]) -> Tree:
    """Thermal zones in this order, by type."""
    found: dict[str, str | bytes] = {}
    for number, (kind, value) in enumerate(millidegrees.items()):
        found[f"{_ZONE}{number}/type"] = f"{kind}\n"
        found[f"{_ZONE}{number}/temp"] = value
    return found


def raspberry_pi(model: str, *compatible: str) -> Tree:
    """The device tree of a Raspberry Pi."""
    return {
        "proc/device-tree/model": f"{model}\0",
        "proc/device-tree/compatible": "".join(f"{name}\0" for name in compatible),
    }


_BOOKWORM = "Debian GNU/Linux 12 (bookworm)"

PI_4: Tree = {
    **system(4, 3_884_352, "6.6.31+rpt-rpi-v8", _BOOKWORM),
    **raspberry_pi("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b", "brcm,bcm2711"),
    **clocks(0, "0 1 2 3", 1_500_000, 600_000, 1_800_000, "ondemand"),
    **zones({"cpu-thermal": "48686\n"}),
    "proc/cpuinfo": arm_cpuinfo(4, "0xd08", "0x0", 3, f"{_FP} crc32 cpuid")
    + "Revision\t: c03114\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon0/temp1_input": "48199\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
}

PI_3B_PLUS: Tree = {
    **system(4, 930_000, "6.6.31+rpt-rpi-v8", _BOOKWORM),
    **raspberry_pi(
        "Raspberry Pi 3 Model B Plus Rev 1.3", "raspberrypi,3-model-b-plus", "brcm,bcm2837"
    ),
    **clocks(0, "0 1 2 3", 1_400_000, 600_000, 1_400_000, "ondemand"),
    **zones({"cpu-thermal": "58000\n"}),
    "proc/cpuinfo": arm_cpuinfo(4, "0xd03", "0x0", 4, f"{_FP} crc32 cpuid")
    + "Revision\t: a020d3\nSerial\t\t: 00000000abcdef03\n"
    "Model\t\t: Raspberry Pi 3 Model B Plus Rev 1.3\n",
    # a file on the card, as Raspberry Pi OS makes it
    "proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    "/var/swap                               file\t\t102396\t\t2048\t\t-2\n",
    "proc/self/mountinfo": "21 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n"
    "22 21 0:5 / /dev rw,relatime shared:2 - devtmpfs udev rw\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "80000\n",
}

PI_5: Tree = {
    **system(4, 8_255_232, "6.6.51+rpt-rpi-2712", _BOOKWORM),
    **raspberry_pi("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712"),
    **clocks(0, "0 1 2 3", 2_400_000, 1_500_000, 2_400_000, "ondemand"),
    **zones({"cpu-thermal": "52350\n"}),
    "proc/cpuinfo": arm_cpuinfo(4, "0xd0b", "0x4", 1, _V8_2),
    "sys/devices/platform/soc@107c000000/uevent": "",
}

PI_ZERO_2_W: Tree = {
    **system(4, 425_984, "6.12.34+rpt-rpi-v7", "Raspbian GNU/Linux 12 (bookworm)"),
    **clocks(0, "0 1 2 3", 600_000, 600_000, 1_000_000, "powersave"),
    **zones({"cpu-thermal": "41866\n"}),
    # a 32-bit kernel in a container: no device tree, the board's name in the text
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nmodel name\t: ARMv7 Processor rev 4 (v7l)\n"
        "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt crc32\n"
        "CPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x0\n"
        "CPU part\t: 0xd03\nCPU revision\t: 4\n\n"
        for core in range(4)
    )
    + "Hardware\t: BCM2835\nRevision\t: 902120\nModel\t\t: Raspberry Pi Zero 2 W Rev 1.0\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
}

# cut to what is read; NVIDIA's file sets GPU and memory clocks as well
NVPMODEL_XAVIER_NX = """\
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_1 /sys/devices/system/cpu/cpu1/online

< POWER_MODEL ID=0 NAME=MODE_15W_2CORE >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_1 1
CPU_ONLINE CORE_2 0
CPU_DENVER_0 MIN_FREQ 1190400
CPU_DENVER_0 MAX_FREQ 1907200
GPU MAX_FREQ 1109250000

< POWER_MODEL ID=2 NAME=MODE_15W_6CORE >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_1 1
CPU_ONLINE CORE_2 1
CPU_ONLINE CORE_3 1
CPU_ONLINE CORE_4 1
CPU_ONLINE CORE_5 1
CPU_DENVER_0 MAX_FREQ 1420800
CPU_DENVER_1 MAX_FREQ 1420800
CPU_DENVER_2 MAX_FREQ 1420800
EMC MAX_FREQ 0

< PM_CONFIG DEFAULT=2 >
"""
# MAXN is the mode without limits
NVPMODEL_NANO = """\
< POWER_MODEL ID=0 NAME=MAXN >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_1 1
CPU_ONLINE CORE_2 1
CPU_ONLINE CORE_3 1
CPU_A57 MAX_FREQ -1

< POWER_MODEL ID=1 NAME=5W >
CPU_ONLINE CORE_0 1
CPU_ONLINE CORE_1 1
CPU_ONLINE CORE_2 0
CPU_ONLINE CORE_3 0
CPU_A57 MAX_FREQ 918000
"""

_IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"

JETSON_NANO: Tree = {
    **system(4, 4_059_288, "4.9.253-tegra", "Ubuntu 18.04.6 LTS"),
    **clocks(0, "0 1 2 3", 1_479_000, 102_000, 1_479_000, "schedutil"),
    # PMIC-Die is a constant
    **zones(
        {
            "AO-therm": "41500\n",
            "CPU-therm": "34000\n",
            "GPU-therm": "31000\n",
            "PLL-therm": "31500\n",
            "PMIC-Die": "100000\n",
            "thermal-fan-est": "33000\n",
        }
    ),
    "proc/device-tree/model": "NVIDIA Jetson Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,tegra210\0",
    "etc/nvpmodel.conf": NVPMODEL_NANO,
    "var/lib/nvpmodel/status": "pmode:0000 fmode:quiet\n",
    "proc/cpuinfo": arm_cpuinfo(4, "0xd07", "0x1", 1, f"{_FP} aes pmull sha1 sha2 crc32"),
    f"{_IIO}/rail_name_0": "POM_5V_IN\n",
    f"{_IIO}/in_power0_input": "3561\n",
    f"{_IIO}/rail_name_1": "POM_5V_GPU\n",
    f"{_IIO}/in_power1_input": "40\n",
    f"{_IIO}/rail_name_2": "POM_5V_CPU\n",
    f"{_IIO}/in_power2_input": "1204\n",
}

XAVIER_NX: Tree = {
    **system(6, 7_951_660, "4.9.253-tegra", "Ubuntu 18.04.6 LTS"),
    **clocks(0, "0 1 2 3 4 5", 1_190_400, 1_190_400, 1_907_200, "schedutil"),
    f"{_CPU}/cpufreq/policy0/scaling_max_freq": "1420800\n",
    **zones(
        {
            "CPU-therm": "37500\n",
            "GPU-therm": "36500\n",
            "AUX-therm": "36500\n",
            "AO-therm": "37500\n",
            "PMIC-Die": "50000\n",
            "thermal-fan-est": "37300\n",
        }
    ),
    "proc/device-tree/model": "NVIDIA Jetson Xavier NX Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3449-0000+p3668-0000\0nvidia,tegra194\0",
    "proc/cpuinfo": arm_cpuinfo(
        6, "0x004", "0x0", 0, f"{_FP} aes pmull sha1 sha2 crc32 atomics fphp asimdhp", "0x4e"
    ),
    "etc/nvpmodel.conf": NVPMODEL_XAVIER_NX,
    "var/lib/nvpmodel/status": "pmode:0002 fmode:quiet\n",
    "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0\n",
    "sys/class/thermal/cooling_device0/cur_state": "0\n",
    "sys/class/thermal/cooling_device0/max_state": "25\n",
    "sys/class/thermal/cooling_device1/type": "pwm-fan\n",
    "sys/class/thermal/cooling_device1/cur_state": "3\n",
}

_INA = "sys/class/hwmon/hwmon1"

ORIN_NANO: Tree = {
    **system(6, 7_802_508, "5.15.136-tegra", "Ubuntu 22.04.4 LTS"),
    **clocks(0, "0 1 2 3", 1_510_400, 115_200, 1_510_400, "schedutil"),
    **clocks(4, "4 5", 729_600, 115_200, 1_510_400, "schedutil"),
    # cv0 is an engine that this module lacks: its file answers EAGAIN there
    **zones(
        {
            "cpu-thermal": "49687\n",
            "gpu-thermal": "50531\n",
            "cv0-thermal": "",
            "soc0-thermal": "50000\n",
            "soc1-thermal": "50781\n",
            "tj-thermal": "50812\n",
        }
    ),
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0",
    "proc/cpuinfo": arm_cpuinfo(6, "0xd42", "0x0", 1, f"{_V8_2} uscat ilrcpc flagm paca pacg"),
    "sys/class/hwmon/hwmon0/name": "pwmfan\n",
    f"{_INA}/name": "ina3221\n",
    f"{_INA}/in1_label": "VDD_IN\n",
    f"{_INA}/in1_input": "5064\n",
    f"{_INA}/curr1_input": "960\n",
    f"{_INA}/in2_label": "VDD_CPU_GPU_CV\n",
    f"{_INA}/in2_input": "5056\n",
    f"{_INA}/curr2_input": "200\n",
    f"{_INA}/in3_label": "VDD_SOC\n",
    f"{_INA}/in3_input": "5056\n",
    f"{_INA}/curr3_input": "288\n",
    f"{_INA}/in7_label": "sum of shunt voltages\n",
    f"{_INA}/in7_input": "7\n",
    f"{_INA}/curr4_input": "1448\n",
}

_RAPL = "sys/class/powercap/intel-rapl:"

LAPTOP: Tree = {
    **system(4, 16_000_000, "6.8.0-45-generic", "Ubuntu 24.04.1 LTS"),
    **clocks(0, "0", 3_400_000, 400_000, 4_200_000, "powersave"),
    **clocks(1, "1", 800_000, 400_000, 4_200_000, "powersave"),
    f"{_CPU}/cpufreq/policy0/scaling_driver": "intel_pstate\n",
    f"{_CPU}/cpufreq/policy1/scaling_driver": "intel_pstate\n",
    **zones({"acpitz": "27800\n", "x86_pkg_temp": "61000\n", "iwlwifi_1": "70000\n"}),
    # two threads a core
    f"{_CPU}/cpu0/topology/thread_siblings_list": "0,2\n",
    f"{_CPU}/cpu1/topology/thread_siblings_list": "1,3\n",
    f"{_CPU}/cpu2/topology/thread_siblings_list": "0,2\n",
    f"{_CPU}/cpu3/topology/thread_siblings_list": "1,3\n",
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nvendor_id\t: GenuineIntel\n"
        "model name\t: 11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz\n"
        "flags\t\t: fpu lm sse sse2 ssse3 fma sse4_1 avx f16c avx2 avx512f avx512bw avx512_vnni\n\n"
        for core in range(4)
    ),
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
    "sys/class/dmi/id/product_name": "20XW004LGE\n",
    f"{_RAPL}0/name": "package-0\n",
    f"{_RAPL}0/energy_uj": "1000000\n",
    f"{_RAPL}0/max_energy_range_uj": "262143328850\n",
    f"{_RAPL}0:0/name": "core\n",
    f"{_RAPL}0:0/energy_uj": "400000\n",
    f"{_RAPL}0:0/max_energy_range_uj": "262143328850\n",
    f"{_RAPL}0:2/name": "dram\n",
    f"{_RAPL}0:2/energy_uj": "200000\n",
    f"{_RAPL}0:2/max_energy_range_uj": "65712999613\n",
    f"{_RAPL}1/name": "psys\n",
    f"{_RAPL}1/energy_uj": "9000000\n",
    f"{_RAPL}1/max_energy_range_uj": "262143328850\n",
    "sys/class/powercap/intel-rapl-mmio:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl-mmio:0/energy_uj": "1000000\n",
    "sys/class/powercap/intel-rapl-mmio:0/max_energy_range_uj": "262143328850\n",
}

CONTAINER: Tree = {
    **system(8, 32_000_000, "6.1.0-18-amd64", "Alpine Linux v3.20"),
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nmodel name\t: AMD EPYC\nflags\t\t: fpu lm sse2 avx2 hypervisor\n\n"
        for core in range(8)
    ),
    "proc/self/cgroup": "0::/\n",
    "sys/fs/cgroup/memory.max": "536870912\n",
    "sys/fs/cgroup/cpu.max": "150000 100000\n",
}

BOARDS: dict[str, Tree] = {
    "pi-3b-plus": PI_3B_PLUS,
    "pi-4": PI_4,
    "pi-5": PI_5,
    "pi-zero-2-w": PI_ZERO_2_W,
    "jetson-nano": JETSON_NANO,
    "xavier-nx": XAVIER_NX,
    "orin-nano": ORIN_NANO,
    "laptop": LAPTOP,
    "container": CONTAINER,
}

PMIC_ANSWER = """\
     3V7_WL_SW_A current(0)=0.10000000A
      VDD_CORE_A current(7)=2.00000000A
     3V7_WL_SW_V volt(8)=3.70000000V
      VDD_CORE_V volt(15)=0.80000000V
         EXT5V_V volt(24)=5.12000000V
          BATT_V volt(25)=0.00512820V
"""


class FakeVcgencmd:
    """Answers as a firmware would and keeps what it was asked."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, command: str) -> str | None:
        self.asked.append(command)
        return self.answers.get(command)


class FakeClock:
    """Seconds that pass when told to."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
