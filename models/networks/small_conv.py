"""Three plain convolutions: a backbone for small frames that learns from few clips in minutes."""

from keras import Input, Model, layers

FILTERS, KERNELS = (16, 32, 48), (5, 3, 3)  # each with stride 2


def small_conv(size: int, weights: None = None, width: float = 1.0) -> Model:
    """(size, size, 3) RGB 0..255 -> maps of an eighth of it with 48 channels, ReLU6.

    weights: there are none to begin with.  width: share of the filters, to multiples of 8.
    """
    frame = Input((size, size, 3), name="frame")
    x = layers.Rescaling(1 / 64, offset=-2.0, name="scale")(frame)
    for number, (filters, kernel) in enumerate(zip(FILTERS, KERNELS)):
        name = f"b{number}" if number else "stem"
        count = max(8, round(filters * width / 8) * 8)
        x = layers.Conv2D(count, kernel, 2, "same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(6.0, name=f"{name}_relu")(x)
    return Model(frame, x, name="small_conv")
