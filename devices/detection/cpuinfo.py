"""What /proc/cpuinfo says of the processor, on x86 and on ARM."""

import functools
import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import TypedDict

from edge_devices.detection.kernel_files import read_text


class Implementer(TypedDict):
    """vendor: who designed the core.  parts: core name by part number, such as `0xd08`."""

    vendor: str
    parts: dict[str, str]


@functools.cache
def implementers() -> dict[str, Implementer]:
    """The shipped table, by implementer number such as `0x41`."""
    text = resources.files("edge_devices").joinpath("data", "arm_cores.json").read_text("utf-8")
    table: dict[str, Implementer] = json.loads(text)
    return table


def core_name(implementer: str, part: str, variant: str = "0x0", revision: str = "0") -> str:
    """Name a core from the four fields of /proc/cpuinfo: `ARM Cortex-A72 (r0p3)`.

    Numbers that the table does not hold, or that are none, are named as they stand.
    """
    maker = implementers().get(_hex(implementer, 2))
    name = maker["parts"].get(_hex(part, 3)) if maker else None
    vendor = maker["vendor"] if maker else f"implementer {implementer}"
    return f"{vendor} {name or f'part {part}'}{_release(variant, revision)}"


def _hex(number: str, digits: int) -> str:
    try:
        return f"{int(number, 16):#0{digits + 2}x}"
    except ValueError:
        return number


def _release(variant: str, revision: str) -> str:
    """Arm's rNpM: major revision (variant field) and patch (revision field)."""
    try:
        return f" (r{int(variant, 16)}p{int(revision)})"
    except ValueError:
        return ""


# what integer and float kernels of neural networks choose between
SIMD_FEATURES = (
    *("neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2"),
    *("ssse3", "sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8"),
    *("avx512f", "avx512bw", "avx512vbmi", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
)

Block = dict[str, str]


def read_blocks(root: Path = Path("/")) -> tuple[Block, ...]:
    """The paragraphs of /proc/cpuinfo: one a logical core, and on a board one about itself."""
    text = read_text(root / "proc/cpuinfo") or ""
    blocks = (_fields(paragraph) for paragraph in text.split("\n\n"))
    return tuple(block for block in blocks if block)


def _fields(paragraph: str) -> Block:
    lines = (line.split(":", 1) for line in paragraph.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in lines}


def logical_cores(blocks: tuple[Block, ...]) -> int:
    """How many logical cores are on line; 0 if the text does not say."""
    return sum("processor" in block for block in blocks)


def cpu_name(blocks: tuple[Block, ...]) -> str | None:
    """`AMD EPYC`, `ARM Cortex-A72 (r0p3)`, or each kind of core with its count."""
    cores = Counter(_arm_core(block) for block in blocks if "CPU part" in block)
    if len(cores) > 1:
        return " + ".join(f"{count} x {name}" for name, count in cores.items())
    return next(iter(cores), None) or _first(blocks, "model name")


def _arm_core(block: Block) -> str:
    if "CPU implementer" not in block:
        return f"CPU part {block['CPU part']}"
    return core_name(
        block["CPU implementer"],
        block["CPU part"],
        block.get("CPU variant", ""),
        block.get("CPU revision", ""),
    )


def board_name(blocks: tuple[Block, ...]) -> str | None:
    """The board as a Raspberry Pi's kernel adds it at the end of the text."""
    return _first(blocks, "Model")


def simd_features(blocks: tuple[Block, ...]) -> tuple[str, ...]:
    """Those of SIMD_FEATURES that the processor has, in that order."""
    flags = _flags(blocks)
    return tuple(feature for feature in SIMD_FEATURES if feature in flags)


def core_parts(blocks: tuple[Block, ...]) -> tuple[str, ...]:
    """`implementer:part` of each ARM core on line, `0x41:0xd08`; empty on x86."""
    return tuple(
        f"{block['CPU implementer'].lower()}:{block['CPU part'].lower()}"
        for block in blocks
        if block.get("CPU implementer") and block.get("CPU part")
    )


def architecture(blocks: tuple[Block, ...]) -> str | None:
    """What the kernel tells its processes: `x86_64`, `aarch64` or `armv7l`; None: neither."""
    if _first(blocks, "flags"):
        return "x86_64" if "lm" in _flags(blocks) else "i686"
    if _first(blocks, "Features"):
        return "aarch64" if "asimd" in _flags(blocks) else "armv7l"
    return None


def is_64_bit(blocks: tuple[Block, ...]) -> bool:
    """Whether the cores could run a 64-bit system, whatever the kernel that describes them.

    Of Arm's own cores those numbered 0xd00 and above are ARMv8; a Cortex-A32 (0xd01) has no
    64-bit state.
    """
    if "lm" in _flags(blocks) or "asimd" in _flags(blocks):
        return True
    parts = core_parts(blocks)
    return bool(parts) and all("0x41:0xd02" <= part < "0x41:0xe" for part in parts)


def in_virtual_machine(blocks: tuple[Block, ...]) -> bool | None:
    """Whether x86's CPUID says that a hypervisor runs below the kernel; None: ARM has no such bit."""
    return "hypervisor" in _flags(blocks) if _first(blocks, "flags") else None


def _flags(blocks: tuple[Block, ...]) -> set[str]:
    return set((_first(blocks, "flags") or _first(blocks, "Features") or "").split())


def _first(blocks: tuple[Block, ...], field: str) -> str | None:
    return next((block[field] for block in blocks if block.get(field)), None)
