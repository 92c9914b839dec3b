"""Small real things, built once a session and shared by all tests."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "TF_NUM_INTRAOP_THREADS", "1"
)  # networks are tiny, and each worker has a core
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of a thousand children would compile anew

import cv2
import hypothesis
import numpy as np
import pytest
from click.testing import CliRunner

from edge import emulated
from edge.bundle import Bundle, open_bundle
from edge_common import cache_folder
from edge_common.console import warn_once
from edge_common.errors import DeviceError
from edge_devices.emulated_delegate.build import build
from tests import forks, streaming, tiny
from tests.edge.stream import side_inputs
from tests.wheels import build_wheel

BuiltOnce = Callable[[str, Callable[[Path], object]], Path]


_SHARED_CACHES = ("edge-run/arm", "edge-run/delegates", "matplotlib", "pip")  # minutes to make


hypothesis.settings.register_profile("default", deadline=None)  # a machine may be busy


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a cache of its own: what a test tried leaves no mark in its user's."""
    sys.dont_write_bytecode = False  # nor need each worker compile all tests, nor the next run
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # it has that of the run
    own, users = Path(tempfile.mkdtemp(prefix="edge-tests-")), cache_folder().parent
    for name in _SHARED_CACHES:
        (users / name).mkdir(parents=True, exist_ok=True)
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).symlink_to(users / name)
    os.environ["XDG_CACHE_HOME"] = str(own)
    config.add_cleanup(lambda: shutil.rmtree(own))


@pytest.fixture
def cli() -> CliRunner:
    return CliRunner()


@pytest.fixture(autouse=True)
def nothing_announced_yet() -> None:
    """What one test announced is new to the next."""
    warn_once.cache_clear()


@pytest.fixture
def unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulated board leaves to a process what edge-run would find: a test's is far larger."""
    monkeypatch.setattr(emulated, "confined", lambda limits: nullcontext())


@pytest.fixture(scope="session", autouse=True)
def forked_conversions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forks.Forks]:
    """Children of edge-convert need not import tensorflow each."""
    server = forks.install(tmp_path_factory.mktemp("forks"))
    yield server
    server.close()


@pytest.fixture
def tmpfs(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 512 KB, or of the size that is the parameter."""
    size = getattr(request, "param", "512k")
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltOnce:
    """Gives a folder, and fills it first if no worker of this session has done so yet.

    `$TESTS_BUILT_IN` is a folder that several sessions share.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    shared = Path(os.environ.get("TESTS_BUILT_IN", shared))

    def folder_of(name: str, build: Callable[[Path], object]) -> Path:
        folder, whole = shared / name, shared / f"{name}.whole"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                folder.mkdir(exist_ok=True)
                build(folder)
                whole.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def emulated_delegate(built_once: BuiltOnce) -> Path:
    """The emulated delegate's library, built with the system's compiler."""
    try:
        folder = built_once("delegate", build)
    except DeviceError as error:
        pytest.skip(str(error))
    return next(folder.glob("*.so"))


@pytest.fixture(scope="session")
def wheel(built_once: BuiltOnce) -> Path:
    """The wheel of these sources."""
    return next(built_once("wheel", build_wheel).glob("edge_run-*.whl"))


@pytest.fixture(scope="session")
def tiny_clips_path(session_folder: Path) -> Path:
    """24 clips of 4 frames 32 x 32 with labels for both tasks of the tiny model."""
    path = session_folder / "tiny-clips.npz"
    np.savez_compressed(path, **tiny.labelled_clips(24))
    return path


@pytest.fixture(scope="session")
def streaming_files(built_once: BuiltOnce) -> Path:
    """A folder with `float32.tflite` and `int8.tflite` that carry states, as MoViNet's stream."""
    return built_once("streaming", streaming.write_files)


@pytest.fixture(scope="session")
def tiny_model_path(built_once: BuiltOnce) -> Path:
    """A `.keras` file: (4, 32, 32, 3) -> `kind` (3 classes) and `size` (a number)."""
    folder = built_once("model", lambda folder: tiny.window_model().save(folder / "tiny.keras"))
    return folder / "tiny.keras"


@pytest.fixture(scope="session")
def tiny_bundle_path(built_once: BuiltOnce, tiny_model_path: Path, tiny_clips_path: Path) -> Path:
    """The tiny model as edge-convert makes it of the tiny clips, in the usual precisions."""

    def convert(folder: Path) -> None:
        from edge_convert.pipeline import Conversion
        from edge_convert.request import ConversionRequest

        request = ConversionRequest(
            tiny_model_path,
            folder / "tiny.edge",
            tiny_clips_path,
            validation=tiny_clips_path,
            encoder_precision="int8",
            head_precision="dynamic_range",
            gate=False,
        )
        Conversion(request).run()

    return built_once("bundle", convert) / "tiny.edge"


@pytest.fixture(scope="session")
def tiny_float_parts(built_once: BuiltOnce, tiny_model_path: Path) -> dict[str, bytes]:
    """The tiny model's encoder and head as float32 .tflite."""

    def divide(folder: Path) -> None:
        from edge_convert.cut.tflite.split import CuttableFile
        from edge_convert.sources.keras_file import load_model, network_file

        network = network_file("tiny", load_model(tiny_model_path))
        file = CuttableFile(network.model, network.original.layers)
        parts = file.split(file.choose("pooled"))
        (folder / "encoder.tflite").write_bytes(parts.encoder)
        (folder / "head.tflite").write_bytes(parts.head)

    folder = built_once("float-parts", divide)
    return {role: (folder / f"{role}.tflite").read_bytes() for role in ("encoder", "head")}


@pytest.fixture(scope="session")
def tiny_bundle(tiny_bundle_path: Path) -> Bundle:
    return open_bundle(tiny_bundle_path)


@pytest.fixture(scope="session")
def speed_bundle_path(built_once: BuiltOnce) -> Path:
    """A bundle that takes a `speed` of two numbers beside its frames."""
    return built_once("speed", side_inputs.write_bundle) / "net.edge"


@pytest.fixture(scope="session")
def video_path(session_folder: Path) -> Path:
    """30 frames 64 x 48 at 10 Hz, no two alike."""
    path = session_folder / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for frame in tiny.frames(30, 48, 64):
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Ten pictures whose names sort as numbers, not as text."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, frame in enumerate(tiny.frames(10, 48, 64)):
        cv2.imwrite(str(folder / f"frame_{number}.png"), frame)
    return folder
