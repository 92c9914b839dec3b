"""What frames are to a network that is converted, and how that is said."""

from collections.abc import Sequence
from dataclasses import replace

from edge.bundle import GivenInput, InputOptions, InputSpec, plain_tflite
from edge.check.clips import Clips
from edge.shipped import is_plain_tflite
from edge.stream import given_beside
from edge_common import ClipError, ConfigError, ModelError
from edge_convert.request import ConversionRequest
from edge_convert.sources import features, model_file


def input_spec(model: model_file.ModelFile, request: ConversionRequest) -> InputSpec:
    """What frames are to the network.

    Raises ModelError if they are features and the clips hold none, ConfigError if what is said of
    images does not fit.
    """
    stated = replace(request.preprocessing, planes=request.planes)
    frames = request.encoder or request.model
    if isinstance(model, features.FeatureFile):
        if len(request.inputs.clip) != 2:
            raise ModelError(features.needs_encoder(model))
        if request.detection:
            raise ConfigError(f"{model.file} looks at features: leave out --detection")
        if stated != InputOptions():
            raise ConfigError(
                f"{model.file} looks at features, which are taken as they are: leave out "
                "--input-range, --mean, --std, --colour-order and --resize"
            )
        return InputSpec.of_features(model.width)
    if is_plain_tflite(str(frames)):
        stated = plain_tflite.with_metadata(frames, stated)
    return stated.spec(*model.size)


def given_inputs(model: model_file.ModelFile, request: ConversionRequest) -> tuple[GivenInput, ...]:
    """What the network takes beside frames, in the order of its file.

    Raises ModelError if one takes more numbers than bundles state.
    """
    units = dict(request.given)
    inputs = tuple(
        GivenInput(name, shape, units.get(name, "")) for name, shape in model.given.items()
    )
    for each in inputs:
        if each.size > each.MOST_NUMBERS:
            raise ModelError(
                f"{request.model} takes {each.size} numbers of '{each.name}' beside frames, and a bundle "
                f"{each.MOST_NUMBERS} at most: let the network take a summary of them"
            )
    return inputs


def with_ranges(inputs: Sequence[GivenInput], clips: Clips) -> tuple[GivenInput, ...]:
    """With what calibration clips held of each. Raises ClipError if one is always the same."""
    side_values = given_beside(clips.windows)
    for each in inputs:
        values = side_values[each.name]
        if (values == values[0]).all():
            raise ClipError(
                f"all clips of {clips.name} hold the same '{each.name}': give some of all that it may be, or "
                f"make it a part of the bundle with --constant {each.name}=..."
            )
    return tuple(
        replace(
            each, low=float(side_values[each.name].min()), high=float(side_values[each.name].max())
        )
        for each in inputs
    )


def input_line(window: int, spec: InputSpec) -> str:
    """How frames become the input, and what says otherwise."""
    if spec.is_features:
        return f"input {window} vectors of {spec.width} features, taken as they are"
    frames = f"{window} frames of " if window > 1 else ""
    return (
        f"input {frames}{spec.width} x {spec.height} {spec.preparation} (--input-range, --mean, "
        "--std, --colour-order and --resize say otherwise)"
    )
