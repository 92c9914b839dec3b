"""`python -m tests.edge.web.screenshots FILM OUT_DIR`: the pictures of docs/page.md.

A run of two live sources, a camera recording and NASA's portrait of an astronaut (public domain, of
scikit-image) that is panned over, seen by Chromium: wide, narrow and dark.
"""

import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage
from playwright import sync_api

from tests.edge.sources.web import Handler, serving
from tests.edge.web.test_run import running

_WATCHED_S, _INTERVAL_S, _QUALITY = 100, 0.2, 82
_ALL_SHOWN = "() => [...document.querySelectorAll('.frame img')].every((each) => each.naturalWidth)"
SETTINGS = """\
quiet = true

[[camera]]
name = "car"
source = "{url}/car.mjpeg"

[[camera]]
name = "office"
source = "{url}/office.mjpeg"

[[zone]]
name = "desk"
points = [[0.25, 0.12], [0.88, 0.12], [0.95, 1.0], [0.15, 1.0]]

[[output]]
kind = "clips"
target = "clips"
before = 2
after = 1

[[alert]]
name = "driver"
source = "car"
severity = "info"
for_s = 1
clear_s = 1

[[alert]]
name = "woman at the desk"
task = "gender"
is = ["female"]
above = 0.9
below = 0.75
zone = "desk"
source = "office"
severity = "alarm"
clear_s = 1

[[alert]]
name = "below thirty"
task = "age"
under = 29.5
hysteresis = 1
for_s = 0.5
"""


class Cameras(Handler):
    """Both, as long as somebody takes them."""

    film: Path

    def do_GET(self) -> None:
        frames = _car(self.film) if "car" in self.path else _office()
        self.send_images((bytes(cv2.imencode(".jpg", each)[1]) for each in frames), _INTERVAL_S)


def _car(film: Path) -> Iterator[np.ndarray]:
    """Forth and back, so that nothing jumps."""
    video, frames = cv2.VideoCapture(str(film)), []
    while (image := video.read()[1]) is not None:
        frames.append(cv2.resize(image, (704, 576), interpolation=cv2.INTER_CUBIC))
    return itertools.cycle([*frames, *frames[::-1]])


def _office() -> Iterator[np.ndarray]:
    photo = cv2.imread(str(Path(skimage.__file__).with_name("data") / "astronaut.png"))
    for number in itertools.count():
        x = 56 + 56 * np.sin(number / 16)
        y = 20 + 18 * np.cos(number / 11)
        window = photo[round(y) : round(y) + 327, round(x) : round(x) + 400]
        away = number % 120 > 100  # nobody is to be seen for a while
        yield cv2.resize(photo[300:500, 0:245] if away else window, (704, 576))


def _take(url: str, folder: Path) -> None:
    chromium = shutil.which("chromium") or sys.exit("needs chromium: apt-get install chromium")
    with sync_api.sync_playwright() as machine:
        browser = machine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, width, height, scheme in (
            ("wide", 1440, 1290, "light"), ("dark", 1440, 1290, "dark"), ("narrow", 390, 1500, "light")
        ):  # fmt: skip
            size: sync_api.ViewportSize = {"width": width, "height": height}
            context = browser.new_context(viewport=size, color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type]
            tab = context.new_page()
            tab.goto(url)
            tab.get_by_label("2 min").check(force=True)
            tab.wait_for_function(_ALL_SHOWN, timeout=60_000)
            tab.wait_for_timeout(3000)
            if name == "dark":
                tab.locator(".zones-button").nth(1).click()
                tab.wait_for_timeout(1000)
            image = cv2.imdecode(np.frombuffer(tab.screenshot(), np.uint8), cv2.IMREAD_COLOR)
            path = str(folder / f"page-{name}.webp")
            cv2.imwrite(path, image, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
            context.close()
        browser.close()


def main(film: str, out: str) -> None:
    Cameras.film = Path(film).resolve()
    with tempfile.TemporaryDirectory() as name, serving(Cameras) as url:
        settings = Path(name, "run.toml")
        settings.write_text(SETTINGS.format(url=url))
        with running("--no-blur", "--config", str(settings), folder=Path(name)) as (port, _):
            time.sleep(_WATCHED_S)
            _take(f"http://127.0.0.1:{port}/", Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
