"""Which folder is which package: folders have short names, packages names that clash with nobody's."""

from setuptools import find_packages, setup

ROOMS = {
    "edge": "edge",
    "edge_benchmarks": "benchmarks",
    "edge_common": "common",
    "edge_convert": "convert",
    "edge_devices": "devices",
    "edge_fleet": "fleet",
    "edge_models": "models",
}


def packages_of(room: str, folder: str) -> list[str]:
    return [room, *(f"{room}.{package}" for package in find_packages(folder))]


setup(
    package_dir=ROOMS,
    packages=[package for room in ROOMS.items() for package in packages_of(*room)],
)
