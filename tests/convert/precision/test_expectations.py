"""A number that is the mean of a learnt distribution stays what it is in int8."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edge.bundle import InputSpec
from edge.engine.engine import left_to_other_kernels
from edge.tasks import Task
from edge_common.console import Progress
from edge_convert.precision import (
    activations,
    calibration,
    candidates,
    export,
    float_layers,
    jobs,
    parts,
    quantiser,
    recipes,
    search,
)

BINS = 117
FRAMES = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
FRAMES = (FRAMES * np.linspace(0.1, 1, 64)[:, None, None, None]).astype(np.uint8)


def age_network(temperature: float = 6.0) -> keras.Model:
    """Frames (8, 8, 3) -> a bell over 117 ages around one that grows with the brightness; its mean."""
    frame = keras.Input((8, 8, 3), batch_size=1, name="frame")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(frame))
    scores = keras.layers.Dense(BINS, name="scores")(x)
    share = keras.layers.Softmax(name="share")(scores)
    model = keras.Model(
        frame,
        {
            "age": keras.layers.Dense(1, use_bias=False, name="age")(share),
            "sort": keras.layers.Dense(3, activation="softmax", name="sort")(x),
        },
    )
    kernel, bias = (np.zeros_like(w) for w in model.layers[1].get_weights())
    kernel[1, 1] = np.eye(3, 4) + 0.2
    model.layers[1].set_weights([kernel, bias])
    ages = np.arange(BINS) / (BINS - 1)
    slopes = np.outer(np.ones(4), ages) / (4 * 80) / (temperature / BINS) ** 2
    model.get_layer("scores").set_weights([slopes, -(ages**2) / 2 / (temperature / BINS) ** 2])
    model.get_layer("age").set_weights([ages[:, None]])
    return model


@pytest.fixture(scope="module")
def model() -> bytes:
    keras.utils.set_random_seed(0)
    return export.tflite_of(age_network())


def errors_in_years(model: bytes, layers: tuple[str, ...]) -> np.ndarray:
    """Of each frame, how far int8 with these layers in float32 is from float."""
    frames = {"frame": FRAMES.astype(np.float32)}
    ranges = activations.observe(model, frames).ranges("min-max", {})
    recipe = recipes.Recipe("int8", float_layers=layers)
    both = [
        parts.describe("model", r, quantiser.quantised(model, r, ranges), 0)
        for r in (recipes.FLOAT32, recipe)
    ]
    exact, mixed = (part.over(frames)["age"] for part in both)
    assert exact.max() - exact.min() > 0.5
    return np.abs(mixed - exact) * (BINS - 1)


def test_what_makes_a_number_of_a_distribution_is_found(model: bytes) -> None:
    kinds = {layer.name: layer.operator for layer in quantiser.layers(model)}
    kept = [kinds[name] for name in float_layers.expectations(model)]
    assert kept == ["FULLY_CONNECTED", "SOFTMAX", "FULLY_CONNECTED"]


def test_int8_keeps_the_number_only_with_that_in_float(model: bytes) -> None:
    everything = errors_in_years(model, ())
    mixed = errors_in_years(model, float_layers.expectations(model))
    assert mixed.mean() < 0.2 < 5 * mixed.mean() < everything.mean()


def test_attention_and_classes_are_left_in_int8() -> None:
    """A softmax that weighs other values, and one that is the answer."""
    window = keras.Input((4, 8), batch_size=1, name="window")
    score = keras.layers.Softmax(axis=1)(keras.layers.Dense(1)(window))
    pooled = keras.layers.Flatten()(keras.layers.Multiply()([window, score]))
    network = keras.Model(window, {"act": keras.layers.Dense(3, activation="softmax")(pooled)})
    assert float_layers.expectations(export.tflite_of(network)) == ()


@pytest.mark.usefixtures("idle_machine")
@pytest.mark.parametrize("forced", [{}, {"model": "int8"}])
def test_the_search_says_what_it_kept(model: bytes, tmp_path: Path, forced: dict) -> None:
    tasks = (Task("age", "regression", scale=116.0), Task("sort", "classification", tuple("abc")))
    scoring = candidates.Scoring(
        tasks, calibration.NetworkInput(FRAMES[:, None], InputSpec(8, 8)), {}, 100.0
    )
    with jobs.ConversionJobs(tmp_path) as worker:
        worker.prepare("model", model, {"frame": FRAMES.astype(np.float32)}, {})
        part = parts.FloatPart("model", model, 1)
        result = search.PrecisionSearch(worker, [part], scoring, forced, Progress(quiet=True)).run()
    (mixed,) = (a for a in result.candidates if a.recipe.precision == "int8")
    described = mixed.converted.part
    assert described.precision == "int8"
    kept = (*float_layers.expectations(model), *float_layers.readouts(model))
    assert described.float_layers == tuple(dict.fromkeys(kept))
    assert mixed.recipe.label == "int8 (5 layers in float32)"
    assert [tensor.dtype for tensor in described.outputs] == ["float32", "float32"]
    assert left_to_other_kernels(mixed.converted.model) == {}  # an int8 softmax would be
