"""Recurrent layers in the form that TFLite can convert."""

from typing import Any

from keras import layers


def unrolled(operation: Any) -> Any:
    """A recurrent layer with its steps written out, same weights; anything else as it is.

    TFLite's calibration does not survive a loop, so T static steps stand in for it.
    """
    if isinstance(operation, layers.Bidirectional):
        config = operation.get_config()
        for side in ("layer", "backward_layer"):
            if side in config:
                config[side]["config"]["unroll"] = True
        return _twin(operation, layers.Bidirectional.from_config(config))
    if isinstance(operation, (layers.LSTM, layers.GRU, layers.SimpleRNN)):
        config = {**operation.get_config(), "unroll": True}
        return _twin(operation, type(operation).from_config(config))
    return operation


def _twin(original: Any, copy: Any) -> Any:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = copy(x, *args, **kwargs)
        copy.set_weights(original.get_weights())
        return outputs

    return call
