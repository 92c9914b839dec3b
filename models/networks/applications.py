"""Any network of keras.applications as a backbone, its scaling of RGB 0..255 built in."""

import difflib
from pathlib import Path

import keras
from keras import layers

from edge_common.errors import ConfigError, ModelError

# How each family was trained to see RGB 0..255 (keras.applications.imagenet_utils);
# those that are not named here scale their input themselves.
_SYMMETRIC = ("MobileNet", "MobileNetV2", "Xception", "InceptionV3", "InceptionResNetV2",
              "NASNetMobile", "NASNetLarge", "ResNet50V2", "ResNet101V2", "ResNet152V2")  # fmt: skip
_STANDARDISED = ("DenseNet121", "DenseNet169", "DenseNet201")
_CENTRED_BGR = ("ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19")
_MEAN_RGB, _DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of 0..1
_MEAN_BGR = (103.939, 116.779, 123.68)


def applications() -> tuple[str, ...]:
    """The networks that this Keras has."""
    found = vars(keras.applications)
    return tuple(sorted(name for name in found if name[0].isupper() and callable(found[name])))


def keras_application(name: str, size: int, weights: str | None = None) -> keras.Model:
    """Build a network of keras.applications without its top.

    Args:
        name: as Keras spells it; case, dashes and underscores do not matter.
        weights: a file of weights without the top, or None for random ones.

    Returns:
        float32 (size, size, 3) RGB 0..255 -> its last feature map (h, w, C).

    Raises:
        ConfigError: no network has this name, or it does not take this size.
        ModelError: the weights do not fit, or would have to be downloaded.
    """
    chosen = _spelt(name)
    if weights == "imagenet":
        raise ModelError(
            f"no package holds ImageNet weights of {chosen}, and nothing is downloaded: give the "
            "file of weights (..._notop.h5) in backbone_weights, or use efficientnet-lite0"
        )
    frame = keras.Input((size, size, 3), name="frame")
    try:
        network = getattr(keras.applications, chosen)(
            include_top=False, weights=None, input_tensor=_scaled(frame, chosen),
            input_shape=(size, size, 3),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"{chosen} does not take {size} x {size} pixels: {error}") from error
    if weights:
        load_weights(network, weights, chosen)
    return network


def load_weights(network: keras.Model, path: str | Path, name: str) -> None:
    """Read a file of weights. Raises ModelError where they are not those of `name`."""
    try:
        network.load_weights(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} holds no weights of {name} ({error})") from error


def _spelt(name: str) -> str:
    known = {_plain(own): own for own in applications()}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, n=1, cutoff=0.5)
    nearest = f" (nearest: {known[near[0]]})" if near else ""
    raise ConfigError(
        f"no backbone is called {name!r}: choose efficientnet-b3 or efficientnet-lite0, or a "
        f"network of keras.applications{nearest}"
    )


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _scaled(frame, name: str):
    """RGB 0..255 as the network was trained to see it."""
    if name in _SYMMETRIC:
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(frame)
    if name in _STANDARDISED:
        scale = [1 / (255 * deviation) for deviation in _DEVIATION_RGB]
        offset = [-mean / deviation for mean, deviation in zip(_MEAN_RGB, _DEVIATION_RGB)]
        return layers.Rescaling(scale, offset=offset, name="scale")(frame)
    if name in _CENTRED_BGR:
        bgr = keras.ops.flip(frame, axis=-1)
        return layers.Rescaling(1.0, offset=[-mean for mean in _MEAN_BGR], name="scale")(bgr)
    return frame
