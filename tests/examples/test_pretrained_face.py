"""The network of the shipped bundle `face`, where its weights lie under out/pretrained/."""

from pathlib import Path

import keras
import numpy as np
import pytest

from edge_models.datasets.orl import Photo
from edge_models.pretrained.catalogue import NETWORKS
from examples.face.face import OLDEST, TINT, face_clips, face_model
from examples.face.galleries import face_plans
from tests.models.pretrained.test_pretrained_real import (
    HUMAN_MODELS,
    PREPROCESSED,
    needs,
    pictures,
    run_by_operation,
)

FACERES = HUMAN_MODELS / "models/faceres.json"


@pytest.fixture(scope="module")
def face() -> keras.Model:
    needs(FACERES)
    return face_model(HUMAN_MODELS, window=3)


def test_it_averages_what_the_graph_says_of_each_frame(photos: list[Photo], face) -> None:
    """Against each operation run one by one, as TensorFlow defines it."""
    x = pictures(photos[:3], 224)
    nodes = NETWORKS["faceres"].answers
    bins, male, seen = run_by_operation(
        Path(FACERES),
        PREPROCESSED["faceres"](x),
        [nodes[t] for t in ("age", "gender", "descriptor")],
    )
    found = {task: values[0] for task, values in face.predict_on_batch(x[None]).items()}
    years = (bins * np.arange(1, 101)).sum(1)
    assert found["age"] * OLDEST == pytest.approx(years.mean(), abs=0.01)
    assert 10 < years.mean() < 80
    assert found["gender"] == pytest.approx(male.mean(), abs=1e-4)
    mean = seen.mean(0)
    np.testing.assert_allclose(found["descriptor"], mean / np.linalg.norm(mean), atol=1e-5)


def test_the_order_of_frames_does_not_matter(photos: list[Photo], face) -> None:
    x = pictures(photos[:30:10], 224)
    there, back = (face.predict_on_batch(np.ascontiguousarray(w)[None]) for w in (x, x[::-1]))
    for task in there:
        np.testing.assert_allclose(there[task], back[task], atol=1e-5)


def test_every_second_clip_is_tinted(photos: list[Photo]) -> None:
    clips = face_clips(face_plans(photos[:20], 4, 0), 2, seed=0).astype(float)
    assert clips.shape == (4, 2, 224, 224, 3)
    grey, tinted = clips[::2], clips[1::2]
    assert (grey[..., 0] == grey[..., 2]).all()
    gains = tinted.mean((1, 2, 3)) / tinted.max(-1).mean((1, 2, 3))[:, None]
    assert (gains >= TINT[0] / TINT[1] - 0.02).all() and gains.min() < 0.98
