import numpy as np
import pytest

from edge_convert.precision.activations import Activations, observe


def _seen(values: np.ndarray) -> Activations:
    found = Activations()
    found.record("a", values, values.size, np.random.default_rng(0))
    return found


def test_min_max_keeps_every_value() -> None:
    found = _seen(np.array([-1.0, 0.5, 3.0]))
    found.record("a", np.array([-7.0, 2.0]), 0, np.random.default_rng(0))
    assert found.ranges("min-max", {}) == {"a": (-7.0, 3.0)}


def test_percentile_lets_a_rare_value_saturate() -> None:
    values = np.append(np.linspace(0, 1, 99_999), 50.0)
    low, high = _seen(values).ranges("percentile", {})["a"]
    assert low == pytest.approx(0.0, abs=1e-3) and high == pytest.approx(1.0, abs=1e-3)


def test_mse_weighs_saturation_against_coarse_steps() -> None:
    bulk = np.random.default_rng(1).normal(size=50_000)
    low, high = _seen(np.append(bulk, [-12.0, 12.0])).ranges("mse", {})["a"]
    assert -12.0 < low < -4.0 and 4.0 < high < 12.0
    assert _seen(np.linspace(-1, 1, 1001)).ranges("mse", {})["a"] == pytest.approx((-1.0, 1.0))


def test_zero_stays_within_an_mse_range() -> None:
    low, high = _seen(np.linspace(5.0, 9.0, 101)).ranges("mse", {})["a"]
    assert low == 0.0 and high > 8.0


def test_fixed_ranges_are_taken_as_they_are() -> None:
    found = _seen(np.array([20.0, 210.0]))
    assert found.ranges("mse", {"a": (0.0, 255.0)}) == {"a": (0.0, 255.0)}


def test_a_network_s_activations_are_seen_and_its_weights_are_not(
    tiny_float_parts: dict[str, bytes],
) -> None:
    from edge.tflite import flatbuffer

    model = tiny_float_parts["encoder"]
    pictures = np.random.default_rng(2).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    found = observe(model, {"frame": pictures})
    names = flatbuffer.tensor_names(model)
    assert found.extremes[names["frame"]] == (pictures.min(), pictures.max())
    assert set(names.values()) <= found.extremes.keys()
    assert not flatbuffer.constant_tensors(model) & found.extremes.keys()
    scaled = [limits for name, limits in found.extremes.items() if "rescaling" in name]
    assert any(low >= -1.0 and high <= 1.0 for low, high in scaled)
