"""One document as Markdown and as a page."""

from edge_common.document import Picture, Section, Table, markdown, page

FIGURES = Table(("what", "ms"), [("a|b\nc", "1.0")], words=1)


def test_figures_are_aligned_to_the_right() -> None:
    said = markdown("T", [Section("A", tables=(FIGURES,))])
    assert said == "# T\n\n## A\n\n| what | ms |\n| --- | ---: |\n| a\\|b c | 1.0 |\n"
    assert '<td class="n">1.0</td>' in page("T", [Section("A", tables=(FIGURES,))])


def test_parts_are_linked_from_the_section_before_them() -> None:
    shown = page("T", [Section("A"), Section("A1", level=3), Section("B"), Section("B1", level=3)])
    top, of_a, of_b = (part.split("</nav>")[0] for part in shown.split("<nav>")[1:])
    assert top == '<a href="#s0">A</a> · <a href="#s2">B</a>'
    assert of_a == '<a href="#s1">A1</a>'
    assert of_b == '<a href="#s3">B1</a>'
    assert '<h3 id="s1">A1</h3>' in shown


def test_pictures_keep_their_ids_apart_and_take_the_colours_of_the_page() -> None:
    svg = '<svg><path id="p" style="fill: #222222"/><use href="#p" clip-path="url(#c)"/></svg>'
    shown = page("T", [Section("A", svg=svg, caption="It shows <p>."), Section("B", svg=svg)])
    assert (
        '<svg><path id="s0-0" style="fill: currentColor"/>'
        '<use href="#s0-0" clip-path="url(#s0-1)"/></svg>' in shown
    )
    assert 'id="s1-0"' in shown
    assert "<figcaption>It shows &lt;p&gt;.</figcaption>" in shown


def test_frames_are_in_the_page_and_told_in_words() -> None:
    frames = (b"\x89PNG and so on", b"\xff\xd8 a JPEG")
    shown = page("T", [Section("A", pictures=(Picture(frames, "**right**: <a>"),))])
    assert 'alt="right: &lt;a&gt;, frame 2 of 2" src="data:image/jpeg;base64,/9gg' in shown
    assert 'src="data:image/png;base64,' in shown
    assert "<figcaption><b>right</b>: &lt;a&gt;</figcaption>" in shown
