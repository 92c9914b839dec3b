"""Which bundles may take the place of the one that runs, and how they do in a process of their own."""

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from edge.bundle import GOLDEN, Bundle, GivenInput, open_bundle
from edge.commands.one_run import RunRequest
from edge.commands.run_options import RunOptions
from edge.updates import candidate
from edge_common import ConfigError, SelfTestFailed
from edge_devices.detection import memory

BUNDLE = open_bundle("faces-in-motion")
MANIFEST = BUNDLE.manifest


def request(bundle: Bundle = BUNDLE, **options: Any) -> RunRequest:
    return RunRequest(RunOptions("faces-in-motion", self_test=True, **options), bundle)


def changed(**fields: Any) -> Bundle:
    return replace(BUNDLE, manifest=replace(MANIFEST, **fields))


def without(member: str) -> Bundle:
    members = {name: content for name, content in BUNDLE.members.items() if name != member}
    return replace(BUNDLE, members=MappingProxyType(members))


FIRST, *REST = MANIFEST.tasks
SPEED = GivenInput("speed", (2,), "m/s", 0, 30)
DRIVEN = changed(inputs=(SPEED, GivenInput("load", ())))


@pytest.mark.parametrize(
    ("bundle", "options", "message"),
    [
        (changed(name="yard"), {}, "it is called 'yard', and 'faces-in-motion' runs"),
        (changed(tasks=tuple(REST)), {}, "other than what runs, or with other labels"),
        (changed(tasks=(replace(FIRST, unit="m"), *REST)), {}, "or with other labels"),
        (changed(tasks=(replace(FIRST, name="x"), *REST)), {}, "it answers x"),
        (
            changed(input=replace(MANIFEST.input, width=40, height=30)),
            {},
            "it takes frames of 40 x 30",
        ),
        (changed(frame_rate_hz=7.0), {}, "it was trained at 7 frames/s, and gets"),
        (changed(window=MANIFEST.window + 1), {"hop": 3}, "never end together"),
        (BUNDLE, {"device": "emulated:pi-4"}, "an emulated board runs one network"),
    ],
)
def test_what_is_unlike_has_to_come_by_the_settings(
    bundle: Bundle, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        candidate.require_alike(request(**options), request(bundle, **options))


@pytest.mark.parametrize(
    ("bundle", "options"),
    [
        (changed(version="2"), {}),
        (changed(window=MANIFEST.window + 1), {}),
        (changed(window=MANIFEST.window + 3), {"hop": 3}),
        (changed(gate=None), {}),
        (changed(frame_rate_hz=7.0), {"rate": 0.0}),
        (changed(tasks=(replace(FIRST, temperature=2.0), *REST)), {}),
    ],
)
def test_weights_windows_and_calibration_may_differ(
    bundle: Bundle, options: dict[str, Any]
) -> None:
    candidate.require_alike(request(**options), request(bundle, **options))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), "it takes nothing beside frames"),
        ((SPEED,), "it takes speed (2 numbers in m/s) beside frames"),
        (
            (*DRIVEN.manifest.inputs, GivenInput("wind", (1,))),
            "it takes load (a number) and speed (2 numbers in m/s) and wind (a number) beside frames",
        ),
        (
            (replace(SPEED, name="pace"), DRIVEN.manifest.inputs[1]),
            "it takes load (a number) and pace",
        ),
        (
            (replace(SPEED, shape=(3,)), DRIVEN.manifest.inputs[1]),
            "speed (3 numbers in m/s) beside",
        ),
        (
            (replace(SPEED, unit="km/h"), DRIVEN.manifest.inputs[1]),
            "speed (2 numbers in km/h) beside",
        ),
    ],
)
def test_what_is_given_beside_frames_is_given_to_the_new_one_as_well(
    inputs: tuple[GivenInput, ...], message: str
) -> None:
    running = (
        ", and what runs takes load (a number) and speed (2 numbers in m/s): it is another network"
    )
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        candidate.require_alike(request(DRIVEN), request(changed(inputs=inputs)))
    assert running in str(caught.value)


def test_the_order_of_inputs_and_what_their_clips_held_may_differ() -> None:
    inputs = (DRIVEN.manifest.inputs[1], replace(SPEED, low=-5, high=5))
    candidate.require_alike(request(DRIVEN), request(changed(inputs=inputs)))


def test_who_watches_for_drift_needs_something_to_compare_with() -> None:
    old, new = replace(BUNDLE), replace(BUNDLE)
    old.__dict__["reference"] = object()  # as if it had been read
    with pytest.raises(ConfigError, match="it holds no reference for drift, which is watched"):
        candidate.require_alike(request(old, drift=60.0), request(new, drift=60.0))
    candidate.require_alike(request(old, drift=0.0), request(new, drift=0.0))


def test_it_is_measured_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the time of a frame, and the memory that is left."""
    candidate.require_able(request(), 1000.0)
    with pytest.raises(ConfigError, match=r"it takes \d+\.\d ms a frame, and 0.0 ms are allowed"):
        candidate.require_able(request(), 1e-6)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    with pytest.raises(ConfigError, match=r"it needs \d+ MB beside what runs, and 0 MB are left"):
        candidate.require_able(request(), 1000.0)


def test_without_golden_frames_nothing_is_known() -> None:
    with pytest.raises(ConfigError, match="it holds no golden frames to be tried with"):
        candidate.require_able(request(without(GOLDEN)), 1000.0)


def test_what_a_runtime_refuses_is_said_in_its_words() -> None:
    with pytest.raises(SelfTestFailed, match="is not installed|pip install"):
        stream = replace(request().options.engine, runtime="tflite-runtime")
        candidate.require_able(request(engine=stream), 1000.0)
