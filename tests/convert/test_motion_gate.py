"""The threshold of a motion gate: as high as decisions allow."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, GateSpec, open_bundle
from edge.check.clips import Clips
from edge.stream import Stream, StreamOptions
from edge_common import console
from edge_convert import motion_gate
from edge_convert.cli import main
from tests import tiny

QUIET = console.Progress(quiet=True)


def _clips(count: int, seed: int = 2) -> Clips:
    frames = tiny.frames(count * tiny.WINDOW, seed=seed)
    return Clips("some.npz", frames.reshape(count, tiny.WINDOW, *frames.shape[1:]))


def _trial(**fields: float) -> motion_gate.GateTrial:
    usual = {
        "decisions": 1000,
        "changed": 1,
        "unsure": 1000,
        "unsure_changed": 3,
        "noise_changed": 3,
    }
    return motion_gate.GateTrial(GateSpec(1.0), **{**usual, "saved": 0.5, **fields})


def test_a_gate_is_good_if_it_changes_no_more_than_noise_does() -> None:
    assert _trial().is_good
    assert not _trial(changed=2).is_good
    assert _trial(unsure_changed=150, noise_changed=121).is_good  # 31 by chance, in one of 20
    assert not _trial(unsure_changed=153, noise_changed=121).is_good
    assert _trial(unsure_changed=1, noise_changed=0).is_good
    assert not _trial(unsure_changed=2, noise_changed=0).is_good


def test_a_scene_is_still_moves_and_is_still(tiny_bundle: Bundle) -> None:
    specs = motion_gate.candidates_for(tiny_bundle)
    trials = motion_gate.trials_on(tiny_bundle, _clips(3).windows, specs)
    assert {spec.block for spec in specs} == {8}
    assert [trial.spec.threshold for trial in trials] == list(motion_gate.THRESHOLDS)
    # 24 + 4 frames: 21 still windows, which noise may change, the clip, 3 in which it begins
    assert {trial.decisions + trial.unsure for trial in trials} == {3 * 25}
    assert {(trial.unsure - 3 * 3) % 21 for trial in trials} == {0}
    assert trials[0].saved == 1.0
    saved = [trial.saved for trial in trials]
    assert saved == sorted(saved, reverse=True)
    assert trials[-1].changed <= trials[0].changed


def test_what_is_told_of_a_gate_is_what_a_gate_does(tiny_bundle: Bundle) -> None:
    """The frames' features, chosen afterwards, are those that a stream with this gate has."""
    network = motion_gate.Network(tiny_bundle, StreamOptions(gate=False))
    camera = motion_gate._CameraClip(_clips(1).windows[0], 1.0, network, seed=0)
    spec = GateSpec(2.0, 8)
    manifest = replace(tiny_bundle.manifest, schema=5, gate=spec)
    stream = Stream(replace(tiny_bundle, manifest=manifest))
    pushed = [stream.push(frame) for frame in camera._frames]
    expected = [[d.tasks[task.name].scores for task in stream.tasks] for d in pushed if d]
    for outputs, scores in zip(camera.outputs(camera.gated(spec)), expected, strict=True):
        assert [each.tolist() for each in outputs] == [each.tolist() for each in scores]
    assert (
        stream.network.calls_saved[0].saved == 21
    )  # all but a window of 24 still frames, and the clip's first


def test_the_highest_threshold_that_is_good_on_both_is_taken(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"some.npz": (2.0, 1.5, 1.0), "others.npz": (3.0, 1.5, 1.0)}
    asked = iter(good.values())

    def trials(*arguments: object) -> list[motion_gate.GateTrial]:
        thresholds = next(asked)
        return [
            replace(_trial(changed=1 if each in thresholds else 9), spec=GateSpec(each, 8))
            for each in motion_gate.THRESHOLDS
        ]

    monkeypatch.setattr(motion_gate, "trials_on", trials)
    bundle = motion_gate.with_gate(
        tiny_bundle, _clips(2), replace(_clips(2), name="others.npz"), QUIET
    )
    assert bundle.manifest.gate == GateSpec(1.5, 8, "others.npz", 1000, 1, 0.5)
    assert bundle.manifest.schema == 5


def test_without_a_good_threshold_or_clips_there_is_no_gate(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = replace(tiny_bundle.manifest, schema=5, gate=GateSpec(3.0))
    one, none = _clips(1), _clips(1).others(1)
    assert motion_gate.with_gate(tiny_bundle, one, none, QUIET).manifest.gate is None
    monkeypatch.setattr(motion_gate, "trials_on", lambda *a: [_trial(changed=9)])
    gated = replace(tiny_bundle, manifest=old)
    assert motion_gate.with_gate(gated, _clips(2), _clips(2), QUIET).manifest.gate is None


def test_nan_changes_a_decision(tiny_bundle: Bundle) -> None:
    outputs = [[np.array([0.1, 0.2, 0.7], np.float32), np.array([0.5], np.float32)]] * 3
    broken = [outputs[0], [outputs[0][0], np.array([np.nan], np.float32)], outputs[2]]
    names = [task.name for task in tiny_bundle.manifest.tasks]
    assert names == ["kind", "size"]
    changed = motion_gate._changed(tiny_bundle.manifest.tasks, outputs, broken)
    assert changed.tolist() == [False, True, False]


def test_networks_that_take_long_get_fewer_clips(tiny_bundle: Bundle) -> None:
    assert motion_gate.clips_that_suffice(tiny_bundle) == 32
    encoder, head = tiny_bundle.manifest.parts
    slow = (replace(encoder, multiply_adds=10**9), head)
    manifest = replace(tiny_bundle.manifest, parts=slow)
    assert motion_gate.clips_that_suffice(replace(tiny_bundle, manifest=manifest)) == 9


def test_edge_convert_finds_a_gate_unless_told_not_to(
    cli: CliRunner, tiny_model_path: Path, tiny_clips_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new.edge"
    arguments = [
        str(tiny_model_path), "-o", str(output), "--calibration", str(tiny_clips_path),
        "--encoder-precision", "int8", "--head-precision", "dynamic_range",
    ]  # fmt: skip
    done = cli.invoke(main, arguments)
    assert done.exit_code == 0, done.output
    bundle = open_bundle(output)
    gate = bundle.manifest.gate
    if gate is None:
        assert "no motion gate" in done.output
    else:
        assert gate.changed <= motion_gate.MOST_CHANGED * gate.decisions
        assert f"motion gate at {gate.threshold:g} grey levels" in done.output
        assert "motion gate" in bundle.members["report.md"].decode()
    done = cli.invoke(main, [*arguments, "--no-gate"])
    assert (open_bundle(output).manifest.gate, open_bundle(output).manifest.schema) == (None, 1)
    assert "motion gate" not in done.output
