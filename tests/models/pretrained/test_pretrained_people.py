"""How people are known again, on descriptors whose answers can be told by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from edge.bundle import Accuracy, open_bundle, write_bundle
from edge.people.recogniser import acceptance_of
from edge.tasks import Task
from edge_common.document import Section
from edge_models.datasets.dataset import regression
from edge_models.evaluation.similarity import GalleryResults, roc_area, unit
from edge_models.networks.files import save_model, write_tasks
from examples.face import agreement, reidentify
from examples.face.galleries import asked, held_out, leave_one_out, pairs, seal

PEOPLE = np.repeat(np.arange(8), 10)


def clustered(spread: float, seed: int = 0) -> np.ndarray:
    """Ten descriptors for each of eight people, around a direction each."""
    random = np.random.default_rng(seed)
    middle = np.eye(8)[PEOPLE]
    return unit(middle + spread * random.normal(size=middle.shape))


def likeness(spread: float) -> np.ndarray:
    rows = clustered(spread)
    return rows @ rows.T


def test_nobody_is_their_own_neighbour() -> None:
    rows = unit(np.array([[1, 0], [0, 1], [0.1, 1], [1, 0.1]]))
    assert leave_one_out(rows @ rows.T, np.array([0, 0, 1, 0])).tolist() == [
        True,
        False,
        False,
        True,
    ]


def test_pairs_are_counted_once() -> None:
    one, two = pairs(likeness(0.1), PEOPLE)
    assert (len(one), len(two)) == (8 * 45, 80 * 79 // 2 - 8 * 45)
    assert one.min() > two.max() and roc_area(one, two) == 1.0


@pytest.mark.parametrize(
    ("one", "area"), [([0.9], 1.0), ([0.5], 0.5), ([0.2], 0.0), ([0.5, 0.9], 0.75)]
)
def test_the_area_is_the_chance_of_the_right_order(one: list[float], area: float) -> None:
    assert roc_area(np.array(one), np.array([0.4, 0.5, 0.6])) == pytest.approx(area)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50), st.floats(0.001, 1.0))
def test_at_its_threshold_no_more_strangers_pass_than_were_allowed(
    impostors: list[float], rate: float
) -> None:
    found = GalleryResults(np.array(impostors), np.array([1.0]), np.array([True]))
    assert found.false_accept_rate(found.threshold_at(rate)) <= rate


def test_the_threshold_is_the_lowest_that_holds_the_rate() -> None:
    found = GalleryResults(
        np.linspace(0, 0.99, 100), np.array([0.95, 0.99]), np.array([True, False])
    )
    threshold = found.threshold_at(0.05)
    assert found.false_accept_rate(threshold) == pytest.approx(0.05)
    assert threshold == pytest.approx(0.94)
    assert found.true_accept_rate(threshold) == 0.5  # the other one gets another's name


def test_a_gallery_asks_strangers_and_the_other_photos_of_the_known() -> None:
    found = asked(likeness(0.1), PEOPLE, np.arange(8), 3, 4, np.random.default_rng(0))
    assert len(found.impostors) == 4 * 5 * 10
    assert len(found.known) == len(found.right) == 4 * 3 * 5
    assert found.right.all() and found.known.min() > found.impostors.max()


def test_people_held_out_are_others_than_those_chosen_on() -> None:
    false, true = held_out(
        likeness(0.2), PEOPLE, 2, 0.05, np.random.default_rng(0), halvings=5, draws=5
    )
    assert 0 <= false.low <= false.value <= false.high <= 1
    assert true.value > 0.8


def small_face(*, window: int = 2):
    """The tasks of `face` of a tiny picture: brightness, and its pixels in coarse."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    frames = keras.Input((window, 224, 224, 3), name="frames")
    coarse = layers.TimeDistributed(layers.AveragePooling2D(28), name="coarse")(frames)
    scaled = layers.TimeDistributed(layers.Rescaling(1 / 128, -1.0), name="scaled")(coarse)
    flat = layers.TimeDistributed(layers.Flatten(), name="flat")(scaled)
    mean = layers.GlobalAveragePooling1D(name="mean")(flat)
    outputs = {
        "age": layers.Dense(1, name="age")(mean),
        "gender": layers.Dense(1, activation="sigmoid", name="gender")(mean),
        "descriptor": layers.UnitNormalization(name="descriptor")(mean),
    }
    return keras.Model(frames, outputs, name="small_face")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, photos) -> tuple[Path, Path]:
    """A `.keras` file and its bundle, with the tasks of `face`."""
    from edge.check.clips import Clips
    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest
    from edge_models.datasets.orl_motion import write_clips
    from examples.face.face import face_clips
    from examples.face.galleries import face_plans

    folder = tmp_path_factory.mktemp("face")
    model, bundle = folder / "small.keras", folder / "small.edge"
    save_model(small_face(), model)
    tasks = (regression("age", "years", 100.0), Task("gender", "binary", ("female", "male")),
             Task("descriptor", "embedding"))  # fmt: skip
    write_tasks(
        model.with_suffix(".tasks.json"), tasks, frame_rate_hz=0.0, licence="", weights_source="us"
    )
    clips = face_clips(face_plans(photos[:40], 8, 0), 2, seed=0)
    write_clips(folder / "clips.npz", Clips("clips", clips))
    precisions = {"encoder_precision": "int8", "head_precision": "float32"}
    Conversion(ConversionRequest(model, bundle, folder / "clips.npz", **precisions)).run()
    return model, bundle


def test_reidentify_writes_figures_and_seals_a_threshold(
    cli: CliRunner, small: tuple[Path, Path], tmp_path: Path
) -> None:
    model, bundle = small
    own = tmp_path / "own.edge"
    own.write_bytes(bundle.read_bytes())
    command = [str(own), "--float", str(model), "-o", str(tmp_path / "people"), "--seal"]
    for _ in range(2):  # a second run replaces what the first put in
        done = cli.invoke(reidentify.main, command)
        assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "people.json").read_text())
    assert [report["graph"] for report in content["reports"]] == ["float", "streamed"]
    for report in content["reports"]:
        assert report["rank_1"]["n"] == 400 and report["rank_1"]["value"] > 0.9
        rates = [point[1] for point in report["points"]]
        assert rates == sorted(rates, reverse=True)
    sealed = open_bundle(own)
    accepted = acceptance_of(sealed)
    assert accepted.task == "descriptor" and accepted.false_accept_rate == 0.001
    assert 0 < accepted.threshold <= 1
    assert "reidentify own.edge" in accepted.command
    assert [(a.graph, a.n) for a in sealed.manifest.accuracy] == [("float", 400), ("streamed", 400)]
    report = sealed.members["report.md"].decode()
    assert report.count("## Knowing people again") == 1
    assert report.startswith(open_bundle(bundle).members["report.md"].decode().rstrip("\n"))


def test_agreement_holds_int8_against_float(
    cli: CliRunner, small: tuple[Path, Path], tmp_path: Path
) -> None:
    model, bundle = small
    done = cli.invoke(
        agreement.main,
        [str(bundle), "--float", str(model), "--count", "16", "-o", str(tmp_path / "a")],
    )
    assert done.exit_code == 0, done.output
    found = {(c["task"], c["what"]): c for c in json.loads((tmp_path / "a.json").read_text())}
    assert {c["n"] for c in found.values()} == {16}
    assert found["descriptor", "mean cosine"]["value"] > 0.99
    for figure in found.values():
        assert figure["low"] <= figure["value"] + 1e-9 and figure["value"] <= figure["high"] + 1e-9
    assert {what for _, what in found} >= {"rank-1 among 200 photos, float",
                                          "rank-1 among 200 photos, streamed"}  # fmt: skip


def test_sealing_keeps_what_others_measured(small: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = open_bundle(small[1])
    own = write_bundle(tmp_path / "own.edge", bundle.manifest, bundle.members)
    age = Accuracy("age", "accuracy", 0.5, 10, "streamed")
    first = seal(own, Section("Age", ("Half.",)), [age])
    second = seal(
        first, Section("Gender", ("All.",)), [Accuracy("gender", "accuracy", 1.0, 10, "streamed")]
    )
    third = seal(
        second, Section("Age", ("More.",)), [Accuracy("age", "accuracy", 0.6, 10, "streamed")]
    )
    assert {a.task: a.value for a in open_bundle(third.path).manifest.accuracy} == {
        "gender": 1.0,
        "age": 0.6,
    }
    report = third.members["report.md"].decode()
    assert "Half." not in report and report.endswith("## Age\n\nMore.\n")
    assert "## Gender\n\nAll.\n\n## Age" in report
