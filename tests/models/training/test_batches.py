"""Batches of clips that threads make ahead, and windows of cached features."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge_models.datasets.batches import ClipBatches, WindowBatches
from edge_models.datasets.dataset import DataSet, Subset, regression
from edge_models.datasets.motion import ACTIONS

LEFT, RIGHT, STILL = (ACTIONS.index(name) for name in ("left", "right", "still"))


@pytest.fixture
def clips():
    """50 clips of 6 frames; a map holds 10 * clip + frame."""
    numbers = 10 * np.arange(50)[:, None] + np.arange(6)
    maps = numbers[..., None, None, None].astype(np.float16)
    return maps, {"reid": np.arange(50), "action": np.full(50, LEFT)}


def numbers_of(batches):
    pairs = [batches[i] for i in range(len(batches))]
    frames = np.concatenate([maps[..., 0, 0, 0] for maps, _ in pairs]).astype(int)
    labels = {k: np.concatenate([answers[k] for _, answers in pairs]) for k in ("reid", "action")}
    return frames, labels


def test_without_augmentation_the_middle_window_comes_in_order(clips):
    frames, labels = numbers_of(WindowBatches(*clips, 4, 16, augment=False))
    assert frames.tolist() == [[10 * n + t for t in (1, 2, 3, 4)] for n in range(50)]
    assert labels["reid"].tolist() == list(range(50))
    assert set(labels["action"]) == {LEFT}


def test_the_last_batch_is_the_rest(clips):
    batches = WindowBatches(*clips, 4, 16, augment=False)
    assert [len(batches[i][0]) for i in range(len(batches))] == [16, 16, 16, 2]


def test_augmentation_shows_each_clip_once_an_epoch(clips):
    _, labels = numbers_of(WindowBatches(*clips, 4, 16, augment=True))
    assert sorted(labels["reid"]) == list(range(50))


def test_a_backward_window_has_the_opposite_action(clips):
    frames, labels = numbers_of(WindowBatches(*clips, 4, 16, augment=True))
    steps = np.diff(frames, axis=1)
    backwards = steps[:, 0] < 0
    assert 10 < backwards.sum() < 40
    assert np.array_equal(steps, np.where(backwards, -1, 1)[:, None] * np.ones((50, 3)))
    assert np.array_equal(labels["action"], np.where(backwards, RIGHT, LEFT))
    assert np.array_equal(labels["reid"], frames[:, 0] // 10)


def test_windows_begin_everywhere(clips):
    frames, _ = numbers_of(WindowBatches(*clips, 4, 16, augment=True))
    assert set(frames.min(axis=1) % 10) == {0, 1, 2}


def test_an_epoch_differs_from_the_last_and_a_seed_repeats_it(clips):
    one, same = (WindowBatches(*clips, 4, 16, augment=True, seed=3) for _ in range(2))
    first = numbers_of(one)[0]
    assert np.array_equal(first, numbers_of(same)[0])
    one.on_epoch_end()
    assert not np.array_equal(first, numbers_of(one)[0])


TASK = regression("number", "", 10.0)


def of_numbers(count, batch_size, order):
    """Batches of clips that hold their number, which is their label, too."""
    numbers = np.arange(count)
    part = Subset(lambda i: np.full((1, 2, 2, 3), i, np.uint8), {"number": numbers * 10.0})
    data = DataSet("numbers", (TASK,), part, part, part, (1, 2, 2), 25.0, "")
    return ClipBatches(data, part, order, lambda i, _: part.example(i), batch_size, count)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 3))
def test_threads_keep_clips_and_labels_in_order(count, batch_size, asked_before):
    order = np.random.default_rng(count).permutation(count)
    batches = of_numbers(count, batch_size, lambda: ((i, 0) for i in order))
    for index in range(min(asked_before, len(batches))):  # a pass that is not finished
        batches[index]
    pairs = list(batches)
    assert [len(clips) for clips, _ in pairs[:-1]] == [batch_size] * (len(batches) - 1)
    assert np.concatenate([clips[:, 0, 0, 0, 0] for clips, _ in pairs]).tolist() == order.tolist()
    labels = np.concatenate([labels["number"] for _, labels in pairs])
    assert labels.dtype == np.float32 and labels.tolist() == order.tolist()


def test_each_pass_asks_for_its_order_anew():
    orders = iter([[0, 1, 2], [2, 1, 0]])
    batches = of_numbers(3, 2, lambda: ((i, 0) for i in next(orders)))
    first, second = ([clips[0, 0, 0, 0, 0] for clips, _ in batches] for _ in range(2))
    assert (first, second) == ([0, 2], [2, 0])


def test_what_a_thread_cannot_read_ends_the_pass():
    batches = of_numbers(3, 2, lambda: ((i, 0) for i in (0, 1, 300)))  # no byte
    batches[0]
    with pytest.raises((OverflowError, IndexError)):
        batches[1]
