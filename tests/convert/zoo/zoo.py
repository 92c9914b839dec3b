"""Networks over frame sequences that users would build, small, and where each is cut."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from tests.convert.zoo import zoo_unusual as unusual, zoo_usual as usual


@dataclass(frozen=True)
class Network:
    """features: name (without a number at its end) -> shape of one frame's share."""

    build: Callable[[], keras.Model]
    features: dict[str, tuple[int, ...]]


def build(name: str) -> keras.Model:
    """One of `ZOO`, with weights of a trained one's kind: no zeros, no ones."""
    keras.utils.set_random_seed(0)
    model = ZOO[name].build()
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        values = weight.numpy()
        if weight.dtype.startswith("float") and (values == values.flat[0]).all():
            weight.assign(np.abs(values + random.normal(0.0, 0.1, values.shape)))
    return model


ZOO = {
    network.build.__name__: network
    for network in (
        Network(usual.mobilenet_v3_lstm, {"f0_pooled": (16,)}),
        Network(usual.mobilenet_v2_gru, {"f0_flat": (256,)}),
        Network(usual.efficientnet_folded_conv1d, {"f0_pool": (24,)}),
        Network(usual.efficientnet_v2_bidirectional, {"f0_strongest": (32,)}),
        Network(usual.resnet_tcn, {"f0_narrow": (8,)}),
        Network(usual.convnext_transformer, {"f0_tokens": (8,)}),
        Network(usual.densenet_attention, {"f0_pooled": (8,), "f1_maps": (8, 8, 8)}),
        Network(usual.squeeze_excite_stacked_lstm, {"f0_excited": (12,)}),
        Network(usual.conv3d_of_single_frames, {"f0_row": (24,)}),
        Network(usual.sequential, {"f0_flat": (36,)}),
        Network(usual.conv_lstm, {"f0_maps": (8, 8, 8)}),
        Network(usual.recurrent_within_frames, {"f0_reader": (6,)}),
        Network(usual.augmented, {"f0_noisy": (8,)}),
        Network(
            unusual.attention_before_the_lstm, {"f0_key": (6,), "f1_rows": (1, 6), "f2_seen": (8,)}
        ),
        Network(unusual.two_plus_one_d, {"f0_space": (8, 8, 4)}),
        Network(
            unusual.temporal_shift,
            {"f0_get_item": (8, 8, 2), "f1_get_item": (8, 8, 2), "f2_get_item": (8, 8, 4)},
        ),
        Network(unusual.loop_over_frames, {"f0_seen": (8,)}),
        Network(unusual.siamese, {"f0_pooled": (8,)}),
        Network(unusual.slow_and_fast, {"f0_slow": (8,), "f1_fast": (8,)}),
        Network(unusual.states_and_decoder, {"f0_seen": (8,)}),
        Network(unusual.raw_frames_too, {"f0_window": (32, 32, 3), "f1_both": (9,)}),
        Network(unusual.arithmetic, {"f0_products": (3,)}),
        Network(unusual.normalisations, {"f0_shares": (6,)}),
        Network(unusual.shared_by_two_crops, {"f0_both": (24,)}),
        Network(unusual.two_of_the_same_names, {"f0_pool": (16,)}),
        Network(unusual.a_task_of_the_last_frame, {"f0_seen": (12,), "f1_who": (3,)}),
        Network(unusual.maps_over_time, {"f0_maps": (4, 4, 2)}),
    )
}
