import numpy as np
import pytest

from edge.bundle import Bundle, InputSpec
from edge_benchmarks import record
from edge_benchmarks.run import baselines
from edge_benchmarks.run.baselines import FloatFrames, KerasSubject, calibration_windows
from edge_common.errors import ConfigError
from tests import tiny
from tests.benchmarks.fakes import FakeClock


class FakeModel:
    """Answers nothing and keeps what it saw; takes 7 ms."""

    def __init__(self, clock: FakeClock) -> None:
        self.seen, self._clock = [], clock

    def predict(self, batch: np.ndarray, verbose: int) -> None:
        self._clock.pass_ms(7.0)
        self.seen.append(batch.copy())


def test_frames_as_keras_takes_them() -> None:
    frames = FloatFrames(InputSpec(2, 2, value_range=(-1.0, 1.0)))
    rgb = np.zeros((1, 2, 2, 3), np.uint8)
    rgb[..., 0] = 255
    assert frames.window(rgb)[0, 0, 0].tolist() == [1.0, -1.0, -1.0]


def test_predict_sees_the_last_window_oldest_first(tiny_bundle: Bundle) -> None:
    clock = FakeClock()
    model = FakeModel(clock)
    subject = KerasSubject(model, tiny_bundle.manifest, clock)
    pictures = tiny.frames(6)
    timings = [subject.step(frame) for frame in pictures]
    assert timings[:3] == [None] * 3
    assert [timing.total_ms for timing in timings[3:]] == [7.0, 7.0, 7.0]
    expected = pictures[2:, ..., ::-1].astype(np.float32)
    np.testing.assert_allclose(model.seen[-1][0], expected, rtol=1e-6)


def test_calibration_windows_are_spread_over_those_given(tiny_bundle: Bundle) -> None:
    shades = np.arange(46, dtype=np.uint8).reshape(-1, 1, 1, 1, 1)
    windows = np.tile(shades, (1, tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3))
    found = calibration_windows(tiny_bundle.manifest, windows)
    assert found.shape == (16, tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)
    assert found[:, 0, 0, 0, 0].tolist() == [3.0 * i for i in range(16)]


def test_without_a_model_each_row_says_what_to_give() -> None:
    rows = baselines.unprepared()
    assert [row.name for row in rows] == list(baselines.NAMES)
    assert {row.not_measured for row in rows} == {"give --model MODEL.keras"}


def test_another_network_is_refused(tiny_bundle: Bundle, tmp_path) -> None:
    import keras

    window = keras.Input((3, 32, 32, 3))
    other = keras.Model(window, {"kind": keras.layers.Flatten()(window)})
    other.save(tmp_path / "other.keras")
    with pytest.raises(ConfigError, match="is not the network of tiny: 3 x 32 x 32 x 3 to kind"):
        baselines.load_whole_window(tmp_path / "other.keras", tiny_bundle)


def test_the_names_are_those_of_the_record() -> None:
    assert baselines.NAMES == (record.WHOLE_INT8, record.WHOLE_FLOAT, record.KERAS_PREDICT)
