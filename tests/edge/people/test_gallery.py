"""Galleries: what goes in comes out, in any order, and nothing else is taken for one."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge.bundle import Bundle, Part
from edge.people.gallery import (
    Gallery,
    change_gallery,
    checked_name,
    network_of,
    read_gallery,
    unit,
    write_gallery,
)
from edge.people.recogniser import Recogniser
from edge.tasks import Prediction
from edge_common.errors import GalleryError

EMPTY = Gallery("0" * 64, "who", "face", 8)
names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12).filter(
    lambda name: name.casefold() != "unknown"
)
seeds = st.integers(0, 2**32 - 1)
people = st.lists(st.tuples(names, st.integers(1, 4), seeds), min_size=1, max_size=6)


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


def gallery_of(enrolled: list[tuple[str, int, int]]) -> Gallery:
    gallery = EMPTY
    for name, count, seed in enrolled:
        gallery = gallery.with_person(name, rows(count, seed))
    return gallery


@given(people)
@settings(max_examples=50, deadline=None)
def test_a_gallery_comes_back_from_its_file(enrolled: list[tuple[str, int, int]]) -> None:
    gallery = gallery_of(enrolled)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.npz"
        write_gallery(path, gallery)
        assert [p.name for p in Path(folder).iterdir()] == ["people.npz"]
        found = read_gallery(path)
    assert (found.network, found.bundle, found.task, found.size) == ("0" * 64, "who", "face", 8)
    assert found.people.keys() == gallery.people.keys()
    for name, descriptors in gallery.people.items():
        np.testing.assert_allclose(found.people[name], descriptors, atol=1e-6)


@given(people, st.data())
@settings(max_examples=50, deadline=None)
def test_whoever_was_enrolled_is_found_by_any_of_their_descriptors(enrolled, data) -> None:
    gallery = gallery_of(enrolled)
    name = data.draw(st.sampled_from(sorted(gallery.people)))
    asked = data.draw(st.integers(0, len(gallery.people[name]) - 1))
    twins = [
        n for n, d in gallery.people.items() if (d @ gallery.people[name][asked]).max() > 0.999
    ]
    found, similarity = Recogniser(gallery, 0.9).name(3.0 * gallery.people[name][asked])
    assert found in twins and similarity == pytest.approx(1.0, abs=1e-5)


@given(people, seeds, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_enrolling_does_not_matter(enrolled, seed, random) -> None:
    mixed = random.sample(enrolled, len(enrolled))
    asked = rows(1, seed)[0]
    first, second = (Recogniser(gallery_of(each), -1.0).name(asked) for each in (enrolled, mixed))
    assert first[1] == pytest.approx(second[1], abs=1e-5)
    assert first[0] == second[0]


@given(people, names)
@settings(max_examples=50, deadline=None)
def test_who_is_forgotten_is_gone_and_nobody_else(enrolled, name) -> None:
    gallery = gallery_of([*enrolled, (name, 2, 1)])
    left = gallery.without(name)
    assert left.people.keys() == gallery.people.keys() - {checked_name(name)}
    with pytest.raises(GalleryError, match="nobody is called"):
        left.without(name)


def test_names_are_one_whichever_way_their_accents_are_written() -> None:
    gallery = EMPTY.with_person("Ren\u00e9", rows(1, 0)).with_person(" Rene\u0301 ", rows(2, 1))
    assert {name: len(d) for name, d in gallery.people.items()} == {"Ren\u00e9": 3}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "Unknown", "x" * 41])
def test_nobody_is_called_so(name: str) -> None:
    with pytest.raises(GalleryError, match="name"):
        EMPTY.with_person(name, rows(1, 0))


@pytest.mark.parametrize("wrong", [np.zeros((1, 8)), np.full((1, 8), np.nan), np.ones((1, 7)),
                                   np.ones((0, 8)), np.ones(8)])  # fmt: skip
def test_what_has_no_direction_is_no_descriptor(wrong: np.ndarray) -> None:
    with pytest.raises(GalleryError, match="descriptor"):
        EMPTY.with_person("anna", wrong)


def test_at_the_threshold_a_person_is_known_and_below_unknown() -> None:
    gallery = Gallery("0", "who", "face", 2).with_person("anna", np.array([[1.0, 0.0]]))
    halfway = np.array([0.6, 0.8], np.float32)
    label, similarity = Recogniser(gallery, 0.59).name(halfway)
    assert (label, similarity) == ("anna", pytest.approx(0.6))
    assert Recogniser(gallery, 0.61).name(halfway) == ("unknown", pytest.approx(0.6))
    for nothing in (np.zeros(2), np.array([np.nan, 1])):
        assert Recogniser(gallery, 0.5).name(nothing) == ("unknown", -1.0)


def test_an_answer_is_named_and_the_others_left_alone() -> None:
    gallery = Gallery("0", "who", "face", 2).with_person("anna", np.array([[1.0, 0.0]]))
    age = Prediction(np.zeros(1, np.float32), value=30.0, unit="years")
    face = Prediction(np.array([1, 0], np.float32), vector=(1.0, 0.0))
    found = Recogniser(gallery, 0.5)({"age": age, "face": face})
    assert found["age"] is age
    assert found["face"].to_json() == {"label": "anna", "similarity": 1.0}
    assert str(found["face"]) == "anna 1.00"


def test_an_empty_gallery_names_nobody() -> None:
    with pytest.raises(GalleryError, match="holds nobody"):
        Recogniser(EMPTY, 0.5)


def test_the_network_is_its_parts_and_not_its_report(who: Bundle) -> None:
    told = Bundle(who.manifest, {**who.members, "report.md": b"new"})
    assert network_of(told) == network_of(who)
    part: Part = who.manifest.parts[0]
    changed = Bundle(who.manifest, {**who.members, part.file: who.members[part.file] + b"x"})
    assert network_of(changed) != network_of(who)
    with pytest.raises(GalleryError, match="another network"):
        Gallery.of(changed).check_fits(who, "people.npz")
    Gallery.of(told).check_fits(who, "people.npz")


def _arrays() -> dict[str, np.ndarray]:
    return {
        "schema": np.int64(1), "network": np.array("0"), "bundle": np.array("who"),
        "task": np.array("face"), "names": np.array(["anna", "bert"]), "person": np.array([0, 1]),
        "descriptors": unit(rows(2, 0)),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": np.int64(2)}, "has version 2"),
        ({"schema": np.array("1")}, "schema is no number"),
        ({"network": np.int64(3)}, "'network'"),
        ({"names": np.array(["anna", "anna"])}, "'names'"),
        ({"names": np.array(["anna", "unknown"])}, "strangers"),
        ({"person": np.array([0, 2])}, "'person'"),
        ({"person": np.array([0, 0])}, "'person'"),
        ({"descriptors": rows(2, 0).astype(np.float64)}, "'descriptors'"),
        ({"descriptors": np.zeros((2, 8), np.float32)}, "zero or not a number"),
        ({"names": np.array(["anna", {}], object)}, "pickled objects"),
        ({"task": None}, "lacks task"),
    ],
)
def test_arrays_that_do_not_fit_together_are_no_gallery(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {name: a for name, a in {**_arrays(), **change}.items() if a is not None}
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(GalleryError, match="is no readable gallery") as error:
        read_gallery(tmp_path / "p.npz")
    assert message in str(error.value)


def damaged() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "empty": lambda data: b"",
        "text": lambda data: b"anna, bert",
        "cut": lambda data: data[: len(data) // 2],
        "changed": lambda data: data.replace(data[-600:-560], b"\0" * 40),
    }


@pytest.mark.parametrize("kind", list(damaged()))
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.npz"
    np.savez(path, **_arrays())
    read_gallery(path)
    path.write_bytes(damaged()[kind](path.read_bytes()))
    with pytest.raises(GalleryError, match="is no readable gallery"):
        read_gallery(path)


def test_there_is_none_or_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="edge-run enroll NAME"):
        read_gallery(tmp_path / "none.npz")
    with pytest.raises(GalleryError, match="cannot be written"):
        write_gallery(tmp_path / "no/p.npz", EMPTY)


def test_all_permutations_of_three_people_give_one_file(tmp_path: Path) -> None:
    enrolled = [("anna", 2, 0), ("bert", 1, 1), ("cleo", 3, 2)]
    files = set()
    for number, order in enumerate(itertools.permutations(enrolled)):
        write_gallery(tmp_path / f"{number}.npz", gallery_of(list(order)))
        content = np.load(tmp_path / f"{number}.npz")
        files.add(b"".join(content[name].tobytes() for name in sorted(content.files)))
    assert len(files) == 1


ADD = """
import sys
import numpy as np
from edge.people.gallery import Gallery, change_gallery
empty = Gallery("0" * 64, "who", "face", 8)
change_gallery(sys.argv[1], lambda g: g.with_person(sys.argv[2], np.ones((2, 8))), empty)
"""


def test_all_of_those_who_are_enrolled_at_once_are_there(tmp_path: Path) -> None:
    path = tmp_path / "people.npz"
    every = [f"p{number}" for number in range(6)]
    children = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in every]
    assert [child.wait() for child in children] == [0] * 6
    assert {n: len(d) for n, d in read_gallery(path).people.items()} == dict.fromkeys(every, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["people.npz"]


def test_a_new_gallery_is_its_owners_and_a_known_one_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "people.npz"
    change_gallery(path, lambda gallery: gallery.with_person("anna", rows(1, 0)), EMPTY)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    change_gallery(path, lambda gallery: gallery.without("anna"))
    assert path.stat().st_mode & 0o777 == 0o640


def test_behind_a_link_the_gallery_itself_forgets(tmp_path: Path) -> None:
    path, link = tmp_path / "real.npz", tmp_path / "people.npz"
    write_gallery(path, EMPTY.with_person("anna", rows(1, 0)))
    link.symlink_to(path)
    change_gallery(link, lambda gallery: gallery.without("anna"))
    assert link.is_symlink() and not read_gallery(path).people


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "people.npz"
    with pytest.raises(GalleryError, match="there is no gallery"):
        change_gallery(path, lambda gallery: gallery)
    write_gallery(path, EMPTY)
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="nobody is called"):
        change_gallery(path, lambda gallery: gallery.without("anna"))
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
