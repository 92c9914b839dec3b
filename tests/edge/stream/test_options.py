"""What an engine, or another process, is given of the options that a user chose."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from edge import open_bundle
from edge.bundle import Part
from edge.emulated import ThrottledBoard
from edge.engine.delegate import AUTO, Delegate
from edge.stream import Region, Stream, StreamOptions
from edge_common.errors import BundleError

FACES = open_bundle("faces-in-motion")
ENCODER, HEAD = FACES.manifest.parts


@pytest.fixture
def engine_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, dict[str, Any]]]:
    """The arguments of every engine that is made, in place of the engine."""
    calls: list[tuple[bytes, dict[str, Any]]] = []

    class Recorder:
        inputs, outputs = ENCODER.inputs, ENCODER.outputs

        def __init__(self, model: bytes, **arguments: Any) -> None:
            calls.append((model, arguments))

    monkeypatch.setattr("edge.stream.options.Engine", Recorder)
    return calls


def test_an_engine_is_given_what_the_user_chose(engine_calls: list[tuple[bytes, dict]]) -> None:
    delegate = Delegate("none")
    StreamOptions("tensorflow", 3, delegate, timeout_s=2.5).load(FACES, ENCODER)
    assert engine_calls == [
        (
            FACES.members["encoder.tflite"],
            {
                "name": "encoder.tflite",
                "runtime": "tensorflow",
                "threads": 3,
                "delegate": delegate,
                "throttle": None,
                "timeout_s": 2.5,
            },
        )
    ]


def test_what_the_user_chose_not_to_say(engine_calls: list[tuple[bytes, dict]]) -> None:
    StreamOptions().load(FACES, ENCODER)
    arguments = engine_calls[0][1]
    assert (arguments["runtime"], arguments["threads"], arguments["timeout_s"]) == ("auto", 1, None)
    assert arguments["delegate"] is AUTO


def test_an_emulated_board_gives_its_cores_and_its_latency(
    engine_calls: list[tuple[bytes, dict]],
) -> None:
    StreamOptions(threads=64, device="emulated:pi-4").load(FACES, ENCODER)
    board = ThrottledBoard.named("emulated:pi-4", 4)
    arguments = engine_calls[0][1]
    assert arguments["threads"] == 4
    assert arguments["throttle"].target_ms == board.latency(FACES.members["encoder.tflite"]).ms


@pytest.mark.parametrize(
    "part",
    [
        replace(ENCODER, inputs=HEAD.inputs),
        replace(ENCODER, outputs=ENCODER.outputs[:-1]),
        replace(ENCODER, inputs=(replace(ENCODER.inputs[0], zero_point=7),)),
    ],
    ids=["inputs", "outputs", "zero point"],
)
def test_a_part_that_is_not_as_the_manifest_says_is_refused(part: Part) -> None:
    with pytest.raises(BundleError) as error:
        StreamOptions().load(FACES, part)
    assert str(error.value) == (
        "encoder.tflite: its tensors are not as the manifest says; make it again"
    )


def test_tensors_may_have_other_names_in_the_manifest() -> None:
    inputs = tuple(replace(tensor, name="another") for tensor in ENCODER.inputs)
    outputs = tuple(replace(tensor, name="others") for tensor in ENCODER.outputs)
    engine = StreamOptions().load(FACES, replace(ENCODER, inputs=inputs, outputs=outputs))
    assert engine.name == "encoder.tflite"


def test_the_machine_is_confined_if_a_board_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    boards: list[str] = []

    @contextmanager
    def confined(board: ThrottledBoard) -> Iterator[None]:
        boards.append(board.profile.name)
        yield

    monkeypatch.setattr(ThrottledBoard, "confined", confined)
    with StreamOptions().confined():
        assert boards == []
    with StreamOptions(device="emulated:pi-5").confined():
        assert boards == ["pi-5"]


def test_a_stream_says_which_board_its_parts_were_held_to() -> None:
    predicted = Stream(FACES, StreamOptions(device="emulated:pi-5")).network.predicted
    assert predicted and predicted.board == "pi-5"
    assert list(predicted.parts_ms) == list(predicted.late) == ["encoder", "head"]


def test_options_of_clips_look_at_every_window_of_whole_frames() -> None:
    options = StreamOptions("litert", 2, region=Region("square"), hop=3, timeout_s=1.5)
    assert options.for_clips() == StreamOptions("litert", 2, timeout_s=1.5, gate=False)


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (StreamOptions(), "--runtime auto --threads 1"),
        (StreamOptions(gate=False), "--runtime auto --threads 1 --no-gate"),
        (
            StreamOptions("litert", 3, Delegate("none"), "emulated:pi-4", 2.5, Region("square"), 2),
            "--runtime litert --threads 3 --device emulated:pi-4 --delegate none "
            "--region square --hop 2",
        ),
    ],
)
def test_options_are_said_on_a_command_line(options: StreamOptions, arguments: str) -> None:
    assert options.arguments == arguments.split()
