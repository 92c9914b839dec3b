"""Checks of the programs: user land, Python, and the runtime that networks need."""

from edge_devices.detection import cpuinfo
from edge_devices.detection.kernel_files import whole_number
from edge_devices.doctor.finding import Finding, ok, problem, warning
from edge_devices.doctor.host import Patient

_RUNTIMES = ("ai-edge-litert", "tflite-runtime", "tensorflow")
# by architecture: the runtime and the Pythons that it has wheels for, as on PyPI
_WHEELS = {
    "aarch64": ("ai-edge-litert", (3, 10), (3, 14)),
    "x86_64": ("ai-edge-litert", (3, 10), (3, 14)),
    "armv7l": ("tflite-runtime", (3, 9), (3, 11)),
}
_OLDER_NUMPY = "pip install 'numpy<2'"
_32_BIT = ("armv6l", "armv7l", "i686")


def user_land(patient: Patient) -> Finding | None:
    """Whether a 32-bit system holds a 64-bit processor back."""
    if not patient.blocks:
        return None
    if patient.architecture in _32_BIT and cpuinfo.is_64_bit(patient.blocks):
        return warning(
            f"32-bit ({patient.architecture}) on a 64-bit processor: LiteRT has no 32-bit wheels, "
            "and tflite-runtime's int8 is slower",
            "install a 64-bit system, such as Raspberry Pi OS (64-bit)",
        )
    return ok(patient.architecture)


def runtime(patient: Patient) -> Finding | None:
    """Whether a TFLite runtime is installed, or could be."""
    here = patient.surroundings
    if here is None:
        return None
    found = [f"{name} {here.version(name)}" for name in _RUNTIMES if here.version(name)]
    if found:
        return ok(", ".join(found))
    wheels = _WHEELS.get(patient.architecture)
    if wheels is None:
        return problem(
            f"no TFLite runtime is installed, and none has wheels for {patient.architecture}",
            "use a 64-bit ARM or x86 system",
        )
    name, oldest, newest = wheels
    span = f"{_version(oldest)} to {_version(newest)}"
    if oldest <= _minor(here.python) <= newest:
        pins = " 'numpy<2'" if name == "tflite-runtime" else ""
        return problem("no TFLite runtime is installed", "install one", f"pip install {name}{pins}")
    return problem(
        f"no TFLite runtime is installed, and {name} has no wheels for Python {here.python}",
        f"make an environment with Python {span}",
        f"uv venv --python {_version(newest)}",
    )


def numpy(patient: Patient) -> Finding | None:
    """Whether tflite-runtime, built for numpy 1, meets numpy 2."""
    here = patient.surroundings
    version = here.version("numpy") if here else None
    if here is None or version is None:
        return None
    if not here.version("tflite-runtime") or _minor(version) < (2, 0):
        return ok(version)
    what = f"{version} with tflite-runtime, which fails at the first network"
    if here.version("ai-edge-litert"):
        return warning(what, "use --runtime litert, or an older numpy", _OLDER_NUMPY)
    return problem(what, "install numpy 1, for which tflite-runtime was built", _OLDER_NUMPY)


def _minor(version: str) -> tuple[int, int]:
    """(3, 11) of 3.11.2; zeros for what is no number."""
    numbers = [whole_number(part, least=0) or 0 for part in version.split(".")[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _version(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
