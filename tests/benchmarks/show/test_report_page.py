"""The page: what stands on it, and that it needs nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from edge_benchmarks.show.sections import sections
from edge_benchmarks.show.writing import TITLE
from edge_common.document import page
from tests.benchmarks.samples import FULL, RECORD

OVER_ALL = ["Verdict", "Summary", "What was measured", "Accuracy against latency",
            "Where a frame's time goes"]  # fmt: skip
OF_ONE = [
    "Latency", "Time line", "Answers of each way", "Roofline", "Operators", "Other engines",
    "Cross-check of the timing", "Camera", "Offline", "Several streams", "Capacity", "Cold start",
    "Soak", "Pipeline", "Harness",
]  # fmt: skip
WITHOUT_PICTURE = {
    "Verdict", "Summary", "What was measured", "tiny", "Answers of each way", "Other engines",
    "Several streams", "Pipeline", "Harness",
}  # fmt: skip
_VOID = {"meta", "br", "link", "img", "input", "hr"}


class Tags(HTMLParser):
    """Fails where an element is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("href", "src", "xlink:href"):
                self.links.append(value)
            elif name == "id":
                self.anchors.append(value)

    def handle_startendtag(self, tag: str, attributes: list) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def full() -> str:
    return page(TITLE, sections([FULL, RECORD]))


def test_a_full_record_has_every_section() -> None:
    found = sections([FULL])
    assert [s.title for s in found if s.level == 2] == [*OVER_ALL, "tiny"]
    assert [s.title for s in found if s.level == 3] == OF_ONE
    assert {s.title for s in found if not s.svg} == WITHOUT_PICTURE


def test_a_small_record_has_no_section_without_figures() -> None:
    bare = replace(
        RECORD,
        measurements=(replace(RECORD.streamed, accuracy=(), agreement={}, stages_ms={}),),
        cold_start=None,
    )
    found = [s.title for s in sections([bare])]
    assert found == ["Verdict", "Summary", "What was measured", "tiny", "Latency"]


def test_a_record_without_a_single_frame_is_told() -> None:
    nothing = replace(
        RECORD,
        measurements=(replace(RECORD.streamed, total_ms=None, not_measured="no frames"),),
        complete=False,
    )
    shown = page(TITLE, sections([nothing]))
    assert "interrupted" in shown and "streamed: not measured (no frames)." in shown


def test_the_page_is_whole_html(full: str) -> None:
    tags = Tags(full)
    assert tags.open == []
    assert len(tags.anchors) == len(set(tags.anchors))
    assert all(link.startswith("#") and link[1:] in tags.anchors for link in tags.links)
    assert "<script" not in full and "@import" not in full


def test_every_picture_is_xml_and_loads_nothing(full: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", full, re.DOTALL)
    assert len(pictures) == 2 + 10  # over all records; of the full one; the other has no frames
    for picture in pictures:
        ElementTree.fromstring(picture)
    addresses = set(re.findall(r"https?://[^\"' <]+", full))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_pictures_take_the_colours_of_the_page(full: str) -> None:
    assert "currentColor" in full and "var(--rule)" in full
    assert "prefers-color-scheme: dark" in full
    assert not re.search("#222222|#eeeeee", full)


def test_names_from_records_are_escaped() -> None:
    sly = replace(FULL, bundle=replace(FULL.bundle, name="<b>&x"), revision="<script>")
    shown = page(TITLE, sections([sly]))
    assert "<script>" not in shown and "&lt;b&gt;&amp;x" in shown
    for picture in re.findall(r"<svg.*?</svg>", shown, re.DOTALL):
        ElementTree.fromstring(picture)
