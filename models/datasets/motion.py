"""A virtual camera moving over a photo: real pixels, synthetic motion.

A direction is the way the *face* moves in the frame: for `left` the camera
window travels to the right over the photo. Lengths are fractions of the frame
width, times are frames.
"""

from dataclasses import dataclass

import cv2
import numpy as np

ACTIONS = ("still", "left", "right", "up", "down", "nearer", "farther", "shake")
# The same frames in reverse order show another action.
REVERSED_ACTION = {
    "left": "right", "right": "left", "up": "down", "down": "up",
    "nearer": "farther", "farther": "nearer", "still": "still", "shake": "shake",
}  # fmt: skip
# A mirrored picture shows another action, too: of each action, the number of that one.
MIRRORED_ACTIONS = tuple(
    ACTIONS.index({"left": "right", "right": "left"}.get(action, action)) for action in ACTIONS
)
_DIRECTION = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_ZOOM = {"nearer": 1, "farther": -1}


@dataclass(frozen=True)
class MotionRange:
    """Limits that a clip's motion is drawn from, uniformly."""

    window_px: tuple[float, float] = (60.0, 72.0)  # camera window on the photo
    speed: tuple[float, float] = (0.006, 0.016)  # frame widths a frame
    zoom: tuple[float, float] = (0.008, 0.018)  # log scale a frame
    shake_amplitude: tuple[float, float] = (0.02, 0.045)  # frame widths
    shake_period: tuple[float, float] = (4.0, 9.0)  # frames
    jitter: float = 0.0012  # frame widths, standard deviation, in every clip
    offset: float = 0.06  # of the path's middle from the photo's middle


@dataclass(frozen=True)
class Motion:
    """Where the face is in each frame, relative to the photo's middle.

    Attributes:
        shift: (T, 2) float64, x and y of the face in frame widths.
        window_px: (T,) float64, width on the photo that fills the frame.
    """

    shift: np.ndarray
    window_px: np.ndarray


@dataclass(frozen=True)
class Look:
    """What light and sensor do to a clip; the default does nothing."""

    brightness: float = 0.0  # grey levels
    contrast: float = 1.0
    noise: float = 0.0  # grey levels, standard deviation
    jpeg_quality: int | None = None  # None: no compression


def draw_motion(
    action: str, length: int, random: np.random.Generator, limits: MotionRange = MotionRange()
) -> Motion:
    """Draw a motion of `length` frames that shows `action`, one of `ACTIONS`."""
    # Centred on the path's middle, so that a position tells nothing of the direction.
    time = np.arange(length) - (length - 1) / 2
    shift = random.normal(0, limits.jitter, (length, 2))
    shift += random.uniform(-limits.offset, limits.offset, 2)
    log_scale: np.ndarray = np.zeros(length)
    if action in _DIRECTION:
        shift += np.outer(time * random.uniform(*limits.speed), _DIRECTION[action])
        shift += np.outer(time * limits.speed[0] * random.uniform(-0.2, 0.2), _across(action))
    elif action in _ZOOM:
        log_scale = time * random.uniform(*limits.zoom) * _ZOOM[action]
    elif action == "shake":
        shift += _oscillation(time, random, limits)
    elif action != "still":
        raise ValueError(f"unknown action {action!r}: choose one of {', '.join(ACTIONS)}")
    return Motion(shift, random.uniform(*limits.window_px) * np.exp(-log_scale))


def draw_look(random: np.random.Generator) -> Look:
    """Draw light, contrast, noise and, in half of the clips, compression."""
    quality = int(random.integers(45, 95)) if random.random() < 0.5 else None
    return Look(random.uniform(-22, 22), random.uniform(0.8, 1.2), random.uniform(0, 5), quality)


def render(
    photo: np.ndarray,
    motion: Motion,
    size: int,
    random: np.random.Generator,
    look: Look = Look(),
    render_size: int | None = None,
) -> np.ndarray:
    """Film a photo.

    Args:
        photo: uint8 (H, W) grey.
        size: width and height of the frames returned.
        render_size: video at this size first and resize bilinearly to `size`, as
            a deployed runner does with a camera's frames.

    Returns:
        uint8 (T, size, size, 3) RGB, all three channels equal but for compression.
    """
    first = render_size or size
    frames = np.empty((len(motion.window_px), size, size, 3), np.uint8)
    for frame, shift, window in zip(frames, motion.shift, motion.window_px, strict=True):
        grey = _finish(_film(photo, shift, window, first), look, random)
        if first != size:
            grey = cv2.resize(grey, (size, size), interpolation=cv2.INTER_LINEAR)
        frame[:] = grey[:, :, None]
    return frames


def _across(action: str) -> tuple[int, int]:
    x, y = _DIRECTION[action]
    return y, x


def _oscillation(time: np.ndarray, random: np.random.Generator, limits: MotionRange) -> np.ndarray:
    angle, phase = random.uniform(0, 2 * np.pi, 2)
    wave = np.sin(2 * np.pi * time / random.uniform(*limits.shake_period) + phase)
    return np.outer(wave * random.uniform(*limits.shake_amplitude), (np.cos(angle), np.sin(angle)))


def _film(photo: np.ndarray, shift: np.ndarray, window_px: float, size: int) -> np.ndarray:
    """The photo's pixels in a window; beyond the photo's edge it is mirrored."""
    step = window_px / size  # photo pixels a frame pixel
    height, width = photo.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2]) - shift * window_px
    corner = middle - step * (size - 1) / 2
    to_photo = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        photo, to_photo, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )


def _finish(grey: np.ndarray, look: Look, random: np.random.Generator) -> np.ndarray:
    if look == Look():
        return grey
    lit = (grey.astype(np.float32) - 128) * look.contrast + (128 + look.brightness)
    lit += random.standard_normal(lit.shape, np.float32) * np.float32(look.noise)
    grey = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    if look.jpeg_quality is None:
        return grey
    _, packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
