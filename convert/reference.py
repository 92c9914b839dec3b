"""How frames and answers are distributed over clips: what a bundle's runs are compared with."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from edge.bundle import REFERENCE, Bundle, open_bundle, write_bundle
from edge.check.clips import Clips
from edge.drift import image_statistics, reference
from edge.stream import Stream, StreamOptions, given_beside
from edge_common import ModelError, console
from edge_convert.precision.calibration import refuse_unusable
from edge_convert.precision.parts import on_every_core
from edge_convert.request import ConversionRequest, clips_of

MOST_CLIPS = 128


def with_reference(bundle: Bundle, clips: Clips, progress: console.Progress) -> Bundle:
    """The bundle with what it sees and answers on (some of) the clips. Raises EngineError."""
    clips = clips.sample(MOST_CLIPS)
    with progress.count("... reference, clips", len(clips)) as on_clip:
        content = measured(bundle, clips, on_clip).to_bytes()
    return replace(bundle, members={**bundle.members, REFERENCE: content})


def measured(
    bundle: Bundle, clips: Clips, on_clip: Callable[[], None] = lambda: None
) -> reference.DriftReference:
    """Of all frames, and of the decision at each clip's end. Raises EngineError."""

    def run(stretch: range) -> tuple[list[Any], list[Any]]:
        stream = Stream(bundle, StreamOptions(gate=False))
        images, predictions = [], []
        windows = clips.windows[stretch.start : stretch.stop]
        side_values = given_beside(windows)
        for number, clip in enumerate(windows):
            stream.reset()
            inputs = {name: values[number] for name, values in side_values.items()}
            decision = None
            for frame in clip:
                decision = stream.push(np.ascontiguousarray(frame[..., ::-1]), inputs=inputs)
                images.append(image_statistics.image_statistics(stream.network.preprocess.resized))
            predictions += [decision.tasks] if decision else []
            on_clip()
        return images, predictions

    images, predictions = map(list, map(chain.from_iterable, zip(*on_every_core(len(clips), run))))
    tasks = bundle.manifest.tasks
    return reference.measured(clips.short_name, images, predictions, tasks)


def of_bundle(request: ConversionRequest, progress: console.Progress) -> Bundle:
    """A bundle as it is, but for its reference, which is that of the calibration clips.

    Raises BundleError, ClipError, ConfigError, EngineError; ModelError if it is a detector.
    """
    bundle = open_bundle(request.model)
    manifest = bundle.manifest
    if manifest.detection:
        raise ModelError(f"{request.model} is a detector, which is not watched for drift")
    if manifest.input.is_features:
        raise ModelError(f"{request.model} takes vectors, whose drift is not watched")
    clips = clips_of(request.calibration, manifest.clip_frames, manifest.input, manifest.inputs)
    refuse_unusable(clips.windows, clips.name)
    changed = with_reference(bundle, clips, progress)
    return write_bundle(request.output, changed.manifest, changed.members)
