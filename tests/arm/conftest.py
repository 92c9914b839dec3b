"""Emulated boards with our wheel in them. Not part of `make test`: `make test-arm` runs these."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.shipped import BENCHMARK_BUNDLE, find_bundle
from edge_devices.emulation.cache import Say
from edge_devices.emulation.guest import emulated_board
from edge_devices.profiles.catalogue import profile_named
from tests.arm.installed import Installed, install, or_skip

BOARDS = os.environ.get("BOARDS", "pi-3b-plus pi-4 pi-5 jetson-nano").split()


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.arm)


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Building takes half a minute: what it does is shown while pytest waits."""
    plugins = request.config.pluginmanager
    capture, reporter = map(plugins.get_plugin, ("capturemanager", "terminalreporter"))

    def tell(step: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"{step} ...")

    return tell


@pytest.fixture(scope="session")
def our_site(wheel: Path, say: Say, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our wheel with its dependencies checked by the pip of the first of the boards."""
    first = or_skip(lambda: emulated_board(profile_named(BOARDS[0]), say))
    return install(first, wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture(scope="session", params=BOARDS)
def board(request: pytest.FixtureRequest, our_site: Path, bytecode: Path, say: Say) -> Installed:
    profile = profile_named(request.param)
    return Installed(or_skip(lambda: emulated_board(profile, say)), our_site, bytecode)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped golden frames and some of them backwards, as 24 pictures of a camera's size."""
    folder = tmp_path_factory.mktemp("film")
    frames = open_bundle(BENCHMARK_BUNDLE).golden["frames"]
    for number, rgb in enumerate(np.concatenate([frames, frames[:-7:-1]])):
        large = cv2.resize(rgb[..., ::-1], (640, 480), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number:03d}.png"), large)
    return folder


@pytest.fixture(scope="session")
def bundles(
    tiny_model_path: Path, tiny_clips_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The shipped network, and the tiny one with both parts in int8 and in float32."""
    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest

    folder = tmp_path_factory.mktemp("bundles")
    found = {"shipped": find_bundle(BENCHMARK_BUNDLE)}
    for precision in ("int8", "float32"):
        found[precision] = folder / f"{precision}.edge"
        request = ConversionRequest(
            tiny_model_path,
            found[precision],
            tiny_clips_path,
            encoder_precision=precision,
            head_precision=precision,
        )
        Conversion(request).run()
    return found
