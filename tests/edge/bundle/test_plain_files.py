"""Third-party .tflite files and what they do not say: sizes, values, labels, logits, names."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle.plain_tflite import Description, wrap_tflite
from edge.cli import main
from edge.stream import Stream
from edge.tasks import Prediction
from edge_common.errors import BundleError, ConfigError, EngineError
from tests import flat_models as flat, streaming

COLOURS = ("red", "green", "blue")
# of 10 * (200, 100, 50) / 255
SOFTMAX = [0.977903, 0.019376, 0.002722]


def saved(tmp_path: Path, model: bytes, name: str = "x.tflite") -> Path:
    path = tmp_path / name
    path.write_bytes(model)
    return path


def answers(path: Path, **words: object) -> dict[str, Prediction]:
    decision = Stream(wrap_tflite(path, Description(**words))).push(flat.frame())
    assert decision is not None
    return dict(decision.tasks)


def refusal(path: Path, **words: object) -> str:
    with pytest.raises((BundleError, ConfigError, EngineError)) as error:
        wrap_tflite(path, Description(**words))
    return str(error.value).replace(str(path), "FILE")


@pytest.mark.parametrize("ends", [(), ("RESHAPE",), ("SOFTMAX",), ("SOFTMAX", "RESHAPE")])
def test_logits_get_the_softmax_that_they_lack(tmp_path: Path, ends: tuple[str, ...]) -> None:
    path = saved(tmp_path, flat.colour_model(*ends))
    answer = answers(path, labels=COLOURS)["output_0"]
    assert answer.scores == pytest.approx(SOFTMAX, abs=1e-5)
    assert answer.to_json() == {"label": "red", "p": 0.9779, "index": 0}
    said = wrap_tflite(path).assumptions
    assert ("'output_0' ends in logits: a softmax is added" in said) == ("SOFTMAX" not in ends)


def test_logits_between_0_and_1_are_logits(tmp_path: Path) -> None:
    answer = answers(saved(tmp_path, flat.colour_model(gain=1.0)))["output_0"]
    assert answer.scores == pytest.approx([0.445434, 0.300928, 0.247343], abs=0.01)
    assert answer.scores.sum() == pytest.approx(1, abs=1e-5)


def test_sigmoids_stay_as_they_are(tmp_path: Path) -> None:
    answer = answers(saved(tmp_path, flat.colour_model("LOGISTIC")))["output_0"]
    assert answer.scores == pytest.approx([0.999608, 0.980575, 0.876618], abs=1e-5)


def test_nan_is_no_answer(cli: CliRunner, tmp_path: Path) -> None:
    """The logarithm of a negative number."""
    path = saved(tmp_path, flat.colour_model("LOG", "SOFTMAX", gain=-1.0))
    assert answers(path)["output_0"].to_json() == {}
    cv2.imwrite(str(tmp_path / "x.png"), flat.frame())
    done = cli.invoke(main, [str(path), "--source", str(tmp_path / "x.png"), "--jsonl", "-"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["tasks"] == {"output_0": {}}
    assert str(Prediction(np.zeros(3, np.float32))) == "no answer"


def test_an_output_of_class_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model("ARG_MAX"))
    assert answers(path)["output_0"].to_json() == {"label": "0", "index": 0}
    assert answers(path, labels=COLOURS)["output_0"].to_json() == {"label": "red", "index": 0}
    assert str(answers(path, labels=COLOURS)["output_0"]) == "red"


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 3), (1, 1, 1, 3), (3,)])
def test_axes_of_1_are_no_axes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = saved(tmp_path, flat.colour_model("SOFTMAX", "RESHAPE", shape=shape))
    assert answers(path, labels=COLOURS)["output_0"].label == "red"


def test_a_scalar_is_a_number(tmp_path: Path) -> None:
    assert answers(saved(tmp_path, flat.outputs_model(())))["output_0"].value == 0.0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            flat.outputs_model((1, 10, 4), (1, 10), (1, 10), (1,)),
            "FILE is a detector, which finds boxes and answers no tasks: give a bundle with "
            "tasks; this one goes with edge-run --detector, and edge-bench predict says what it takes",
        ),
        (
            flat.outputs_model((1, 1917, 91), (1, 1917, 4)),
            "FILE is a detector, which finds boxes and answers no tasks: give a bundle with "
            "tasks; this one goes with edge-run --detector, and edge-bench predict says what it takes",
        ),
        (
            flat.outputs_model((1, 3), (1, 0)),
            "FILE: output 1 is [1, 0], of a size that is known only afterwards or empty; "
            "export it with fixed sizes",
        ),
        (
            flat.colour_model(signature=(-1, -1, -1, 3), frame=(1, 1, 1, 3)),
            "FILE leaves the size of its input open (H,W = any, any): say what it was trained on "
            "with --input-size H,W, or export it with a fixed size",
        ),
        (
            flat.colour_model(frame=(1, 1, 4, 4, 3), signature=(1, -1, 4, 4, 3)),
            "FILE leaves the size of its input open (T,H,W = any, 4, 4): say what it was trained "
            "on with --input-size T,H,W, or export it with a fixed size",
        ),
        (
            flat.colour_model("SOFTMAX", name=b"\xff\xfe"),
            "x.tflite has names of tensors that are no text (UTF-8): export it with other names",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(
    tmp_path: Path, model: bytes, message: str
) -> None:
    assert refusal(saved(tmp_path, model)) == message


def test_an_open_size_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model(signature=(-1, -1, -1, 3), frame=(1, 1, 1, 3)))
    spec = wrap_tflite(path, Description(size=(6, 5))).manifest.input
    assert (spec.height, spec.width) == (6, 5)
    assert answers(path, size=(6, 5))["output_0"].scores == pytest.approx(SOFTMAX, abs=1e-5)
    assert refusal(path, size=(2, 6, 5)) == "--input-size 2,6,5 does not fit FILE: H,W = any, any"
    assert refusal(path, size=(9999, 9999)) == "--input-size 9999,9999 is no size of an input"


def test_an_open_window_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model(frame=(1, 1, 4, 4, 3), signature=(1, -1, 4, 4, 3)))
    manifest = wrap_tflite(path, Description(size=(5, 4, 4))).manifest
    assert (manifest.window, manifest.streaming) == (5, "whole-window")
    assert (
        refusal(path, size=(5, 8, 8)) == "--input-size 5,8,8 does not fit FILE: T,H,W = any, 4, 4"
    )


def test_a_fixed_size_is_fixed(tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model())
    assert refusal(path, size=(8, 8)) == "FILE has the fixed size 4, 4: leave out --input-size"
    assert wrap_tflite(path, Description(size=(4, 4))).manifest.input.height == 4


def test_mean_and_std_a_channel_reach_the_network(tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model("RESHAPE", gain=1.0))
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    bundle = wrap_tflite(path, Description(mean=mean, std=std))
    assert (bundle.manifest.input.mean, bundle.manifest.schema) == (mean, 3)
    scores = answers(path, mean=mean, std=std)["output_0"].scores
    # softmax of (1.307047, -0.285014, -0.932985)
    assert scores == pytest.approx([0.763846, 0.155457, 0.081320], abs=0.001)
    shares = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    assert answers(path, value_range=(0.0, 1.0), **shares)["output_0"].scores == pytest.approx(
        scores, abs=1e-3
    )
    assert refusal(path, **shares).endswith("say --input-range 0 1 as well")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"mean": (1.0, 2.0)}, "a mean of 1 2 does not fit 3 channels"),
        ({"mean": (9.0,), "std": (0.0,)}, "a std of 0 divides by nothing: give another one"),
        ({"std": (float("nan"),)}, "a std of nan does not fit 3 channels"),
    ],
)
def test_means_and_stds_that_do_not_fit(
    tmp_path: Path, words: dict[str, tuple[float, ...]], message: str
) -> None:
    assert refusal(saved(tmp_path, flat.colour_model()), **words) == message


@pytest.mark.parametrize("label_file", ["", "names.txt"])
def test_metadata_says_mean_std_and_labels(tmp_path: Path, label_file: str) -> None:
    metadata = flat.normalisation([127.5] * 3, [127.5] * 3, label_file)
    labels = {"names.txt": COLOURS}
    path = saved(tmp_path, flat.colour_model("SOFTMAX", metadata=metadata, labels=labels))
    bundle = wrap_tflite(path)
    assert bundle.manifest.input.value_range == (-1.0, 1.0)
    assert bundle.manifest.tasks[0].labels == COLOURS
    assert bundle.assumptions == (
        "input 4 x 4 RGB, -1..1 (from its metadata); 'output_0' is a class, labels from its metadata"
    )
    stated = wrap_tflite(path, Description((0.0, 1.0), labels=["a", "b", "c"])).manifest
    assert (stated.input.value_range, stated.tasks[0].labels) == ((0.0, 1.0), ("a", "b", "c"))


def test_metadata_with_a_mean_for_each_channel(tmp_path: Path) -> None:
    metadata = flat.normalisation([120.0, 110.0, 100.0], [60.0, 50.0, 40.0])
    spec = wrap_tflite(saved(tmp_path, flat.colour_model(metadata=metadata))).manifest.input
    assert (spec.value_range, spec.mean, spec.std) == ((0, 255), (120, 110, 100), (60, 50, 40))


@pytest.mark.parametrize("name", ["MODEL.TFLITE", "model.lite"])
def test_other_suffixes(cli: CliRunner, tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, flat.colour_model("SOFTMAX"), name)
    cv2.imwrite(str(tmp_path / "x.png"), flat.frame())
    done = cli.invoke(main, [str(path), "--source", str(tmp_path / "x.png"), "--jsonl", "-"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tasks"]["output_0"]["p"] == 0.9779


def test_options_go_with_a_plain_file(cli: CliRunner) -> None:
    for option in ("--mean 1", "--std 1", "--input-size 1", "--colour-order BGR", "--resize crop"):
        done = cli.invoke(main, ["face", "--source", "x.png", *option.split()])
        assert (done.exit_code, "go with a plain .tflite" in done.stderr) == (2, True)
        done = cli.invoke(main, ["x.tflite", "--source", "x.png", option, "nan"])
        assert done.exit_code == 2


def test_damaged_files_raise_nothing_else(tmp_path: Path) -> None:
    """What reads the file by itself finds out of bounds what points out of bounds."""
    from edge.tflite import metadata, tables

    text = flat.normalisation([1.0], [2.0], "names.txt")
    colours = flat.colour_model("SOFTMAX", metadata=text, labels={"names.txt": COLOURS})
    noise = np.random.default_rng(0)
    for model in [colours] * 500 + [streaming.sums(["a", "b"], ["c", "d"])] * 500:
        mutant = bytearray(model)
        for place in noise.integers(0, len(model), 5):
            mutant[place] = noise.integers(0, 256)
        try:
            graph = tables.Graph.of(bytes(mutant))
            metadata.read(bytes(mutant), graph)
        except ValueError:
            continue
        for tensor in (*graph.inputs, *graph.outputs):
            tables.specification(tensor), tables.open_shape(tensor)
        [graph.last_operator(number) for number in range(len(graph.outputs))]
        graph.signature(), graph.sources(), graph.handed_on()


def test_inner_names_need_not_be_text(tmp_path: Path, cli: CliRunner) -> None:
    model = flat.colour_model("SOFTMAX")
    assert model.count(b"\2\0\0\0t1") == 1
    path = saved(tmp_path, model.replace(b"\2\0\0\0t1", b"\2\0\0\0\x80\xff"))
    cv2.imwrite(str(tmp_path / "x.png"), flat.frame())
    done = cli.invoke(main, [str(path), "--source", str(tmp_path / "x.png")])
    assert (done.exit_code, "model  XNNPACK" in done.stdout) == (0, True), done.output


@pytest.mark.parametrize(
    ("options", "label"),
    [("", "green"), ("--resize crop", "red"), ("--resize crop --colour-order BGR", "blue")],
)
def test_frames_come_as_the_command_line_says(
    cli: CliRunner, tmp_path: Path, options: str, label: str
) -> None:
    """Red in the middle, green on both sides: by its mean colour green, in its centre red."""
    path = saved(tmp_path, flat.colour_model("SOFTMAX"))
    pixels = np.full((40, 200, 3), (0, 200, 0), np.uint8)
    pixels[:, 80:120] = (0, 0, 200)
    cv2.imwrite(str(tmp_path / "x.png"), pixels)
    (tmp_path / "names.txt").write_text("\n".join(COLOURS))
    arguments = [path, "--source", tmp_path / "x.png", "--labels", tmp_path / "names.txt"]
    arguments += ["--jsonl", "-", *options.split()]
    done = cli.invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["tasks"]["output_0"]["label"] == label
    assert ("crop" in done.stderr) == ("crop" in options)


def test_what_is_no_way_to_resize_is_one_line(cli: CliRunner, tmp_path: Path) -> None:
    path = saved(tmp_path, flat.colour_model("SOFTMAX"))
    done = cli.invoke(main, [str(path), "--source", "x.png", "--resize", "pad"])
    assert done.exit_code == 2
    assert "'pad' is no way to resize: use stretch, letterbox" in done.stderr
