"""An encoder and a head in files of their own, as most who train a CNN and an LSTM have them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import CARRIED_RING, WINDOW_RING, Bundle, open_bundle
from edge.check.self_test import self_test
from edge.stream import Stream
from edge_convert.cli import main
from edge_convert.precision.calibration import as_network_input
from tests import tiny

WIDTH = 6


def _extractor(size: tuple[int | None, int | None] = (tiny.SIZE, tiny.SIZE)) -> Any:
    """(H, W, 3) -> 6 features and a map (8, 8, 2)."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    picture = keras.Input((*size, 3))
    x = layers.Conv2D(4, 3, 2, "same", activation="relu")(layers.Rescaling(1 / 255)(picture))
    maps = layers.Conv2D(2, 3, 2, "same", name="maps")(x)
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(WIDTH, 3, 2, activation="relu")(x))
    outputs = {"pooled": layers.Activation("linear", name="pooled")(pooled), "maps": maps}
    return keras.Model(picture, outputs, name="extractor")


def _head(window: int | None = tiny.WINDOW, width: int = WIDTH, masked: bool = False) -> Any:
    """As the video classification of keras.io: GRU over features, a mask beside them."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(2)
    features = keras.Input((window, width), name="features_of_frames")
    mask = keras.Input((window,), dtype="bool", name="mask")
    x = layers.GRU(5, return_sequences=True)(features, mask=mask if masked else None)
    x = layers.Dropout(0.4)(layers.GRU(4)(x))
    answer = layers.Dense(3, activation="softmax", name="kind")(x)
    return keras.Model([features, mask] if masked else features, answer, name="sequence")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    models = {
        "extractor": _extractor(),
        "open_extractor": _extractor((None, None)),
        "head": _head(masked=True),
        "open_head": _head(window=None),
        "wide_head": _head(width=7),
        "map_head": _head(width=8 * 8 * 2),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    clips = tiny.labelled_clips(8)
    np.savez(folder / "clips.npz", clips=clips["clips"], kind=clips["kind"])
    return folder


def _run(folder: Path, *arguments: str) -> Any:
    words = [str(folder / each) if "." in each else each for each in arguments]
    return CliRunner().invoke(main, words)


def _converted(files: Path, head: str, *options: str) -> tuple[str, Bundle]:
    """What was said, and the bundle of both files in float32."""
    name = f"with_{head.removesuffix('.keras')}.edge"
    result = _run(
        files, "--encoder", "extractor.keras", "--head", head, "-o", name, "--calibration", "clips.npz",
        "--encoder-precision", "float32", "--head-precision", "float32", *options,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return result.stderr, open_bundle(files / name)


@pytest.fixture(scope="module")
def bundle(files: Path) -> Bundle:
    options = ["--validation", "clips.npz", "--no-gate"]
    return _converted(files, "head.keras", *options)[1]


def test_two_files_become_one_bundle_that_streams(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert (manifest.streaming, manifest.window) == (WINDOW_RING, tiny.WINDOW)
    shapes = {part.role: part.inputs[0].shape for part in manifest.parts}
    assert shapes == {"encoder": (1, 32, 32, 3), "head": (1, 4, WIDTH)}
    assert self_test(bundle).exact
    report = bundle.members["report.md"].decode()
    assert "extractor.keras (Keras" in report
    assert {(a.graph, a.n) for a in manifest.accuracy} == {("float", 8), ("streamed", 8)}


def test_it_answers_as_both_files_do_with_a_mask_of_ones(bundle: Bundle) -> None:
    frames = tiny.frames(tiny.WINDOW, seed=9)
    stream = Stream(bundle)
    decision = [stream.push(np.ascontiguousarray(frame[..., ::-1])) for frame in frames][-1]
    assert decision is not None
    values = as_network_input(frames, bundle.manifest.input)
    features = np.asarray(_extractor()(values)["pooled"])[None]
    expected = np.asarray(_head(masked=True)([features, np.ones((1, tiny.WINDOW), bool)]))[0]
    np.testing.assert_allclose(decision.tasks["kind"].scores, expected, atol=1e-5)


def test_states_of_the_head_are_carried_by_the_encoder(files: Path) -> None:
    stderr, bundle = _converted(files, "open_head.keras", "--window", "4", "--carry-state")
    assert "carried state: the encoder looks back beyond the window" in stderr
    assert bundle.manifest.streaming == CARRIED_RING
    encoder = bundle.manifest.part("encoder")
    assert encoder and encoder.read[0].shape == (1, 32, 32, 3) and len(encoder.states) == 2
    frames, stream = tiny.frames(3 * tiny.WINDOW, seed=9), Stream(bundle)
    features = np.asarray(_extractor()(as_network_input(frames, bundle.manifest.input))["pooled"])
    head = _head(window=None)
    for count, frame in enumerate(frames, 1):
        decision = stream.push(np.ascontiguousarray(frame[..., ::-1]))
        if decision:
            expected = np.asarray(head(features[None, :count]))[0]
            np.testing.assert_allclose(decision.tasks["kind"].scores, expected, atol=1e-5)


def test_a_map_is_read_as_one_vector_and_open_sizes_are_said_or_taken(files: Path) -> None:
    explained = _run(files, "--encoder", "extractor.keras", "--head", "map_head.keras", "--explain")
    assert "4 times 'maps' (128) of extractor.keras" in explained.output
    said = _run(
        files, "--encoder", "open_extractor.keras", "--head", "open_head.keras", "--explain",
        "--window", "5", "--size", "16x20",
    )  # fmt: skip
    assert "5 times 'pooled' (6) of open_extractor.keras: encoder" in said.output
    taken = _run(
        files, "--encoder", "open_extractor.keras", "--head", "open_head.keras", "--explain",
        "--calibration", "clips.npz",
    )  # fmt: skip
    assert "height 32, width 32 taken from clips.npz" in taken.stderr
    assert "window 4 taken from clips.npz" in taken.stderr
    assert "4 times 'pooled'" in taken.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--encoder", "extractor.keras", "--head", "wide_head.keras"],
            "extractor.keras gives 'pooled' (6,), 'maps' (8, 8, 2) of a frame, and wide_head.keras "
            "takes (7): they do not fit",
        ),
        (
            ["--encoder", "extractor.keras", "--head", "map_head.keras", "--feature", "pooled"],
            "extractor.keras gives 'pooled' (6,) of a frame, and map_head.keras takes (128)",
        ),
        (
            ["--encoder", "extractor.keras", "--head", "head.keras", "--feature", "pool"],
            "extractor.keras has no output 'pool', but pooled, maps",
        ),
        (
            ["--encoder", "head.keras", "--head", "head.keras"],
            "head.keras takes [any, 4, 6] float32, an encoder takes one image",
        ),
        (
            ["--encoder", "extractor.keras", "--head", "open_head.keras"],
            "its window is open, and no clips say it: say what it was trained on with --window T",
        ),
        (
            ["--encoder", "extractor.keras", "--head", "head.keras", "--window", "8"],
            "head.keras takes [any, 4, 6] float32, a fixed window of 4: leave out --window",
        ),
        (
            ["open_extractor.keras"],
            "its height and width are open, and no clips say it: say what it was trained on with "
            "--size HxW",
        ),
        (
            ["--encoder", "extractor.keras", "--head", "head.keras", "--cut", "gru"],
            "are cut already: leave out --cut",
        ),
        (["--head", "head.keras"], "give --encoder as well"),
        (["head.keras", "--encoder", "extractor.keras"], "give one MODEL, or both"),
        ([], "Missing argument 'MODEL': give one, or --encoder and --head"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    files: Path, arguments: list[str], message: str
) -> None:
    result = _run(files, *arguments, "--explain")
    assert result.exit_code == 2, result.output
    assert message in result.stderr.replace(f"{files}/", "")
    assert "Traceback" not in result.output


def test_a_head_alone_says_how_to_give_its_encoder(files: Path) -> None:
    result = _run(files, "head.keras", "-o", "x.edge", "--calibration", "clips.npz")
    assert result.exit_code == 2
    assert "head.keras is a head: it takes 4 frames of 6 features" in result.stderr
    assert "--encoder EXTRACTOR --head head.keras" in result.stderr
    assert not (files / "x.edge").exists()
