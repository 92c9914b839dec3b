"""edge-run enroll, forget, people, and --gallery in a run, as a user types them."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.cli import main
from edge.people import enrolment
from edge.people.gallery import read_gallery
from edge.people.recogniser import ACCEPTANCE, OperatingPoint, acceptance_of, to_member
from edge.sources.images import ImageFiles
from edge.stream import Region
from tests import flat_models as flat


@pytest.fixture
def gallery(cli: CliRunner, who_path: Path, films: dict[str, Path], tmp_path: Path) -> Path:
    """anna and bert, by all five windows of four frames each."""
    path = tmp_path / "people.npz"
    for name in ("anna", "bert"):
        done = enroll(cli, name, who_path, films[name], path)
        assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def measured_path(who: Bundle, tmp_path: Path) -> Path:
    """The bundle with a threshold of its own."""
    accepted = OperatingPoint("who", 0.95, 0.01, 10)
    path = tmp_path / "measured.edge"
    write_bundle(path, who.manifest, {**who.members, ACCEPTANCE: to_member(accepted)})
    return path


def enroll(cli: CliRunner, name: str, bundle: Path, source: Path, gallery: Path, *more: str):
    files = ["--bundle", str(bundle), "--source", str(source), "--gallery", str(gallery)]
    return cli.invoke(main, ["enroll", name, *files, *more])


def run(cli: CliRunner, bundle: Path, source: Path, gallery: Path, *more: str):
    return cli.invoke(
        main, [str(bundle), "--source", str(source), "--gallery", str(gallery), *more]
    )


def test_a_film_that_lost_frames_says_so_when_enrolled(
    cli: CliRunner, who_path: Path, films: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ImageFiles, "warning", "warning: anna announces 99 frames")
    result = enroll(cli, "anna", who_path, films["anna"], tmp_path / "people.npz")
    assert result.exit_code == 0, result.output
    assert "warning: anna announces 99 frames\n" in result.stderr


def test_who_was_enrolled_is_named_and_who_was_not_is_unknown(
    cli: CliRunner, who_path: Path, films: dict[str, Path], gallery: Path, tmp_path: Path
) -> None:
    for name, label in {"anna": "anna", "bert": "bert", "cleo": "unknown"}.items():
        lines = tmp_path / f"{name}.jsonl"
        more = ["--threshold", "0.95", "--jsonl", str(lines), "--json"]
        done = run(cli, who_path, films[name], gallery, *more)
        assert done.exit_code == 0, done.output
        answers = [json.loads(line)["tasks"]["who"] for line in lines.read_text().splitlines()]
        assert {answer["label"] for answer in answers} == {label}
        assert set(answers[0]) == {"label", "similarity"}
        seen = json.loads(done.stdout)["people"]
        assert seen[label]["decisions"] == len(answers) == 17
        similarities = [answer["similarity"] for answer in answers]
        assert seen[label]["lowest_similarity"] == min(similarities)
        assert (min(similarities) >= 0.95) == (label != "unknown")


def test_the_summary_says_who_was_seen_and_the_video_shows_it(
    cli: CliRunner, who_path: Path, films: dict[str, Path], gallery: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "seen.avi"
    done = run(cli, who_path, films["anna"], gallery, "--threshold", "0.9", "--save", str(saved))
    assert done.exit_code == 0, done.output
    assert "anna: 17 decisions, similarity " in done.output
    assert saved.stat().st_size > 0


def test_the_bundle_knows_its_threshold(
    cli: CliRunner, measured_path: Path, films: dict[str, Path], gallery: Path
) -> None:
    """Resealing changes the bundle, not its network: the gallery still fits."""
    assert acceptance_of(open_bundle(measured_path)).false_accept_rate == 0.01
    done = run(cli, measured_path, films["cleo"], gallery)
    assert done.exit_code == 0 and "unknown: 17 decisions" in done.output
    done = run(cli, measured_path, films["cleo"], gallery, "--threshold", "-1")
    assert done.exit_code == 0 and "unknown" not in done.output


def test_enrolling_again_adds_and_says_so(
    cli: CliRunner, who_path: Path, films: dict[str, Path], gallery: Path
) -> None:
    done = enroll(cli, "anna", who_path, films["anna"], gallery, "--descriptors", "2")
    assert "anna by 2 descriptors of 14 frames (known before: added to 5)" in done.output
    assert {n: len(d) for n, d in read_gallery(gallery).people.items()} == {"anna": 7, "bert": 5}


def test_who_is_forgotten_while_another_is_enrolled_stays_forgotten(
    cli: CliRunner, who_path: Path, films: dict[str, Path], gallery: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def watch_and_forget(*args: object, **options: object) -> enrolment.Enrolment:
        assert cli.invoke(main, ["forget", "anna", "--gallery", str(gallery)]).exit_code == 0
        return watch(*args, **options)

    watch = enrolment.enrol
    monkeypatch.setattr(enrolment, "enrol", watch_and_forget)
    done = enroll(cli, "cleo", who_path, films["cleo"], gallery)
    assert done.exit_code == 0, done.output
    assert set(read_gallery(gallery).people) == {"bert", "cleo"}


def test_a_film_without_contrast_is_nobody(
    cli: CliRunner, who_path: Path, films: dict[str, Path], tmp_path: Path
) -> None:
    dark, gallery = tmp_path / "dark", tmp_path / "people.npz"
    dark.mkdir()
    noise = np.random.default_rng(0).integers(60, 80, (20, 128, 128, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        cv2.imwrite(str(dark / f"{number}.png"), pixels)
    done = enroll(cli, "dora", who_path, dark, gallery)
    assert done.exit_code == 2 and not gallery.exists()
    assert "shows nobody: 20 of 20 frames have no contrast" in done.output
    # windows of four: the third and the fourth of five are clear of the dark
    for number in range(8):
        (dark / f"{number + 12}.png").write_bytes((films["anna"] / f"{number}.png").read_bytes())
    done = enroll(cli, "dora", who_path, dark, gallery)
    assert "dora by 2 descriptors of 20 frames" in done.output


def test_contrast_is_that_of_the_region() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 200
    assert enrolment.contrast(pixels) == pytest.approx(100.0)
    assert enrolment.contrast(pixels, Region.parse("0,0,32,64")) == 0.0


def test_doubts_are_told(
    cli: CliRunner, measured_path: Path, films: dict[str, Path], gallery: Path, tmp_path: Path
) -> None:
    twin = enroll(cli, "carl", measured_path, films["anna"], gallery)
    assert twin.exit_code == 0
    assert "it looks like 'anna' of the same gallery" in twin.stderr
    other = enroll(cli, "bert", measured_path, films["cleo"], gallery)
    assert "does not look like the 'bert' who was known before" in other.stderr
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, name in enumerate(("anna", "bert")):
        for i in range(8):
            target = mixed / f"{8 * number + i}.png"
            target.write_bytes((films[name] / f"{i}.png").read_bytes())
    new = tmp_path / "new.npz"
    done = enroll(cli, "dora", measured_path, mixed, new, "--json")
    assert done.exit_code == 0
    assert "show one face" in json.loads(done.stdout)["warnings"][0]


def test_people_are_listed_and_forgotten(cli: CliRunner, gallery: Path) -> None:
    listed = cli.invoke(main, ["people", "--gallery", str(gallery), "--json"])
    assert json.loads(listed.stdout)["people"] == {"anna": 5, "bert": 5}
    table = cli.invoke(main, ["people", "--gallery", str(gallery)]).output
    assert "anna" in table and "by the network 'who'" in table
    for name in ("anna", "bert"):
        done = cli.invoke(main, ["forget", name, "--gallery", str(gallery)])
        assert done.exit_code == 0 and f"{name} is forgotten" in done.output
    assert "nobody" in cli.invoke(main, ["people", "--gallery", str(gallery)]).output
    again = cli.invoke(main, ["forget", "anna", "--gallery", str(gallery)])
    assert again.exit_code == 2 and "nobody is called 'anna'" in again.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll"], "Missing argument 'NAME'"),
        (["enroll", "x"], "give one of --camera N and --source URI"),
        (["enroll", "unknown", "--source", "{film}"], "choose another name"),
        (["enroll", "x", "--source", "none.mp4"], "there is no source"),
        (["enroll", "x", "--source", "{film}", "--frames", "3"], "looks at 4 at a time"),
        (["enroll", "x", "--source", "{film}", "--gallery", "no/p.npz"], "cannot be written"),
        (["enroll", "x", "--source", "{film}", "--gallery", "{film}/0.png"], "no readable gallery"),
        (["enroll", "x", "--bundle", "{tiny}", "--source", "{film}"], "no task of kind embedding"),
        (["enroll", "x", "--bundle", "person", "--source", "{film}"], "answers where something is"),
        (["enroll", "x", "--bundle", "none", "--source", "{film}"], "there is no bundle 'none'"),
        (["people", "--gallery", "none.npz"], "there is no gallery"),
        (["forget", "x", "--gallery", "none.npz"], "there is no gallery"),
        (["{who}", "--source", "{film}", "--threshold", "0.5"], "goes with --gallery"),
        (["{who}", "--source", "{film}", "--gallery", "none.npz"], "there is no gallery"),
        (["{tiny}", "--source", "{film}", "--gallery", "{gallery}"], "cannot tell people apart"),
        (["{who}", "--source", "{film}", "--gallery", "{gallery}"], "give --threshold"),
        (["{who}", "--source", "{film}", "--gallery", "{gallery}", "--jsonl", "{gallery}"], "twice"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_code_2(
    cli: CliRunner, who_path: Path, tiny_bundle_path: Path, films: dict[str, Path], gallery: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    names = {"who": who_path, "tiny": tiny_bundle_path, "film": films["anna"], "gallery": gallery}
    before = gallery.read_bytes()
    arguments = [argument.format(**names) for argument in arguments]
    if arguments[0] == "enroll" and "--bundle" not in arguments:
        arguments += ["--bundle", str(who_path)]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert len([line for line in done.output.splitlines() if line.startswith("Error")]) == 1
    assert gallery.read_bytes() == before


def test_a_gallery_of_another_network_is_refused(
    cli: CliRunner, who: Bundle, films: dict[str, Path], gallery: Path, tmp_path: Path
) -> None:
    _, head = who.manifest.parts
    other = tmp_path / "other.edge"
    manifest = replace(who.manifest, name="other")
    longer = who.members[head.file] + b"\0" * 16  # the same answers, another network
    write_bundle(other, manifest, {**who.members, head.file: longer})
    for done in (
        run(cli, other, films["anna"], gallery, "--threshold", "0.9"),
        enroll(cli, "anna", other, films["anna"], gallery),
    ):
        assert done.exit_code == 2
        assert "another network ('who', 48 numbers) than this bundle ('other'" in done.output


def test_a_plain_file_is_described_alike_for_enrolling_and_running(
    cli: CliRunner, films: dict[str, Path], tmp_path: Path
) -> None:
    model, gallery = tmp_path / "x.tflite", tmp_path / "people.npz"
    model.write_bytes(flat.colour_model("RESHAPE", shape=(1, 3, 1)))
    described = ["--mean", "120,110,100", "--std", "60", "--resize", "crop"]
    done = enroll(cli, "anna", model, films["anna"], gallery, *described)
    assert done.exit_code == 0, done.output
    arguments = (films["anna"], gallery, "--threshold", "0.9")
    assert run(cli, model, *arguments, *described).exit_code == 0
    for otherwise in ([], described[:4]):
        done = run(cli, model, *arguments, *otherwise)
        assert done.exit_code == 2
        assert "was made with another network" in done.output
    done = enroll(cli, "anna", Path("face"), films["anna"], gallery, *described)
    assert done.exit_code == 2 and "a bundle knows its own" in done.output


def test_the_numbers_of_an_embedding_are_written_only_if_asked_for(
    cli: CliRunner, who_path: Path, films: dict[str, Path]
) -> None:
    arguments = [str(who_path), "--source", str(films["anna"]), "--jsonl", "-"]
    done = cli.invoke(main, arguments)
    assert json.loads(done.stdout.splitlines()[0])["tasks"]["who"] == {"size": 48}
    done = cli.invoke(main, [*arguments, "--vectors"])
    answer = json.loads(done.stdout.splitlines()[0])["tasks"]["who"]
    assert set(answer) == {"vector"} and len(answer["vector"]) == 48
    assert np.linalg.norm(answer["vector"]) == pytest.approx(1.0, abs=1e-4)


def test_the_other_commands_stand_in_the_help_and_have_their_own(cli: CliRunner) -> None:
    assert "Other commands:\n  enroll" in cli.invoke(main, ["--help"]).output
    usage = cli.invoke(main, ["enroll", "--help"], prog_name="edge-run").output
    assert usage.startswith("Usage: edge-run enroll [OPTIONS] NAME")
