"""Which inputs of a third-party .tflite take which of its outputs."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import CarriedState, TensorSpec
from edge.bundle.manifest_check import check
from edge.bundle.plain_states import Ends, only_way, read
from edge.bundle.plain_tflite import Description, wrap_tflite
from edge.cli import main
from edge.stream import Stream
from edge.tflite import flatbuffer
from edge_common.errors import BundleError
from tests import flat_models, streaming

FRAME = TensorSpec("serving_default_image:0", (1, 1, 8, 6, 3), "float32")
LOGITS = TensorSpec("StatefulPartitionedCall:0", (1, 5), "float32")


def spec(name: str, shape: tuple[int, ...] = (1, 4), dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name, shape, dtype)


def paired(
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    text: str = "",
    signature: tuple[list[str], list[str]] = ([], []),
) -> dict[int, int]:
    """Without a graph: by what is said, by names and by forms alone."""
    ends = Ends(inputs, signature[0]), Ends(outputs, signature[1])
    memory = read(Path("x.tflite"), *ends, None, text)
    assert inputs[memory.frame] is FRAME
    return dict(memory.states)


@pytest.mark.parametrize(
    ("read_names", "written_names"),
    [
        (["state/block0/a", "state/block0/b"], ["state/block0/a", "state/block0/b"]),
        (["serving_default_a:0", "call_b:0"], ["a", "b"]),
        (["r1i", "r2i"], ["r1o", "r2o"]),
        (["a_in", "b_in"], ["a_out", "b_out"]),
        (["input_a", "InputB"], ["output_a", "InputB"]),
        (["prev_a", "prev_b"], ["next_a", "new_b"]),
    ],
)
def test_states_are_told_by_their_names(read_names: list[str], written_names: list[str]) -> None:
    inputs = [*map(spec, read_names)]
    outputs = [*map(spec, written_names)]
    assert paired([FRAME, *inputs], [LOGITS, *outputs]) == {1: 1, 2: 2}
    assert paired([inputs[1], FRAME, inputs[0]], [*outputs, LOGITS]) == {0: 1, 2: 0}
    anonymous = [spec(f"t{i}") for i in range(2)], [spec(f"Identity_{i}") for i in range(2)]
    signature = ["image", *read_names], ["logits", *written_names]
    assert paired([FRAME, *anonymous[0]], [LOGITS, *anonymous[1]], "", signature) == {1: 1, 2: 2}


def test_numbers_alone_are_no_names() -> None:
    with pytest.raises(BundleError, match="cannot be told"):
        paired(
            [FRAME, spec("input_1"), spec("input_2")], [LOGITS, spec("output_2"), spec("output_1")]
        )


def test_else_by_their_form_if_only_one_has_it() -> None:
    inputs = [spec("a", (1, 8)), FRAME, spec("b", (1,), "int32"), spec("c", (1,))]
    outputs = [spec("x", (1,)), spec("y", (1, 8)), LOGITS, spec("z", (1,), "int32")]
    assert paired(inputs, outputs) == {0: 1, 2: 3, 3: 0}
    steps = TensorSpec("q", (1, 8), "int8", 0.5, 3), TensorSpec("s", (1, 8), "int8", 0.25, -7)
    assert paired([FRAME, steps[0]], [steps[1], LOGITS]) == {1: 0}
    assert paired([FRAME, steps[0]], [spec("real", (1, 8)), LOGITS]) == {1: 0}


def test_a_state_may_be_the_answer_if_its_name_says_so() -> None:
    mask = (1, 8, 6, 1)
    assert paired([FRAME, spec("mask_in", mask)], [spec("mask_out", mask)]) == {1: 0}
    memory = read(
        Path("x"), Ends([FRAME, spec("mask_in", mask)]), Ends([spec("mask", mask)]), None, ""
    )
    assert list(memory.answers) == [0]
    with pytest.raises(BundleError, match="cannot be told"):
        paired([FRAME, spec("hint", (1, 5))], [LOGITS])


def test_the_frame_is_what_no_output_has_the_name_of() -> None:
    hidden = [spec("hidden_in", (1, 8, 6, 3)), FRAME, spec("r_in", (1, 4, 3, 3))]
    outputs = [spec("r_out", (1, 4, 3, 3)), LOGITS, spec("hidden_out", (1, 8, 6, 3))]
    assert paired(hidden, outputs) == {0: 2, 2: 0}


def test_what_a_user_says_comes_first() -> None:
    inputs = [FRAME, spec("a"), spec("b"), spec("threshold", (1,))]
    outputs = [spec("a"), spec("b"), LOGITS]
    assert paired(inputs, outputs, "a=b,b=a,threshold=none") == {1: 1, 2: 0, 3: -1}
    assert paired(inputs, outputs, "3=none") == {3: -1, 1: 0, 2: 1}
    assert paired(inputs, outputs, " 1 = 1 , 2=0, 3=none,") == {1: 1, 2: 0, 3: -1}
    assert paired(inputs, outputs, "none") == {1: -1, 2: -1, 3: -1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("c=a", "there is no 'c', or more than one"),
        ("a=c", "there is no 'c', or more than one"),
        ("a", "'a' is no pair"),
        ("a=9", "there is no '9', or more than one"),
        ("a=a,1=b", "one of '1=b' is in two pairs"),
        ("a=a,b=a", "one of 'b=a' is in two pairs"),
        ("a=2", "'a=2' differ in shape or type"),
    ],
)
def test_what_does_not_fit_is_one_line(text: str, reason: str) -> None:
    with pytest.raises(BundleError) as error:
        paired([FRAME, spec("a"), spec("b")], [spec("a"), spec("b"), LOGITS], text)
    assert str(error.value) == (
        f"--states does not fit x.tflite ({reason}): give IN=OUT,IN=OUT in names or numbers of "
        "inputs 0 'image' [1, 1, 8, 6, 3] float32, 1 'a' [1, 4] float32, 2 'b' [1, 4] float32 "
        "and outputs 0 'a' [1, 4] float32, 1 'b' [1, 4] float32, "
        "2 'StatefulPartitionedCall' [1, 5] float32; IN=none stays 0"
    )


def test_what_can_be_paired_in_two_ways_is_refused() -> None:
    inputs = [FRAME, spec("h"), spec("count", (1,), "int32"), spec("c")]
    outputs = [spec("x"), LOGITS, spec("y"), spec("count", (1,), "int32")]
    with pytest.raises(BundleError) as error:
        paired(inputs, outputs)
    assert str(error.value) == (
        "x.tflite has several inputs, and it cannot be told which outputs they take from the frame "
        "before: inputs 1 'h' [1, 4] float32, 3 'c' [1, 4] float32; outputs 0 'x' [1, 4] float32, "
        "1 'StatefulPartitionedCall' [1, 5] float32, 2 'y' [1, 4] float32: "
        "say --states IN=OUT,IN=OUT in these names or numbers (IN=none: it stays 0)"
    )
    assert paired(inputs, outputs, "h=y") == {1: 2, 2: 3, 3: 0}


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([FRAME, spec("a")], [LOGITS]),
        ([spec("a"), spec("b")], [spec("a"), spec("b")]),
        ([spec("clip", (1, 8, 8, 6, 3)), spec("a")], [spec("a"), LOGITS]),
        ([FRAME, spec("right", (1, 1, 8, 6, 3))], [LOGITS]),
    ],
)
def test_other_inputs_are_refused(inputs: list[TensorSpec], outputs: list[TensorSpec]) -> None:
    with pytest.raises(BundleError, match=r"takes \[.*\], \[.*\]; only one picture or window"):
        paired(inputs, outputs)


def test_text_is_no_state() -> None:
    with pytest.raises(BundleError, match=r"x.tflite has inputs of type str: only one"):
        paired([FRAME, spec("a", dtype="str")], [LOGITS], "none")


def test_one_input_has_no_states(tmp_path: Path) -> None:
    path = tmp_path / "colour.tflite"
    path.write_bytes(flat_models.colour_model())
    with pytest.raises(BundleError, match="has one input, and so no states: leave out --states"):
        wrap_tflite(path, Description(states="a=b"))
    assert wrap_tflite(path, Description(states="none")).manifest.streaming == "single-frame"


def test_one_way_is_found_and_two_are_not() -> None:
    rng = np.random.default_rng(2)
    unique = 0
    for _ in range(3000):
        keys, values = (int(n) for n in rng.integers(1, 5, 2))
        candidates = {
            key: {value for value in range(values) if rng.random() < 0.5} for key in range(keys)
        }
        ways = [
            dict(enumerate(way))
            for way in itertools.permutations(range(values), keys)
            if all(value in candidates[key] for key, value in enumerate(way))
        ]
        unique += len(ways) == 1
        assert only_way(candidates) == (ways[0] if len(ways) == 1 else {})
    assert unique > 300


@pytest.mark.parametrize("count", range(1, 6))
def test_else_by_what_is_computed_from_what(tmp_path: Path, count: int) -> None:
    order = [*map(int, np.random.default_rng(count).permutation(count + 1))]
    path = tmp_path / "sums.tflite"
    names = [f"in{i}of" for i in range(count)], [f"from{i}" for i in range(count)]
    path.write_bytes(streaming.sums(*names, order))
    part = wrap_tflite(path).manifest.last_part
    written = {tensor.name: order[i] for i, tensor in enumerate(part.outputs)}
    pairs = {state.input: written[state.output] for state in part.states}
    assert pairs == {name: i for i, name in enumerate(names[0])}
    assert written["output_0"] == count


def test_inputs_that_stay_0_get_no_output(tmp_path: Path) -> None:
    path = tmp_path / "sums.tflite"
    path.write_bytes(streaming.sums(["a", "b"], ["a", "b"]))
    one = wrap_tflite(path, replace(streaming.AS_PIXELS, states="a=none"))
    assert one.manifest.last_part.states == (CarriedState("a"), CarriedState("b", "b"))
    none = wrap_tflite(path, replace(streaming.AS_PIXELS, states="none"))
    assert [task.name for task in one.manifest.tasks] == ["output_0", "output_1"]
    assert [task.name for task in none.manifest.tasks] == ["output_0", "output_1", "output_2"]
    pixels = np.full((4, 4, 3), 7, np.uint8)
    for bundle, expected in ((one, [7, 14, 21]), (none, [7, 7, 7])):
        stream, sums = Stream(bundle), []
        for _ in range(3):
            stream.push(pixels)
            sums.append(float(stream.network.head.output(2).flat[0]))
        assert sums == pytest.approx(expected)


def test_equal_names_of_tensors_are_made_different(tmp_path: Path) -> None:
    path = tmp_path / "sums.tflite"
    path.write_bytes(streaming.sums(["output_0", "output_1"], ["output_0", "output_1"]))
    bundle = wrap_tflite(path)
    assert [t.name for t in bundle.manifest.last_part.inputs] == ["input_0", "input_1", "input_2"]
    check(bundle.manifest)


def test_open_sizes_beside_states_are_refused(tmp_path: Path) -> None:
    root = flatbuffer.read(streaming.sums(["a"], ["a"]))
    root.subgraphs[0].tensors[0].shapeSignature = [-1, -1, -1, 3]
    path = tmp_path / "open.tflite"
    path.write_bytes(flatbuffer.write(root))
    with pytest.raises(BundleError, match="sizes of its 2 inputs open: export it with fixed sizes"):
        wrap_tflite(path)
    root.subgraphs[0].tensors[0].shapeSignature = [-1, 4, 4, 3]
    path.write_bytes(flatbuffer.write(root))
    assert wrap_tflite(path).manifest.streaming == "carried-state"


def test_edge_run_takes_them(cli: CliRunner, tmp_path: Path, video_path: Path) -> None:
    path = tmp_path / "sums.tflite"
    path.write_bytes(streaming.sums(["a", "b"], ["b", "a"]))
    arguments = [str(path), "--source", str(video_path), "--jsonl", "-", "--frames", "5"]
    crossed = cli.invoke(main, arguments)
    assert crossed.exit_code == 0, crossed.output
    assert "states that go from frame to frame: 2 by name" in crossed.stderr
    stated = cli.invoke(main, [*arguments, "--states", "a=0,b=1"])
    assert stated.exit_code == 0, stated.output
    assert "states that go from frame to frame: 2 as asked for" in stated.stderr
    assert stated.stdout.count('"frame": ') == crossed.stdout.count('"frame": ') == 5
    refused = cli.invoke(main, [*arguments, "--states", "a=c"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    refused = cli.invoke(main, ["--states", "a=b", "--source", str(video_path)])
    assert refused.exit_code == 2
    assert "a bundle knows its own" in refused.stderr
