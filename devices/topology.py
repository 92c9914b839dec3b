"""How many cores and how much memory there are, and which of the cores a process may use."""

from pathlib import Path

from devices.files import children, read_field, read_kilobytes, read_text, whole_number


def memory_bytes(root: Path = Path("/")) -> int | None:
    """All memory that the kernel manages (proc_meminfo (5)); None: not told."""
    return read_kilobytes(root / "proc/meminfo", "MemTotal")


def physical_cores(root: Path = Path("/")) -> int | None:
    """Cores on line, hardware threads of one counted once; None: not told."""
    cores = children(root / "sys/devices/system/cpu", "cpu")
    siblings = {read_text(core / "topology/thread_siblings_list") for core in cores} - {None}
    return len(siblings) or None


def allowed_cores(root: Path = Path("/")) -> int | None:
    """How many logical cores the scheduler may put this process on: `0-3,6` is five."""
    allowed = read_field(root / "proc/self/status", "Cpus_allowed_list")
    return sum(map(_length, allowed.split(","))) or None if allowed else None


def _length(numbers: str) -> int:
    """How many numbers a range such as `0-3` or `6` holds; 0 if it is none."""
    low, _, high = numbers.partition("-")
    first, last = whole_number(low, least=0), whole_number(high or low, least=0)
    return max(0, last - first + 1) if first is not None and last is not None else 0
