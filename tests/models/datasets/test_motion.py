"""What the camera shows: measured in the pixels, not read from the plan."""

import cv2
import numpy as np
import pytest

from edge_models.datasets import motion
from edge_models.datasets.motion import Look, Motion, MotionRange

SIZE, LENGTH = 100, 15


@pytest.fixture(scope="module")
def face(photos):
    return photos[0].pixels


def film(face, action, seed=0, length=LENGTH, **limits):
    random = np.random.default_rng(seed)
    drawn = motion.draw_motion(action, length, random, MotionRange(**limits))
    return motion.render(face, drawn, SIZE, random)[..., 0]


def measured_shift(first, last):
    """x and y that the picture's content moved by, in pixels."""
    window = cv2.createHanningWindow((SIZE, SIZE), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(first.astype(np.float32), last.astype(np.float32), window)
    return x, y


@pytest.mark.parametrize(
    ("action", "direction"),
    [("left", (-1, 0)), ("right", (1, 0)), ("up", (0, -1)), ("down", (0, 1))],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_face_moves_the_way_the_action_says(face, action, direction, seed):
    frames = film(face, action, seed, speed=(0.010, 0.010), jitter=0.0)
    x, y = measured_shift(frames[3], frames[9])  # 6 frames at 1 pixel a frame
    along = x * direction[0] + y * direction[1]
    across = x * direction[1] + y * direction[0]
    assert along == pytest.approx(6.0, abs=0.6)
    assert abs(across) < 1.2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_still_face_stays(face, seed):
    frames = film(face, "still", seed)
    assert max(abs(part) for frame in frames for part in measured_shift(frames[0], frame)) < 0.7


@pytest.mark.parametrize(("action", "growth"), [("nearer", 1.20), ("farther", 1 / 1.20)])
def test_zoom_changes_the_size(face, action, growth):
    rate = np.log(1.20) / (LENGTH - 1)
    frames = film(face, action, zoom=(rate, rate), jitter=0.0, offset=0.0)
    scales = np.linspace(0.7, 1.4, 71)
    best = max(scales, key=lambda scale: likeness(zoomed(frames[0], scale), frames[-1]))
    assert best == pytest.approx(growth, abs=0.025)


def zoomed(frame, scale):
    centre = (SIZE - 1) / 2
    turn = cv2.getRotationMatrix2D((centre, centre), 0, scale)
    return cv2.warpAffine(frame, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT_101)


def likeness(one, other):
    inner = slice(20, 80)
    return np.corrcoef(one[inner, inner].ravel(), other[inner, inner].ravel())[0, 1]


def test_a_shaken_face_swings_and_comes_back(face):
    frames = film(face, "shake", length=25, shake_period=(6.0, 6.0), jitter=0.0)
    shifts = np.array([measured_shift(frames[0], frame) for frame in frames])
    assert np.ptp(shifts, axis=0).max() > 2.0  # pixels
    assert shifts[[6, 12, 18, 24]] == pytest.approx(0.0, abs=0.2)  # whole periods


@pytest.mark.parametrize("action", motion.ACTIONS)
def test_backwards_is_the_opposite_action(action):
    drawn = motion.draw_motion(action, 15, np.random.default_rng(3), MotionRange(jitter=0.0))
    opposite = motion.REVERSED_ACTION[action]
    path, zoom = net_motion(drawn)
    back_path, back_zoom = net_motion(Motion(drawn.shift[::-1], drawn.window_px[::-1]))
    assert back_path == pytest.approx(-path) and back_zoom == pytest.approx(-zoom)
    assert motion.REVERSED_ACTION[opposite] == action


def net_motion(drawn):
    return drawn.shift[-1] - drawn.shift[0], np.log(drawn.window_px[-1] / drawn.window_px[0])


@pytest.mark.parametrize("action", ["left", "nearer", "shake"])
def test_the_middle_of_the_path_does_not_tell_the_action(action):
    middles = [
        motion.draw_motion(action, 15, np.random.default_rng(seed)).shift[7] for seed in range(300)
    ]
    limit = 0.02 if action == "shake" else 0.01
    assert np.abs(np.mean(middles, axis=0)).max() < limit


@pytest.mark.parametrize("length", [1, 2, 200])
def test_any_length_and_size_can_be_filmed(face, length):
    random = np.random.default_rng(0)
    drawn = motion.draw_motion("left", length, random)
    frames = motion.render(face, drawn, 64, random, render_size=90)
    assert frames.shape == (length, 64, 64, 3) and frames.dtype == np.uint8
    assert frames[-1].std() > 5  # mirrored photo, not an empty border


def test_light_and_contrast_are_as_asked(face):
    plain = motion.render(face, standing(), SIZE, np.random.default_rng(0)).astype(float)
    lit = motion.render(
        face, standing(), SIZE, np.random.default_rng(0), Look(brightness=10, contrast=0.8)
    )
    assert lit == pytest.approx((plain - 128) * 0.8 + 138, abs=0.51)


def test_noise_is_as_strong_as_asked(face):
    random = np.random.default_rng(0)
    plain = motion.render(face, standing(), SIZE, random).astype(float)
    noisy = motion.render(face, standing(), SIZE, random, Look(noise=4.0))
    assert (noisy - plain).std() == pytest.approx(4.0, rel=0.05)


def standing():
    return Motion(np.zeros((1, 2)), np.array([66.0]))


def test_an_unknown_action_is_refused():
    with pytest.raises(ValueError, match="choose one of still, left"):
        motion.draw_motion("jump", 15, np.random.default_rng(0))
