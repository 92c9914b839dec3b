"""Delegates that come as a shared library and are known by a name."""

import sysconfig
from dataclasses import dataclass

EMULATED = "emulated"


@dataclass(frozen=True)
class KnownLibrary:
    """file: as the loader knows it; empty: built on first use.  install: how to get it."""

    file: str
    install: str


LIBRARIES = {
    "edgetpu": KnownLibrary(
        "libedgetpu.so.1", "install libedgetpu1-std from Coral's package repository"
    ),
    "gpu": KnownLibrary(
        "libtensorflowlite_gpu_delegate.so",
        "build it from TensorFlow's sources, //tensorflow/lite/delegates/gpu",
    ),
    "armnn": KnownLibrary(
        "libarmnnDelegate.so", "unpack a release of Arm NN and name its folder in LD_LIBRARY_PATH"
    ),
    EMULATED: KnownLibrary("", "apt-get install gcc"),
}

# where boards keep libraries that the loader's cache may not know yet; {} is the multiarch name
_FOLDERS = ("/usr/local/lib", "/usr/local/lib/{}", "/usr/lib/{}", "/usr/lib", "/opt/armnn/lib")


def folders() -> list[str]:
    """The folders to look into on this machine, where the loader finds nothing."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    return [folder.format(multiarch) for folder in _FOLDERS if multiarch or "{}" not in folder]
