"""The page in a real browser: what is seen, clicked and typed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import scene, stream
from edge.events.alert import Alert
from edge.sinks import Gap
from edge.sinks.queued import OutputCounts
from edge.stream import TrackInfo
from tests.edge.sinks import samples
from tests.edge.web.pages import TOKEN, Options, People, Served, grey, served, wait_for

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra test")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
ALERT = Alert(name="fall", task="action", labels=("fall",), above=0.8, below=0.6, severity="alarm")
SETTINGS = '# of the yard\n[[zone]]\nname = "door"\npoints = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]]\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:  # type: ignore[name-defined]
    with playwright.sync_playwright() as machine:
        opened = machine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visitor:
    """A browser's page that is open on ours.  problems: what its console says."""

    def __init__(self, browser, page: Served, width: int = 1200, **options: str) -> None:  # type: ignore[no-untyped-def]
        size = {"width": width, "height": 900}
        self._context = browser.new_context(viewport=size, **options)
        self.tab, self.problems = self._context.new_page(), list[str]()
        self.tab.set_default_timeout(20_000)
        self.tab.on("console", lambda each: self.problems.append(f"{each.type}: {each.text}"))
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.url = f"http://127.0.0.1:{page.page.port}/"
        self.tab.goto(self.url)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).first.inner_text())

    def wait(self, script: str) -> None:
        self.tab.wait_for_function(script)


def _show(page: Served, level: int, source: int = 0) -> None:
    """Give the page a frame once it asks for one."""
    watch = page.watches[source]
    wait_for(lambda: watch._on_shot)
    watch.take(stream.Frame(grey(level, 240, 320), level), [samples.decision(level, 0.7)])


# the mean of the picture that the browser shows
LEVEL = """() => {
  const image = document.querySelector(".frame img");
  if (!image.naturalWidth) return -1;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [8, 8];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 8, 8);
  return context.getImageData(4, 4, 1, 1).data[0];
}"""


def test_the_live_picture_changes_and_the_console_is_silent(browser) -> None:  # type: ignore[no-untyped-def]
    with served(options=Options(alerts=(ALERT,))) as page, Visitor(browser, page) as visitor:
        for level in (30, 220, 120):
            _show(page, level)
            visitor.wait(f"() => Math.abs(({LEVEL})() - {level}) < 6")
        assert visitor.text("#health") == "running"
        visitor.wait(
            "() => document.querySelector('.source .facts').textContent.startsWith('320 × 240')"
        )
        assert visitor.text(".answer") == "action\nfall\n0.70"
        assert visitor.problems == []


def test_a_chart_has_its_line_and_its_limits(browser) -> None:  # type: ignore[no-untyped-def]
    with served(options=Options(alerts=(ALERT,))) as page, Visitor(browser, page) as visitor:
        page.give(p=0.75)
        visitor.wait("() => document.querySelector('.series')?.getAttribute('d')?.length > 5")
        assert visitor.text(".chart .key") == "fall\n0.75"
        names = [each.text_content() for each in visitor.tab.locator(".limit-name").all()]
        assert names == ["fall begins, 0.8", "fall ends, 0.6"]
        visitor.tab.locator(".chart").focus()
        visitor.tab.keyboard.press("ArrowLeft")
        assert "1 seconds ago: fall" in visitor.tab.locator("#spoken").text_content()


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_wider_than_the_screen(browser, width: int) -> None:  # type: ignore[no-untyped-def]
    with (
        served(options=Options(alerts=(ALERT,), people=People()), count=2) as page,
        Visitor(browser, page, width) as visitor,
    ):
        page.watches[0].take_event(samples.event(3, message="a word " * 30), samples.frame(3))
        page.give(2)
        visitor.wait("() => document.querySelectorAll('.events li').length === 1")
        visitor.tab.locator(".zones-button").first.click()
        assert visitor.tab.evaluate("document.documentElement.scrollWidth") == width
        assert visitor.tab.locator("article.source").count() == 2


def test_on_a_phone_every_cell_of_the_tables_is_seen(browser) -> None:  # type: ignore[no-untyped-def]
    hidden = """() => [...document.querySelectorAll(".figures td")].filter((cell) => {
      const box = cell.closest(".scroll").getBoundingClientRect();
      return cell.getBoundingClientRect().right > box.right + 1;
    }).length"""
    with served(count=2) as page:
        output = OutputCounts("clips:clips", 9, problem="a word " * 20)
        page.page.run.summary.outputs = [output]
        with Visitor(browser, page, 360) as visitor:
            page.give(2)
            event = samples.ended(samples.event(3), 4)
            page.watches[0].take_event(event, samples.frame(4))
            visitor.wait("() => document.querySelectorAll('#sources td').length === 12")
            visitor.wait("() => document.querySelectorAll('#outputs td').length === 4")
            assert visitor.tab.evaluate(hidden) == 0
            assert "reconnects" in visitor.tab.evaluate(NAMES)
            assert visitor.text(".events .thumb") == "not recorded"


NAMES = """() => [...document.querySelectorAll("#sources td")].map(
  (cell) => getComputedStyle(cell, "::before").content).join()"""


def test_the_dark_scheme_is_dark(browser) -> None:  # type: ignore[no-untyped-def]
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    with served() as page:
        with Visitor(browser, page, color_scheme="dark") as visitor:
            assert visitor.tab.evaluate(ground) < 60
        with Visitor(browser, page, color_scheme="light") as visitor:
            assert visitor.tab.evaluate(ground) > 200


def test_a_silent_source_is_said(browser) -> None:  # type: ignore[no-untyped-def]
    with served() as page, Visitor(browser, page) as visitor:
        page.give()
        page.gap(12.0)
        visitor.wait("() => document.querySelector('#health').textContent === 'no frames of yard'")
        assert visitor.text(".silence") == "No frame for 12 s; trying again."
        page.sources[0].gap = 0.0
        page.watches[0].show_gap(Gap(12.0, has_ended=True))
        page.give()
        visitor.wait("() => document.querySelector('#health').textContent === 'running'")


def test_an_event_is_listed_and_opened_by_keyboard(browser) -> None:  # type: ignore[no-untyped-def]
    with served(options=Options(alerts=(ALERT,))) as page, Visitor(browser, page) as visitor:
        page.watches[0].take_event(samples.event(3), samples.frame(3))
        visitor.tab.locator(".events button").focus()
        assert "fall\nalarm, now" in visitor.text(".events button")
        visitor.tab.keyboard.press("Enter")
        assert visitor.text("#player-title") == "fall"
        visitor.tab.keyboard.press("Escape")
        assert not visitor.tab.locator("#player").is_visible()


@pytest.fixture
def zoned(tmp_path: Path) -> Iterator[Served]:
    """A page whose run follows people, one of whom is there, and has a settings file."""
    path = tmp_path / "run.toml"
    path.write_text(SETTINGS)
    options = Options(people=People(), config=path, alerts=(ALERT,))
    with served(options=options) as page:
        view = scene.SceneView(
            1, [TrackInfo(1, (40, 40, 80, 120))], (), scene.Presence(1, samples_time()), zones={}
        )
        page.watches[0].show_people(view)
        page.give()
        yield page


def samples_time():  # type: ignore[no-untyped-def]
    from datetime import datetime, timezone

    return datetime.now(timezone.utc)


def _saved(page: Served) -> dict[str, list[list[float]]]:
    from edge_common.data import read_toml

    return {
        each["name"]: each["points"] for each in read_toml(page.page.run.options.config)["zone"]
    }


def test_a_zone_is_drawn_by_mouse_and_saved(browser, zoned: Served) -> None:  # type: ignore[no-untyped-def]
    with Visitor(browser, zoned) as visitor:
        _show(zoned, 128)
        visitor.tab.locator(".zones-button").click()
        visitor.tab.locator(".editor input").fill("gate")
        box = visitor.tab.locator(".frame svg").bounding_box()
        for x, y in ((0.2, 0.2), (0.8, 0.2), (0.8, 0.7)):
            visitor.tab.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        visitor.tab.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.7 * box["height"])
        visitor.tab.mouse.down()
        visitor.tab.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.9 * box["height"])
        visitor.tab.mouse.up()
        visitor.tab.locator(".save-zones").click()
        visitor.wait(
            "() => document.querySelector('.editor [role=status]').textContent.startsWith('Saved')"
        )
        corners = _saved(zoned)["gate"]
        expected = [[0.2, 0.2], [0.8, 0.2], [0.5, 0.9]]
        assert all(
            abs(a - b) < 0.01 for p, q in zip(corners, expected, strict=True) for a, b in zip(p, q)
        )
        assert visitor.problems == []


def test_a_zone_is_drawn_by_keyboard_and_saved(browser, zoned: Served) -> None:  # type: ignore[no-untyped-def]
    with Visitor(browser, zoned) as visitor:
        _show(zoned, 128)
        visitor.tab.locator(".zones-button").focus()
        press = visitor.tab.keyboard.press
        press("Enter")
        press("Enter")  # in the middle
        for key, times in (("ArrowRight", 20), ("ArrowDown", 10)):
            for _ in range(times):
                press(key)
            press("Enter")
        press("Tab")  # the first corner
        press("Shift+ArrowUp")
        visitor.tab.locator(".save-zones").focus()
        press("Enter")
        visitor.wait(
            "() => document.querySelector('.editor [role=status]').textContent.startsWith('Saved')"
        )
        assert _saved(zoned)["zone 1"] == [[0.5, 0.45], [0.7, 0.5], [0.7, 0.6]]
        assert "# of the yard" in zoned.page.run.options.config.read_text()


def test_what_is_no_zone_is_said_and_not_saved(browser, zoned: Served) -> None:  # type: ignore[no-untyped-def]
    with Visitor(browser, zoned) as visitor:
        visitor.tab.locator(".zones-button").click()
        visitor.tab.keyboard.press("Enter")
        visitor.tab.locator(".save-zones").click()
        assert visitor.text(".editor [role=status]") == "zone 1 has 1 corners: three are the least."
        assert list(_saved(zoned)) == ["door"]


def test_a_browser_logs_in(browser) -> None:  # type: ignore[no-untyped-def]
    with served(TOKEN) as page, Visitor(browser, page) as visitor:
        assert visitor.tab.url.endswith("/login")
        visitor.tab.locator("#token").fill("a wrong one")
        visitor.tab.keyboard.press("Enter")
        visitor.tab.get_by_text("This is not the token.").wait_for()
        visitor.tab.locator("#token").fill(TOKEN)
        visitor.tab.keyboard.press("Enter")
        page.give()
        visitor.wait("() => document.querySelector('#health')?.textContent === 'running'")
        cookies = visitor.tab.evaluate("document.cookie")
        assert cookies == "" and TOKEN not in visitor.tab.url
        visitor.tab.get_by_role("button", name="Log out").click()
        visitor.tab.locator("#token").wait_for()


def test_everything_has_a_name_and_a_place_in_the_order(browser, zoned: Served) -> None:  # type: ignore[no-untyped-def]
    with Visitor(browser, zoned) as visitor:
        visitor.wait("() => document.querySelector('.chart')")
        nameless = visitor.tab.evaluate(
            """() => [...document.querySelectorAll("button, input, [tabindex='0'], img")].filter((node) =>
              !(node.textContent.trim() || node.getAttribute("aria-label") ||
                node.hasAttribute("alt") || node.labels?.length)
            ).map((node) => node.outerHTML)"""
        )
        assert nameless == []
        visitor.tab.keyboard.press("Tab")
        assert visitor.tab.evaluate("document.activeElement.className") == "skip"
        jumps = "[...document.querySelectorAll('[tabindex]')].filter((node) => node.tabIndex > 0).length"
        assert visitor.tab.evaluate(jumps) == 0
