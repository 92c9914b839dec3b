"""Networks that carry states from frame to frame, against the interpreter run by hand."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import GOLDEN, Bundle, TensorSpec, open_bundle, write_bundle
from edge.bundle.plain_tflite import wrap_tflite
from edge.check.clips import read_clips
from edge.check.evaluate import replay, stream_outputs
from edge.check.self_test import self_test
from edge.engine import Delegate
from edge.stream import Frame, Stream, StreamOptions
from edge.stream.network import Network
from edge.stream.preprocess import FULL
from edge.stream.quantise import dequantise, quantise
from edge.stream.states import _copy_of
from tests import streaming


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 40, 48, 3), np.uint8)


def outputs_of(network: Network) -> list[np.ndarray]:
    """What stands in all outputs of its only engine: answers and states."""
    return [network.head.output(i).copy() for i in range(len(network.head.outputs))]


def image_of(network: Network) -> np.ndarray:
    """What its engine took for the frame."""
    part = network.bundle.manifest.last_part
    return network.head.input(part.inputs.index(part.read[0])).copy()


def order_of(bundle: Bundle) -> dict[int, int]:
    """Positions of the states among the inputs and the outputs."""
    part = bundle.manifest.last_part
    inputs, outputs = ([t.name for t in tensors] for tensors in (part.inputs, part.outputs))
    return {inputs.index(state.input): outputs.index(state.output) for state in part.states}


def equal(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    pairs = list(zip(left, right, strict=True))
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(params=["float32", "int8"])
def file(request: pytest.FixtureRequest, streaming_files: Path) -> Path:
    return streaming_files / f"{request.param}.tflite"


@pytest.fixture
def bundle(file: Path) -> Bundle:
    return wrap_tflite(file)


def test_states_are_bit_exact_with_running_it_by_hand(file: Path, bundle: Bundle) -> None:
    stream, by_hand = Stream(bundle), streaming.ByHand(file.read_bytes())
    logits = next(i for i, t in enumerate(stream.network.head.outputs) if t.shape == (1, 5))
    answers = set()
    for number, pixels in enumerate(frames(20)):
        if number == 12:
            stream.reset()
            by_hand.restart()
        if number == 16:
            by_hand.restart()
        decision = stream.push(Frame(pixels, number, restart=number == 16))
        assert equal(outputs_of(stream.network), by_hand.step(image_of(stream.network)))
        real = dequantise(outputs_of(stream.network)[logits], stream.network.head.outputs[logits])
        assert decision.tasks["output_0"].index == real.argmax()
        answers.add(real.tobytes())
    assert len(answers) > 12  # else anything would agree


def test_the_states_of_the_int8_file_have_scales_of_their_own(streaming_files: Path) -> None:
    bundle = wrap_tflite(streaming_files / "int8.tflite")
    part = bundle.manifest.last_part
    pairs = [(part.inputs[i], part.outputs[o]) for i, o in order_of(bundle).items()]
    scales = {(read.scale, read.zero_point) == (w.scale, w.zero_point) for read, w in pairs}
    assert scales == {True, False}
    assert any(read.zero_point for read, _ in pairs)


@pytest.mark.parametrize("signed", [True, False])
def test_any_order_of_inputs_and_outputs_gives_the_same(
    file: Path, tmp_path: Path, signed: bool
) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(streaming.changed(file.read_bytes(), signed, seed=4))
    streams = [Stream(wrap_tflite(path)) for path in (file, other)]
    for pixels in frames(8):
        first, second = (stream.push(pixels).tasks["output_0"].scores for stream in streams)
        assert np.array_equal(first, second)


def test_counters_begin_at_0(bundle: Bundle) -> None:
    stream = Stream(bundle)
    counters = [i for i, t in enumerate(stream.network.head.outputs) if t.dtype == "int32"]
    assert len(counters) == 3
    for number, pixels in enumerate(frames(5)):
        stream.push(pixels)
        values = outputs_of(stream.network)
        assert [values[i].tolist() for i in counters] == [[number + 1]] * 3


def test_windows_share_a_network_and_no_state(bundle: Bundle) -> None:
    shared = Network(bundle, StreamOptions())
    windows = [shared.window(), shared.window(), shared.window()]
    alone = [Network(bundle, StreamOptions()) for _ in windows]
    own = [network.window() for network in alone]
    for number, each in enumerate([0, 1, 0, 0, 1, 2, 1, 1, 0, 2, 0, 1, 2, 2, 0, 1, 0]):
        pixels = frames(1, seed=number)[0]
        if number in (6, 8, 14):  # of one that ran just before, and of others
            windows[each].clear()
            own[each].clear()
        shared.encode(pixels, FULL, windows[each])
        alone[each].encode(pixels, FULL, own[each])
        assert equal(outputs_of(shared), outputs_of(alone[each]))
    for window, other in zip(windows, own):
        assert np.array_equal(window.outputs, other.outputs)
        assert np.array_equal(shared.decide(window), other.outputs)


def test_a_decision_every_third_frame_has_seen_all(bundle: Bundle) -> None:
    every, third = Stream(bundle), Stream(bundle, StreamOptions(hop=3))
    for number, pixels in enumerate(frames(10)):
        decision, other = every.push(pixels), third.push(pixels)
        assert (other is not None) == (number % 3 == 0)
        if other:
            assert other.tasks["output_0"].p == decision.tasks["output_0"].p


def test_a_bundle_carries_them(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "s.edge", bundle.manifest, bundle.members)
    opened = open_bundle(tmp_path / "s.edge")
    assert opened.manifest == bundle.manifest
    assert (opened.manifest.schema, opened.manifest.streaming) == (4, "carried-state")
    assert len(opened.manifest.last_part.states) == len(streaming.STATES)
    streams = [Stream(each) for each in (bundle, opened)]
    for pixels in frames(4):
        first, second = (stream.push(pixels).tasks["output_0"].scores for stream in streams)
        assert np.array_equal(first, second)


def test_an_input_that_is_handed_on_is_read_before_it_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "delays.tflite"
    path.write_bytes(streaming.delays())
    for text in ("last_prev=last_next,before_prev=last_prev", "2=1, 1=0"):
        stream = Stream(wrap_tflite(path, replace(streaming.AS_PIXELS, states=text)))
        colours = [stream.push(np.full((4, 4, 3), 10 * n, np.uint8)) for n in range(1, 6)]
        seen = [round(float(d.tasks["output_0"].scores[0])) for d in colours]
        assert seen == [0, 0, 10, 20, 30], text


@pytest.mark.parametrize("written", ["int8", "uint8", "int16", "float32"])
@pytest.mark.parametrize("read", ["int8", "uint8", "int16", "float32"])
def test_every_value_is_requantised_as_quantise_does(written: str, read: str) -> None:
    scales = {"int8": (0.05, -3), "uint8": (0.03, 100), "int16": (0.001, 0), "float32": (0.0, 0)}
    source = TensorSpec("a", (1, 256), written, *scales[written])
    target = TensorSpec("b", (1, 256), read, *scales[read])
    if written == read:
        target = replace(target, scale=target.scale / 1.7, zero_point=target.zero_point // 3)
    values = np.arange(256, dtype=np.uint8).view(np.int8).astype(written)[None]
    slot = np.empty((1, 256), read)
    _copy_of(source, target)(slot, values)
    assert np.array_equal(slot, quantise(dequantise(values, source), target))


def test_a_delegate_that_fails_loses_no_state(
    streaming_files: Path, emulated_delegate: Path
) -> None:
    bundle = wrap_tflite(streaming_files / "float32.tflite")
    failing = Delegate(str(emulated_delegate), (("fail", "invoke:4"),))
    streams = [Stream(bundle), Stream(bundle, StreamOptions(delegate=failing))]
    for pixels in frames(8):
        first, second = (outputs_of(stream.network) for stream in streams if stream.push(pixels))
        for expected, values in zip(first, second, strict=True):
            np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4)
    assert "at invocation 4" in streams[1].network.head.delegation.fallback


def test_its_golden_frames_are_replayed(bundle: Bundle, tmp_path: Path) -> None:
    golden_frames = frames(6)
    arrays = {"frames": golden_frames, **replay(bundle, golden_frames, StreamOptions())}
    stored = io.BytesIO()
    np.savez(stored, **arrays)
    members = {**bundle.members, GOLDEN: stored.getvalue()}
    write_bundle(tmp_path / "golden.edge", bundle.manifest, members)
    test = self_test(open_bundle(tmp_path / "golden.edge"))
    assert (test.decisions, test.exact) == (6, True)


def test_a_clip_of_any_length_is_answered_at_its_end(bundle: Bundle, tmp_path: Path) -> None:
    clips = np.stack([frames(5, seed) for seed in range(3)])
    np.savez(tmp_path / "clips.npz", clips=clips)
    spec = bundle.manifest.input
    read = read_clips(tmp_path / "clips.npz", bundle.manifest.clip_frames, spec.size)
    assert read.windows.shape == (3, 5, 32, 32, 3)
    outputs = stream_outputs(bundle, list(read.windows))["output_0"]
    for clip, output in zip(read.windows, outputs, strict=True):
        assert np.array_equal(replay(bundle, clip, StreamOptions())["output_0"][-1], output)
