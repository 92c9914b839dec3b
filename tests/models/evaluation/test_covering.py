"""Whether heat points at what matters, by a network whose score is one place of its maps."""

import keras
import numpy as np
import pytest

from edge_models.datasets.dataset import DataSet, Subset, regression
from edge_models.evaluation.analysis_sections import Heat, heat_sections
from edge_models.evaluation.gradcam import Covering, cover
from edge_models.evaluation.intervals import Estimate
from edge_models.evaluation.network import ask, open_network

TASK = regression("light", "")
CLIPS, FRAMES, PLACES, BLOCK, LIGHT = 16, 2, 4, 8, 160


def opened(place):
    """A network that answers with the light of one place of the first frame, or of all places."""
    side = PLACES * BLOCK
    window = keras.Input((FRAMES, side, side, 3))
    frame = keras.Input((side, side, 3))
    pooled = keras.Model(frame, keras.layers.AveragePooling2D(BLOCK)(frame))
    maps = keras.layers.TimeDistributed(pooled, name="backbone")(window)
    seen = maps[:, 0, place[0], place[1]] if place else keras.ops.mean(maps, axis=(1, 2, 3))
    last = keras.layers.Dense(
        1, kernel_initializer=keras.initializers.Constant(1 / 3), name="light"
    )
    return open_network(keras.Model(window, {"light": last(seen)}), (TASK,))


def dark_but_for(place, sources=None):
    """Clips that are dark but for one place of all frames."""
    clip = np.zeros((FRAMES, PLACES, PLACES, 3), np.uint8)
    clip[:, place[0], place[1]] = LIGHT
    clip = clip.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)
    part = Subset(lambda _: clip, {"light": np.zeros(CLIPS)}, sources)
    return DataSet("dark", (TASK,), part, part, part, clip.shape[:3], 25.0, "")


def covered(network, data):
    asked = ask(network, data, data.test, "light")
    assert asked.before.shape == (CLIPS, 3)
    return cover(network, asked, TASK, seed=0)


def test_the_place_that_the_score_depends_on_matters():
    found = covered(opened((1, 2)), dark_but_for((1, 2)))
    # of 32 places, that one and its like of the second frame hold all the light
    fall = pytest.approx(LIGHT - LIGHT * 2 / 32)
    assert (found.hottest.value, found.hottest.low, found.hottest.high) == (fall, fall, fall)
    assert 0 <= found.random.value < 0.6 * LIGHT  # a quarter of the clips, in the long run
    assert found.hottest.n == CLIPS and found.difference.low > 0 and found.points


def test_where_all_places_count_alike_heat_does_not_point():
    found = covered(opened(None), dark_but_for((slice(None), slice(None))))  # light everywhere
    assert found.hottest.value == pytest.approx(0, abs=1e-3) and not found.points


def test_one_file_alone_does_not_show_that_heat_points():
    found = covered(opened((1, 2)), dark_but_for((1, 2), np.zeros(CLIPS, int)))
    assert found.difference.value > 0 and np.isnan(found.difference.low) and not found.points


def test_the_page_warns_of_pictures_that_point_at_nothing():
    def heat(low):
        figure = Estimate(0.5, 0.4, 0.6, 32)
        return Heat((), Covering(figure, figure, Estimate(0.1, low, 0.2, 32)))

    warned = " ".join(heat_sections({"who": heat(0.05), "age": heat(-0.05)}, (4, 4))[0].text)
    assert "**For age the two do not differ beyond chance: do not trust those pictures.**" in warned
    trusted = " ".join(heat_sections({"who": heat(0.05)}, (4, 4))[0].text)
    assert "do not trust" not in trusted and "It falls more in every task" in trusted
