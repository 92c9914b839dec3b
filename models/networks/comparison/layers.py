"""What all networks of the comparison share: their input, their answers, one convolution."""

from keras import Input, KerasTensor, layers

RACES, GENDERS = 5, 2


def frame_input(size: int) -> tuple[KerasTensor, KerasTensor]:
    """The input (N, size, size, 3) RGB 0..255, and the same from -1 to 1."""
    frame = Input((size, size, 3), name="frame")
    return frame, layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(frame)


def filters(count: int, width: float) -> int:
    """A layer's filters in a network so many times as wide, 2 at least."""
    return max(2, round(count * width))


def age_in_years(x: KerasTensor) -> KerasTensor:
    """Age as one number: (N, 1)."""
    return layers.Dense(1, name="age")(x)


def age_by_class(x: KerasTensor, classes: int) -> KerasTensor:
    """A probability for each year, whose expectation is the age (DEX): (N, classes)."""
    return layers.Dense(classes, activation="softmax", name="age")(x)


def gender(x: KerasTensor) -> KerasTensor:
    """(N, 2) probabilities."""
    return layers.Dense(GENDERS, activation="softmax", name="gender")(x)


def race(x: KerasTensor) -> KerasTensor:
    """(N, 5) probabilities: white, black, asian, indian, others."""
    return layers.Dense(RACES, activation="softmax", name="race")(x)


def convolution(
    x: KerasTensor,
    count: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    *,
    padding: str = "same",
    scaled: bool = True,
    name: str,
) -> KerasTensor:
    """Convolution without bias, then batch normalisation, linear.

    Strides pad as PyTorch and MXNet do, evenly, so that maps have the papers' sizes.
    scaled: whether the normalisation has a gain.
    """
    if stride > 1 and padding == "same" and isinstance(kernel, int) and kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        padding = "valid"
    x = layers.Conv2D(count, kernel, stride, padding, use_bias=False, name=name)(x)
    return layers.BatchNormalization(scale=scaled, name=f"{name}_bn")(x)
