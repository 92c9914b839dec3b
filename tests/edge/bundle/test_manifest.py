"""What a manifest may say, and what contradicts itself."""

from dataclasses import replace

import pytest

from edge.bundle import (
    CarriedState,
    GateSpec,
    InputSpec,
    Manifest,
    Part,
    Resize,
    TensorSpec,
    open_bundle,
    schema_of,
)
from edge.bundle.manifest import to_json
from edge.bundle.manifest_check import check
from edge.tasks import Task, UnknownRule
from edge_common import decode

FACES = replace(open_bundle("faces-in-motion").manifest, schema=1, gate=None)
ENCODER, HEAD = FACES.parts


def model(*shape: int) -> Part:
    """One part that reads an input of this shape and answers as the head does."""
    (read,) = ENCODER.inputs
    return replace(HEAD, role="model", inputs=(replace(read, shape=shape),))


def single(shape: tuple[int, ...], streaming: str = "single-frame", **fields: object) -> Manifest:
    return replace(FACES, streaming=streaming, parts=(model(*shape),), **fields)


def grey(colour_order: str, channels: int = 1) -> Manifest:
    spec = replace(FACES.input, channels=channels, colour_order=colour_order)
    return single((1, 100, 100, channels), input=spec)


@pytest.mark.parametrize(
    "manifest",
    [
        FACES,
        replace(FACES, input=replace(FACES.input, colour_order="BGR")),
        single((1, 100, 100, 3), window=1),
        single((1, 1, 100, 100, 3), window=1),
        single((1, 15, 100, 100, 3), "whole-window"),
        grey("GRAY"),
    ],
)
def test_it_is_sound(manifest: Manifest) -> None:
    check(manifest)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (replace(FACES, streaming="carried"), "streaming kind 'carried'"),
        (replace(FACES, parts=(HEAD, ENCODER)), r"parts \('head', 'encoder'\)"),
        (replace(FACES, parts=(model(1, 100, 100, 3),)), r"parts \('model',\)"),
        (replace(FACES, streaming="single-frame"), r"parts \('encoder', 'head'\)"),
        (replace(FACES, parts=(replace(ENCODER, precision="int4"), HEAD)), "precision 'int4'"),
        (replace(FACES, window=0), "a window of 0 frames"),
        (grey("RGB"), "colours and channels"),
        (grey("GRAY", channels=2), "colours and channels"),
        (grey("RGB", channels=2), "colours and channels"),
        (replace(FACES, input=replace(FACES.input, colour_order="GRAY")), "colours and channels"),
        (single((2, 100, 100, 3)), "the input's shape"),
        (single((1, 2, 100, 100, 3)), "the input's shape"),
        (single((1, 14, 100, 100, 3), "whole-window"), "the input's shape"),
        (replace(FACES, tasks=FACES.tasks[:1]), r"tasks \['reid'\] and outputs"),
        (replace(FACES, window=14), "the shape of feature"),
    ],
)
def test_it_contradicts_itself(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(manifest)


def test_a_task_has_a_kind_that_is_known_and_as_many_labels_as_outputs() -> None:
    reid, action = FACES.tasks
    with pytest.raises(ValueError, match="task kind 'guess' of 'action'"):
        check(replace(FACES, tasks=(reid, replace(action, kind="guess"))))
    with pytest.raises(ValueError, match="action"):
        check(replace(FACES, tasks=(reid, replace(action, labels=("still", "left")))))


def test_the_head_reads_what_the_encoder_writes() -> None:
    written = tuple(replace(tensor, name=f"{tensor.name}_2") for tensor in ENCODER.outputs)
    with pytest.raises(ValueError, match="features .* written but .* read"):
        check(replace(FACES, parts=(replace(ENCODER, outputs=written), HEAD)))


def test_only_one_role_answers() -> None:
    assert FACES.part("head") is FACES.last_part is HEAD
    assert FACES.part("model") is None
    assert single((1, 100, 100, 3)).last_part.role == "model"
    assert FACES.parameters == 3_607_297


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (replace(FACES, streaming="carried"), "streaming kind 'carried'"),
        (grey("RGB"), "colours and channels"),
        (single((2, 100, 100, 3)), "the input's shape"),
        (
            replace(FACES, tasks=(replace(FACES.tasks[0], kind="multi-label"), FACES.tasks[1])),
            "task kind 'multi-label' in version 1",
        ),
        (replace(FACES, window=14), f"the shape of feature '{ENCODER.outputs[0].name}'"),
    ],
)
def test_it_says_what_contradicts_what(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError) as error:
        check(manifest)
    assert str(error.value) == f"the manifest does not fit together: {message}"


def test_tasks_are_stated_in_the_lowest_version_that_can() -> None:
    binary, tags = Task("gender", "binary"), Task("tags", "multi-label")
    assert schema_of(()) == schema_of((binary,)) == 1
    assert schema_of((tags,)) == schema_of((binary, tags)) == schema_of((tags, binary)) == 2


def test_options_stand_with_the_tasks_that_have_them() -> None:
    tags = Task("tags", "multi-label", thresholds=(0.5,), top_k=2)
    tasks = to_json(replace(FACES, tasks=(FACES.tasks[0], tags)))["tasks"]
    assert not {"thresholds", "top_k"} & set(tasks[0])
    assert (tasks[1]["thresholds"], tasks[1]["top_k"]) == ([0.5], 2)


def test_means_stds_and_logits_need_version_3() -> None:
    spec = replace(FACES.input, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    assert (schema_of(FACES.tasks), schema_of(FACES.tasks, spec)) == (FACES.schema, 3)
    check(replace(FACES, schema=3, input=spec))
    fields = to_json(replace(FACES, schema=3, input=spec))
    assert fields["input"]["mean"] == [1.0, 2.0, 3.0]
    assert "mean" not in to_json(FACES)["input"]
    assert "logits" not in to_json(FACES)["tasks"][0]
    for problem in (
        replace(FACES, input=spec),
        replace(FACES, schema=3, input=replace(spec, std=())),
        replace(FACES, schema=3, input=replace(spec, std=(4.0, 0.0, 6.0))),
        replace(FACES, schema=3, input=replace(spec, mean=(1.0, 2.0))),
        replace(FACES, schema=3, input=replace(spec, mean=(1.0, float("nan"), 2.0))),
    ):
        with pytest.raises(ValueError, match="mean and std"):
            check(problem)


STATE = TensorSpec("a", (1, 4), "int8", 0.5, 3)


def carrying(
    states: tuple[CarriedState, ...] = (CarriedState("a", "b"),),
    read: tuple[TensorSpec, ...] = (STATE,),
    written: tuple[TensorSpec, ...] = (replace(STATE, name="b", scale=0.25),),
    **fields: object,
) -> Manifest:
    """The manifest of one part that reads a frame and states."""
    part = model(1, 1, 100, 100, 3)
    part = replace(part, inputs=(*read, *part.inputs), outputs=(*part.outputs, *written))
    manifest = replace(FACES, schema=4, streaming="carried-state", window=1)
    return replace(manifest, parts=(replace(part, states=states),), **fields)


def test_states_need_version_4() -> None:
    manifest = carrying()
    check(manifest)
    states = manifest.parts[0].states
    assert schema_of(FACES.tasks, FACES.input, states) == 4
    assert to_json(manifest)["parts"][0]["states"] == [{"input": "a", "output": "b"}]
    assert decode(Manifest, to_json(manifest)) == manifest
    assert "states" not in to_json(FACES)["parts"][0]
    assert manifest.clip_frames == 0
    assert FACES.clip_frames == 15
    check(carrying((CarriedState("a"),), written=()))
    check(
        carrying(
            (CarriedState("a", HEAD.outputs[0].name),), (replace(HEAD.outputs[0], name="a"),), ()
        )
    )


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (carrying(schema=3), "states in version 3"),
        (carrying(streaming="single-frame"), "states of a part that is single-frame"),
        (carrying(()), "states of a part that is carried-state"),
        (carrying(window=2), "states and a window of 2 frames"),
        (carrying((CarriedState("x", "b"),)), r"the states \['x'\]"),
        (carrying((CarriedState("a", "x"),)), r"the states \['x'\]"),
        (carrying((CarriedState("a", "b"), CarriedState("a", "b"))), r"the states \['a', 'a'\]"),
        (
            carrying(
                (CarriedState("a", "b"), CarriedState("c", "b")),
                (STATE, replace(STATE, name="c")),
            ),
            r"the states \['b', 'b'\]",
        ),
        (carrying(read=(STATE, STATE)), "two tensors of one name"),
        (carrying(written=(replace(STATE, name="b"),) * 2), "two tensors of one name"),
        (carrying(written=(TensorSpec("b", (1, 5), "int8", 0.5),)), "types of state 'a'"),
        (carrying(written=(TensorSpec("b", (1, 4), "int8"),)), "types of state 'a'"),
        (carrying(read=(STATE, replace(STATE, name="c"))), "the input's shape"),
        (carrying(written=(replace(STATE, name="b"), replace(STATE, name="c"))), r"tasks \["),
        (
            carrying(
                (CarriedState("a"), CarriedState("c")),
                tuple(TensorSpec(n, (1, 1 << 28), "int8") for n in "ac"),
                (),
            ),
            "the size of all states",
        ),
    ],
)
def test_states_that_do_not_fit(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(manifest)


def looking_back(frames: int = 13, streaming: str = "window-ring", **fields: object) -> Manifest:
    """FACES with an encoder that keeps something of the frames before, and a head of that many frames."""
    written = replace(STATE, name="a_next")
    encoder = replace(
        ENCODER,
        inputs=(*ENCODER.inputs, STATE),
        outputs=(*ENCODER.outputs, written),
        states=(CarriedState("a", "a_next"),),
    )
    read = (replace(tensor, shape=(1, frames, *tensor.shape[2:])) for tensor in HEAD.inputs)
    head = replace(HEAD, inputs=tuple(read))
    return replace(FACES, schema=10, streaming=streaming, parts=(encoder, head), **fields)


def test_an_encoder_with_states_needs_version_10() -> None:
    for manifest in (looking_back(), looking_back(15), looking_back(1, "carried-ring")):
        check(manifest)
        assert decode(Manifest, to_json(manifest)) == manifest
    states = looking_back().parts[0].states
    assert schema_of(FACES.tasks, FACES.input, states, "encoder") == 10
    assert looking_back().clip_frames == 15


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (replace(looking_back(), schema=9), "states in version 9"),
        (looking_back(16), "the shape of feature"),
        (replace(FACES, schema=10, streaming="carried-ring"), "a part that is carried-ring"),
        (replace(looking_back(), gate=GateSpec(2.5)), "a motion gate and states"),
        (
            replace(FACES, parts=(ENCODER, replace(HEAD, states=(CarriedState("a", "b"),)))),
            "states of a part that is window-ring",
        ),
        (replace(FACES, schema=10, parts=(ENCODER, looking_back(13).parts[1])), "shape of feature"),
    ],
)
def test_encoders_with_states_that_do_not_fit(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(manifest)


def test_a_motion_gate_needs_version_5() -> None:
    spec = GateSpec(2.5, 8, "held-out clips", 1000, 1, 0.9)
    manifest = replace(FACES, schema=5, gate=spec)
    check(manifest)
    assert decode(Manifest, to_json(manifest)) == manifest
    assert to_json(manifest)["gate"]["threshold"] == 2.5
    assert "gate" not in to_json(replace(FACES, gate=None))
    for problem in (
        replace(manifest, schema=4),
        replace(carrying(schema=5), gate=spec),
        *(replace(manifest, gate=replace(spec, threshold=x)) for x in (-0.1, 31.1, float("nan"))),
        *(replace(manifest, gate=replace(spec, block=x)) for x in (0, -8, 1 << 15)),
    ):
        with pytest.raises(ValueError, match=r"motion gate|the gate's"):
            check(problem)


def test_ways_to_resize_need_version_3() -> None:
    spec = replace(FACES.input, resize=Resize("letterbox", 114))
    assert schema_of(FACES.tasks, spec) == 3
    stated = replace(FACES, schema=3, input=spec)
    check(stated)
    assert to_json(stated)["input"]["resize"] == {"kind": "letterbox", "padding": 114}
    assert decode(InputSpec, to_json(stated)["input"]) == spec
    assert "resize" not in to_json(FACES)["input"]
    for resize in (Resize("pad"), Resize("letterbox", 256), Resize("crop", -1)):
        with pytest.raises(ValueError, match="padding of|resize kind"):
            check(replace(stated, input=replace(spec, resize=resize)))
    with pytest.raises(ValueError, match="resize in version"):
        check(replace(FACES, input=spec))


TRUSTED = replace(FACES.tasks[0], temperature=1.6, unknown=UnknownRule("energy", 9.5))


def test_a_temperature_and_a_rule_for_unknown_need_version_6_and_stand_only_there() -> None:
    tasks = (TRUSTED, FACES.tasks[1])
    assert schema_of(tasks) == schema_of((replace(TRUSTED, unknown=None),)) == 6
    manifest = replace(FACES, schema=6, tasks=tasks)
    check(manifest)
    content = to_json(manifest)
    assert content["tasks"][0]["temperature"] == 1.6
    assert content["tasks"][0]["unknown"] == {"by": "energy", "threshold": 9.5}
    assert not {"temperature", "unknown"} & {*content["tasks"][1]}
    assert decode(Manifest, content).tasks == tasks
    message = "temperature or unknown of 'reid' in version 5"
    with pytest.raises(ValueError, match=message):
        check(replace(manifest, schema=5))
    with pytest.raises(ValueError, match="it must be above 0"):
        check(replace(manifest, tasks=(replace(TRUSTED, temperature=-2.0), FACES.tasks[1])))
