"""The same sections on a terminal and on a page."""

from edge_common.document import Section, Table, markdown, page, terminal

TABLE = Table(("part", "ms"), [("encoder", "**3.1**"), ("head", "0.6")], words=1)
LONG = Section("Latency", ["one word " * 14], [TABLE], notes=["head: n < 100"], level=3)
SHORT = [
    Section("Camera", ["Frames came 30 times a second."], digest=[("camera, 30 Hz", "5 ms")]),
    Section("Soak", ["Interrupted."], digest=[]),
    Section("Offline", digest=[("offline", "222 frames/s")]),
]


def test_text_is_wrapped_and_tables_are_aligned() -> None:
    assert terminal([LONG]).splitlines() == [
        "Latency",
        ("one word " * 11).strip(),
        ("one word " * 3).strip(),
        "",
        "part      ms",
        "-------  ---",
        "encoder  3.1",
        "head     0.6",
        "head: n < 100",
    ]


def test_neighbouring_digests_stand_in_one_block_in_place_of_all_else() -> None:
    assert terminal([*SHORT, Section("", ["PARTIAL"])]) == (
        "camera, 30 Hz  5 ms\noffline        222 frames/s\n\nPARTIAL"
    )


def test_digests_and_notes_are_for_terminals_alone() -> None:
    for text in (markdown("title", [LONG, *SHORT]), page("title", [LONG, *SHORT])):
        assert "n < 100" not in text and "n &lt; 100" not in text
        assert "222 frames/s" not in text and "Frames came 30 times a second." in text


def test_a_plot_is_drawn_by_a_page_alone() -> None:
    drawn = []

    def draw() -> str:
        drawn.append(1)
        return "<svg></svg>"

    section = Section("Plot", svg=draw)
    assert terminal([section]) == "Plot" and "Plot" in markdown("title", [section])
    assert not drawn
    assert "<svg></svg>" in page("title", [section]) and drawn == [1]
