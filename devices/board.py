"""Which board a folder tree belongs to and which system runs on it."""

import shlex
from pathlib import Path

from devices.files import read_bytes, read_text

_DEVICE_TREES = (Path("proc/device-tree"), Path("sys/firmware/devicetree/base"))
_DMI = Path("sys/class/dmi/id")
_OS_RELEASES = (Path("etc/os-release"), Path("usr/lib/os-release"))
# what makers of x86 boards leave in the table when they fill in nothing
_PLACEHOLDERS = ("to be filled by o.e.m.", "system product name", "default string", "none")


def device_tree_model(root: Path = Path("/")) -> str | None:
    """The `model` of the device tree: `Raspberry Pi 5 Model B Rev 1.0`."""
    return next(filter(None, (read_text(root / tree / "model") for tree in _DEVICE_TREES)), None)


def compatible(root: Path = Path("/")) -> tuple[str, ...]:
    """The device tree's `compatible` names, the board before its chip.

    `("raspberrypi,5-model-b", "brcm,bcm2712")` (Devicetree Specification, 2.3.1).
    """
    content = next(
        filter(None, (read_bytes(root / tree / "compatible") for tree in _DEVICE_TREES)), b""
    )
    return tuple(name for name in content.decode(errors="replace").split("\0") if name)


def dmi_product(root: Path = Path("/")) -> str | None:
    """Maker and product of an x86 machine, from its SMBIOS tables."""
    product = read_text(root / _DMI / "product_name")
    if product is None or product.lower() in _PLACEHOLDERS:
        return None
    vendor = read_text(root / _DMI / "sys_vendor") or ""
    return product if vendor.lower() in _PLACEHOLDERS else f"{vendor} {product}".strip()


def os_name(root: Path = Path("/")) -> str | None:
    """`PRETTY_NAME` of os-release (5): `Debian GNU/Linux 12 (bookworm)`."""
    for path in _OS_RELEASES:
        for line in (read_text(root / path) or "").splitlines():
            if line.startswith("PRETTY_NAME="):
                return _unquoted(line.split("=", 1)[1])
    return None


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip("\"'")
