"""Zones in a settings file: what the page saves, and what it leaves as it is."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from edge.commands.one_run import RunRequest
from edge.commands.reload import Reload
from edge.web.zone_file import DrawnZone, Outdated, ZoneChange, ZoneFile, with_zones
from edge_common import ConfigError, EdgeError
from edge_common.data import toml_parser
from tests.edge.web.pages import Options, People, served

FILE = """\
# the board at the door
bundle = "face"  # which one

[[zone]]
name = "door"  # the inner one
points = [[0, 0], [1, 0], [1, 1]]  # clockwise

# where cars stand
[[zone]]
name = "yard"
points = [[10, 0], [200, 0], [200, 90]]

[[alert]]
name = "somebody"  # at the door
zone = "door"
"""
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))


def _file(folder: Path, text: str = FILE, used: tuple[str, ...] = ()) -> ZoneFile:
    path = folder / "run.toml"
    path.write_text(text)
    return ZoneFile(path, used)


def _zones(text: str) -> list[tuple[str, list[list[float]]]]:
    return [(each["name"], each["points"]) for each in toml_parser().loads(text).get("zone", [])]


def test_a_drawn_zone_is_saved_and_comments_stay(tmp_path: Path) -> None:
    file = _file(tmp_path)
    change = ZoneChange(
        file.revision, (DrawnZone("door", SQUARE), DrawnZone("yard"), DrawnZone("gate", SQUARE))
    )
    file.save(change)
    text = file.path.read_text()
    corners = [list(point) for point in SQUARE]
    assert _zones(text) == [
        ("door", corners),
        ("yard", [[10, 0], [200, 0], [200, 90]]),
        ("gate", corners),
    ]
    for comment in ("# the board at the door", "# which one", "# the inner one", "# clockwise",
                    "# where cars stand", "# at the door"):  # fmt: skip
        assert comment in text


def test_what_is_not_changed_stays_to_the_byte(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.save(ZoneChange(file.revision, (DrawnZone("door"), DrawnZone("yard"))))
    assert file.path.read_text() == FILE


def test_a_deleted_zone_is_gone_and_nothing_else(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.save(ZoneChange(file.revision, (DrawnZone("door"),)))
    before, after = (toml_parser().loads(text) for text in (FILE, file.path.read_text()))
    assert after == {**before, "zone": before["zone"][:1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n", "zone"),
        ('zone = ["door=0,0,1,0,1,1"]  # one\n[x]\ny = 2\n', "# one"),
        ('zone = [{name = "door", points = [[0,0],[1,0],[1,1]]}]\n', "inline"),
        ("", ""),
    ],
)
def test_all_ways_to_write_zones_are_kept(text: str, expected: str) -> None:
    drawn = DrawnZone("door", SQUARE).zone()
    changed = with_zones(text, {"door": drawn})
    content, before = toml_parser().loads(changed), toml_parser().loads(text)
    assert {k: v for k, v in content.items() if k != "zone"} == {
        k: v for k, v in before.items() if k != "zone"
    }
    (zone,) = content["zone"]
    assert zone in (str(drawn), {"name": "door", "points": [list(point) for point in SQUARE]})
    assert not toml_parser().loads(with_zones(changed, {})).get("zone")
    if expected.startswith("#"):
        assert expected in changed


_names = st.text("abcdefgh ", min_size=1, max_size=6).filter(
    lambda text: text.strip() == text and text
)
_triangles = st.tuples(*[st.tuples(st.integers(1, 40), st.integers(1, 40)) for _ in range(3)]).map(
    lambda points: tuple((x / 100, y / 200) for x, y in points)
)


def _is_zone(points: object) -> bool:
    try:
        return DrawnZone("z", points).zone() is not None  # type: ignore[arg-type]
    except EdgeError:
        return False


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_names, _triangles.filter(_is_zone), max_size=5), st.data())
def test_what_is_saved_is_read_back(
    drawn: dict[str, tuple[tuple[float, float], ...]], data: st.DataObject
) -> None:
    """Any zones after any others: the file holds just these, and all else as it was."""
    zones = {name: DrawnZone(name, points).zone() for name, points in drawn.items()}
    text = with_zones(FILE, zones)
    assert dict(_zones(text)) == {name: [list(p) for p in points] for name, points in drawn.items()}
    kept = data.draw(st.sets(st.sampled_from(sorted(drawn)))) if drawn else set()
    again = with_zones(text, dict.fromkeys(kept))
    assert {name for name, _ in _zones(again)} == kept
    assert toml_parser().loads(again)["alert"] == toml_parser().loads(FILE)["alert"]


@pytest.mark.parametrize(
    ("zones", "message"),
    [
        ([("a", ((0.1, 0.1), (0.9, 0.9)))], "has 2 points"),
        ([("a", ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)))], "crosses itself"),
        ([("a", ((0.1, 0.1), (0.5, 0.1), (0.9, 0.1)))], "has no area"),
        ([("a", ((0.1, 0.1), (1.5, 0.1), (0.9, 0.9)))], r"corners are \[x, y\] from 0 to 1"),
        (
            [("a", ((0.1, float("nan")), (0.5, 0.1), (0.9, 0.9)))],
            r"corners are \[x, y\] from 0 to 1",
        ),
        ([("a", ((0.1,), (0.5, 0.1), (0.9, 0.9)))], r"corners are \[x, y\] from 0 to 1"),
        ([("a", SQUARE), ("a", SQUARE)], "two zones have the name 'a'"),
        ([(" ", SQUARE)], "is not understood"),
        ([("a", tuple((n / 200, 0.5) for n in range(65)))], "more than 64 corners"),
        ([(f"z{n}", SQUARE) for n in range(33)], "33 zones are too many"),
        ([("gone", ())], "zone 'gone' is not there any more"),
    ],
)
def test_what_is_no_zone_changes_nothing(tmp_path: Path, zones: list, message: str) -> None:
    file = _file(tmp_path)
    with pytest.raises(EdgeError, match=message):
        file.save(ZoneChange(file.revision, tuple(DrawnZone(*each) for each in zones)))
    assert file.path.read_text() == FILE


def test_a_zone_that_an_alert_is_about_stays(tmp_path: Path) -> None:
    file = _file(tmp_path, used=("door",))
    with pytest.raises(ConfigError, match="an alert is about zone 'door': keep it"):
        file.save(ZoneChange(file.revision, (DrawnZone("yard"),)))


def test_nobody_overwrites_what_another_has_changed(tmp_path: Path) -> None:
    file = _file(tmp_path)
    change = ZoneChange(file.revision, (DrawnZone("door"),))
    file.path.write_text(f"{FILE}# edited\n")
    with pytest.raises(Outdated, match=r"run.toml was changed meanwhile"):
        file.save(change)


def test_the_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    file = _file(tmp_path)
    os.chmod(file.path, 0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(file.path)
    linked = ZoneFile(link)
    linked.save(ZoneChange(linked.revision, ()))
    assert link.is_symlink() and file.path.stat().st_mode & 0o777 == 0o600
    assert _zones(file.path.read_text()) == []


def test_the_page_saves_zones_and_says_what_to_do(tmp_path: Path) -> None:
    file = _file(tmp_path)
    options = Options(people=People(), config=file.path)
    with served(options=options) as page:
        revision = page.json("/api/run")["revision"]
        body = f'{{"revision":"{revision}","zones":[{{"name":"door","points":[[0,0],[1,0],[1,0.5]]}}]}}'
        kind = {"Content_Type": "application/json"}
        status, _, content = page.ask("POST", "/api/zones", body, **kind)
        assert (status, content) == (200, b'{"message":"Saved. Restart the run to apply it."}')
        assert _zones(file.path.read_text()) == [("door", [[0, 0], [1, 0], [1, 0.5]])]
        status, _, content = page.ask("POST", "/api/zones", body, **kind)
        assert status == 409 and b"changed meanwhile" in content
        for wrong in (b"", b"[]", b"{", b'{"zones":1}', b'{"revision":"a","zones":[{"nam":"x"}]}'):
            status, _, content = page.ask("POST", "/api/zones", wrong, **kind)
            assert status == 400 and content.startswith(b"zones: ") and content.count(b"\n") == 1
        with closing(Reload(_refused)) as reload:
            page.page.reload_by(reload)
            revision = page.json("/api/run")["revision"]
            body = f'{{"revision":"{revision}","zones":[]}}'
            _, _, content = page.ask("POST", "/api/zones", body, **kind)
        assert b"Saved, but the run keeps what it has: line 3" in content
        assert page.json("/api/state")["problem"] == "line 3: there is no zone 'x'"


def _refused() -> RunRequest:
    raise ConfigError("line 3: there is no zone 'x'")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (Options(), "zones are for people: give a detector"),
        (Options(people=People()), "zones are saved in a settings file: run with --config FILE"),
        (
            Options(people=People(), config=Path("x"), has_zone_options=True),
            "--zone on the command line is in place of the file's zones",
        ),
    ],
)
def test_why_no_zone_can_be_saved_is_told(options: Options, reason: str) -> None:
    with served(options=options) as page:
        assert page.json("/api/run")["reason"] == reason
        kind = {"Content_Type": "application/json"}
        status, _, content = page.ask("POST", "/api/zones", "{}", **kind)
        assert (status, content.decode()) == (409, f"{reason}\n")
