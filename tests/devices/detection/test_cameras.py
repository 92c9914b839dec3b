"""Cameras by recorded listings and by a driver's answers, byte for byte; no camera is here."""

import errno
import json
import os
import struct
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_devices.cli import main
from edge_devices.detection import cameras
from edge_devices.detection.cameras import CameraList, CameraMode, ConnectedCamera, parse_csi
from edge_devices.doctor import Host, Status, examine
from edge_devices.doctor.cameras import modes_text, obstacles, run_command
from edge_devices.doctor.environment import RECORDED, Environment
from tests.devices.trees import PI_4, plant

# as rpicam-apps 1.5 and later print it
_NEW = """\
Available cameras
-----------------
0 : imx708_wide [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
           'SRGGB12_CSI2P' : 4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : ov5647 [2592x1944 10-bit GBRG] (/base/axi/pcie@120000/rp1/i2c@80000/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [nan fps - (16, 0)/2560x1920 crop]

2 : UVC Camera (046d:0825) (/base/axi/pcie@120000/rp1/usb@200000-1:1.0-046d:0825)
"""
# libcamera-apps of 2022, and of 2021, which list on standard error
_OLD = """\
Available cameras
-----------------
0 : imx477 [4056x3040] (/base/soc/i2c0mux/i2c@1/imx477@1a)
    Modes: 'SRGGB10_CSI2P' : 1332x990 (120.00 fps)
           'SRGGB12_CSI2P' : 2028x1080 (50.00 fps), 4056x3040 (10.00 fps)
"""
_OLDEST = """\
0 : imx477 [4056x3040] (/base/soc/i2c0mux/i2c@1/imx477@1a)
    Modes: 'SRGGB10_CSI2P' : 1332x990 
           'SRGGB12_CSI2P' : 2028x1080 2028x1520 
"""  # noqa: W291


def test_csi_cameras_of_today() -> None:
    assert parse_csi(_NEW) == (
        ConnectedCamera(
            "csi:0",
            "imx708_wide",
            (
                CameraMode("SRGGB10_CSI2P", 1536, 864, (120.13,)),
                CameraMode("SRGGB10_CSI2P", 2304, 1296, (56.03,)),
                CameraMode("SRGGB12_CSI2P", 4608, 2592, (14.35,)),
            ),
        ),
        ConnectedCamera("csi:1", "ov5647", (CameraMode("SGBRG10_CSI2P", 640, 480),)),
    )


def test_csi_cameras_as_older_programs_list_them() -> None:
    modes = [(m.format, m.width, m.height, m.rates_hz) for m in parse_csi(_OLD)[0].modes]
    assert modes == [
        ("SRGGB10_CSI2P", 1332, 990, (120.0,)),
        ("SRGGB12_CSI2P", 2028, 1080, (50.0,)),
        ("SRGGB12_CSI2P", 4056, 3040, (10.0,)),
    ]
    sizes = [(mode.width, mode.height) for mode in parse_csi(_OLDEST)[0].modes]
    assert sizes == [(1332, 990), (2028, 1080), (2028, 1520)]


@pytest.mark.parametrize("text", ["", "No cameras available!\n", "ERROR: *** no ***\n"])
def test_no_csi_cameras(text: str) -> None:
    assert parse_csi(text) == ()


def test_the_lister_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stub(
        tmp_path / "libcamera-hello", f"[ \"$1\" = --list-cameras ] && cat <<'END' >&2\n{_OLD}END"
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    listing = cameras.read_cameras(tmp_path)
    assert listing.lister == "libcamera-hello"
    assert [camera.name for camera in listing.cameras] == ["imx477"]


def _stub(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class _Driver:
    """Answers of a driver, by the ioctl's number and the question's first bytes."""

    def __init__(self, nodes: dict[str, tuple[str, str, int]]) -> None:
        self._nodes = nodes

    def __call__(self, device: int, number: int, buffer: bytearray) -> int:
        driver, card, can = self._nodes[os.path.basename(os.readlink(f"/proc/self/fd/{device}"))]
        if number == 0x80685600:  # VIDIOC_QUERYCAP
            texts = (driver.encode(), card.encode(), b"usb-0000:00:14.0-1")
            buffer[:] = struct.pack("16s32s32sIII12x", *texts, 0x060C00, can | 0x84A00001, can)
            return 0
        answer = self._answer(number, bytes(buffer))
        if answer is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        assert len(answer) == len(buffer)
        buffer[:] = answer
        return 0

    def _answer(self, number: int, question: bytes) -> bytes | None:
        index = struct.unpack_from("I", question)[0]
        if number == 0xC0405602:  # VIDIOC_ENUM_FMT
            letters = (b"MJPG", b"YUYV")[index : index + 1]
            return struct.pack("3I32s4sI12x", index, 1, 0, b"", *letters, 0) if letters else None
        layout = question[4:8]
        if number == 0xC02C564A:  # VIDIOC_ENUM_FRAMESIZES
            if layout == b"YUYV":  # a range
                numbers = (32, 1280, 2, 32, 720, 2)
                return struct.pack("I4sI6I8x", 0, layout, 3, *numbers) if index == 0 else None
            sizes = ((1920, 1080), (640, 480))[index : index + 1]
            return struct.pack("I4sI6I8x", index, layout, 1, *sizes[0], *[0] * 4) if sizes else None
        assert number == 0xC034564B  # VIDIOC_ENUM_FRAMEINTERVALS
        width, height = struct.unpack_from("II", question, 8)
        if layout == b"YUYV":  # a range, shortest first
            numbers = (1, 10, 1, 5, 1, 100)
            return (
                struct.pack("I4sIII6I8x", 0, layout, width, height, 3, *numbers)
                if not index
                else None
            )
        times = ((1, 15), (1001, 30000))[index : index + 1]
        if not times:
            return None
        return struct.pack("I4sIII6I8x", index, layout, width, height, 1, *times[0], *[0] * 4)


_CAPTURE, _META, _M2M, _OUTPUT = 0x04200001, 0x04A00000, 0x04208000, 0x04200002


def _plant_nodes(root: Path, names: list[str]) -> Path:
    return plant(root, {f"dev/{name}": "" for name in names})


def test_v4l_cameras(tmp_path: Path) -> None:
    nodes = {
        "video0": ("uvcvideo", "HD Webcam: HD Webcam", _CAPTURE),
        "video1": ("uvcvideo", "HD Webcam: HD Webcam", _META),
        "video2": ("unicam", "unicam", _CAPTURE),
        "video10": ("bcm2835-codec", "bcm2835-codec-decode", _M2M),
        "video13": ("bcm2835-isp", "bcm2835-isp", _OUTPUT),
        "video14": ("bcm2835-isp", "bcm2835-isp", _CAPTURE),
        "video19": ("rpivid", "rpivid", 0x04204000),
    }
    root = _plant_nodes(tmp_path, list(nodes))
    (root / "dev/v4l/by-id").mkdir(parents=True)
    (root / "dev/v4l/by-id/usb-HD_Webcam_0001-video-index0").symlink_to("../../video0")
    assert list(cameras.v4l_cameras(root, _Driver(nodes))) == [
        ConnectedCamera(
            "/dev/video0",
            "HD Webcam: HD Webcam",
            (
                CameraMode("MJPG", 1920, 1080, (30000 / 1001, 15.0)),
                CameraMode("MJPG", 640, 480, (30000 / 1001, 15.0)),
                CameraMode("YUYV", 640, 480, (10.0,)),
                CameraMode("YUYV", 1280, 720, (10.0,)),
            ),
            "/dev/v4l/by-id/usb-HD_Webcam_0001-video-index0",
        )
    ]


def test_jetson_s_csi_cameras_are_numbered_as_its_elements_do(tmp_path: Path) -> None:
    nodes = {
        "video0": ("uvcvideo", "Webcam", _CAPTURE),
        "video2": ("tegra-video", "vi-output, imx219 9-0010", _CAPTURE),
        "video10": ("tegra-video", "vi-output, imx219 10-0010", _CAPTURE),
    }
    listed = cameras.v4l_cameras(_plant_nodes(tmp_path, list(nodes)), _Driver(nodes))
    assert [(camera.address, camera.name) for camera in listed] == [
        ("/dev/video0", "Webcam"),
        ("csi:0", "vi-output, imx219 9-0010"),
        ("csi:1", "vi-output, imx219 10-0010"),
    ]


def test_a_camera_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"video0": ("0", "HD Webcam"), "video1": ("1", "HD Webcam"), "video9": ("0", "rpivid")}
    root = _plant_nodes(tmp_path, list(names))
    for node, (index, name) in names.items():
        folder = f"sys/class/video4linux/{node}"
        plant(root, {f"{folder}/index": f"{index}\n", f"{folder}/name": f"{name}\n"})
    opened = os.open

    def refuse(path: Path, *more: int) -> int:  # root may open all
        if "/dev/" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *more)

    monkeypatch.setattr(os, "open", refuse)
    assert list(cameras.v4l_cameras(root, _Driver({}))) == [
        ConnectedCamera("/dev/video0", "HD Webcam", usable=False)
    ]


def test_a_driver_without_an_end_is_left(tmp_path: Path) -> None:
    def endless(device: int, number: int, buffer: bytearray) -> int:
        if number == 0x80685600:
            texts = (b"own", b"own", b"")
            buffer[:] = struct.pack("16s32s32sIII12x", *texts, 0, _CAPTURE, _CAPTURE)
        return 0

    root = _plant_nodes(tmp_path, ["video0"])
    assert list(cameras.v4l_cameras(root, endless)) == []


def test_a_device_that_is_none(tmp_path: Path) -> None:
    assert list(cameras.v4l_cameras(_plant_nodes(tmp_path, ["video0"]))) == []  # a plain file


def _host(root: Path, listing: CameraList | None) -> Host:
    record = json.dumps(asdict(Environment("3.11.2", camera_list=listing)))
    return Host(plant(root, {**PI_4, RECORDED: record}))


_WEBCAM = ConnectedCamera("/dev/video0", "HD Webcam", (CameraMode("MJPG", 640, 480, (30.0,)),))


def test_what_is_missing(tmp_path: Path) -> None:
    findings = list(obstacles(_host(tmp_path / "1", CameraList())))
    assert [finding.command for finding in findings] == ["sudo apt install rpicam-apps", ""]
    assert findings[1].what == "no camera is connected"
    locked = CameraList(
        (ConnectedCamera("/dev/video0", "HD Webcam", usable=False),), "rpicam-hello"
    )
    rights, cable = obstacles(_host(tmp_path / "2", locked))
    assert rights.status is Status.PROBLEM and rights.command == 'sudo usermod -aG video "$USER"'
    assert cable.what == "rpicam-hello knows of no camera on a CSI port"
    assert list(obstacles(_host(tmp_path / "3", None))) == []


@pytest.mark.parametrize(
    ("camera", "advice", "command"),
    [
        (
            _WEBCAM,
            "A USB camera with --size 640x480 --fourcc MJPG.",
            "--size 640x480 --fourcc MJPG",
        ),
        (_WEBCAM, "so (--size 640x480 --fps 15).", "--size 640x480 --fps 15"),
        (_WEBCAM, "--size 1280x720 --fourcc YUYV", ""),  # which it has not
        (parse_csi(_NEW)[0], "--size 640x480 --fourcc MJPG", "--size 640x480"),
    ],
)
def test_advice_is_an_option(camera: ConnectedCamera, advice: str, command: str) -> None:
    assert run_command(camera, advice) == f"edge-run --camera {camera.address} {command}".strip()


def test_the_doctor_says_how_to_run(tmp_path: Path) -> None:
    host = _host(tmp_path, CameraList((_WEBCAM,), "rpicam-hello"))
    finding = examine(host)["cameras"]
    assert finding.status is Status.OK and finding.what == "/dev/video0 (HD Webcam)"
    assert finding.command == "edge-run --camera /dev/video0 --size 640x480 --fourcc MJPG"


def test_the_command(tmp_path: Path) -> None:
    _host(tmp_path, CameraList((*parse_csi(_NEW), _WEBCAM), "rpicam-hello"))
    done = CliRunner().invoke(main, ["cameras", "--root", str(tmp_path)])
    assert done.exit_code == 0
    assert "--camera csi:0" in done.stdout and "--camera /dev/video0" in done.stdout
    assert "MJPG 640x480 at up to 30 Hz" in done.stdout
    as_json = json.loads(
        CliRunner().invoke(main, ["cameras", "--root", str(tmp_path), "--json"]).stdout
    )
    assert as_json["cameras"][2] == {
        "address": "/dev/video0",
        "name": "HD Webcam",
        "modes": [{"format": "MJPG", "width": 640, "height": 480, "rates_hz": [30.0]}],
        "stable": "",
        "usable": True,
    }
    assert as_json["missing"] == []


def test_modes_are_told_by_format_and_rate() -> None:
    slow = CameraMode("YUYV", 1280, 720, (10.0, 5.0))
    camera = ConnectedCamera(
        "/dev/video0", "x", (*_WEBCAM.modes, CameraMode("MJPG", 320, 240, (30.0,)), slow)
    )
    assert modes_text(camera) == "MJPG 640x480 320x240 at up to 30 Hz; YUYV 1280x720 at up to 10 Hz"
