"""Networks over frame sequences that users would build, small, and where each is cut."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from tests.convert.zoo import zoo_unusual as unusual, zoo_usual as usual


@dataclass(frozen=True)
class Network:
    """features: name (without a number at its end) -> shape of one frame's share.

    multiply_adds: a frame in the encoder, and in the head, of a cut that leaves layers whole.
    """

    build: Callable[[], keras.Model]
    multiply_adds: tuple[int, int]
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
        Network(usual.mobilenet_v3_lstm, (182272, 1986), {"f0_lstm": (24,)}),
        Network(usual.mobilenet_v2_gru, (451328, 18780), {"f0_gru": (18,)}),
        Network(usual.efficientnet_folded_conv1d, (1550272, 924), {"f0_pool": (24,)}),
        Network(
            usual.efficientnet_v2_bidirectional,
            (4743168, 5900),
            {"f0_bidirectional": (16,), "f1_bidirectional": (16,)},
        ),
        Network(usual.resnet_tcn, (428096, 3104), {"f0_narrow": (8,)}),
        Network(usual.convnext_transformer, (82944, 2984), {"f0_tokens": (8,)}),
        Network(
            usual.densenet_attention, (428032, 12628), {"f0_maps": (8, 8, 8), "f1_lstm": (24,)}
        ),
        Network(usual.squeeze_excite_stacked_lstm, (45632, 2379), {"f0_lstm": (24,)}),
        Network(usual.conv3d_of_single_frames, (41472, 144), {"f0_average_pooling3d": (2, 2, 6)}),
        Network(usual.sequential, (24300, 990), {"f0_simple_rnn": (6,)}),
        Network(
            usual.conv_lstm,
            (428032, 112352),
            {
                "f0_conv_lstm2d": (4, 4, 4),
                "f1_conv_lstm2d": (4, 4, 4),
                "f2_conv_lstm2d": (4, 4, 4),
                "f3_conv_lstm2d": (4, 4, 4),
            },
        ),
        Network(usual.recurrent_within_frames, (7824, 1172), {"f0_rnn": (20,)}),
        Network(usual.augmented, (69120, 712), {"f0_lstm": (16,)}),
        Network(
            unusual.attention_before_the_lstm,
            (69216, 256),
            {"f0_seen": (8,), "f1_dense": (6,), "f2_key": (6,)},
        ),
        Network(unusual.two_plus_one_d, (6912, 13112), {"f0_space": (8, 8, 4)}),
        Network(
            unusual.temporal_shift,
            (13824, 82960),
            {"f0_stem": (8, 8, 8)},
        ),
        Network(unusual.loop_over_frames, (69120, 72), {"f0_Sqrt": (8,)}),
        Network(unusual.siamese, (428032, 16), {"f0_resnet": (8,)}),
        Network(unusual.slow_and_fast, (497152, 852), {"f0_gru": (12,), "f1_slow": (8,)}),
        Network(unusual.states_and_decoder, (69120, 2526), {"f0_lstm": (24,)}),
        Network(unusual.raw_frames_too, (69120, 590), {"f0_window": (32, 32, 3), "f1_gru": (12,)}),
        Network(unusual.arithmetic, (10422, 80), {"f0_products": (3,)}),
        Network(unusual.normalisations, (13908, 12), {"f0_shares": (6,)}),
        Network(unusual.shared_by_two_crops, (122880, 1304), {"f0_gru": (12,)}),
        Network(unusual.two_of_the_same_names, (138240, 920), {"f0_gru": (12,)}),
        Network(
            unusual.a_task_of_the_last_frame, (66116, 968), {"f0_seen": (12,), "f1_lstm": (16,)}
        ),
        Network(unusual.maps_over_time, (405504, 3360), {"f0_lstm": (16, 12)}),
    )
}
