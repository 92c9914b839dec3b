"""A network that is measured again has to be the one, and the data those of its training."""

import json
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import pytest

from edge_common.errors import ConfigError, ModelError
from edge_models.datasets.dataset import DataSet, Subset, classification, regression
from edge_models.evaluation.history import REPORT, label_sums, read_history
from edge_models.evaluation.report import _check_labels
from edge_models.networks.files import write_tasks
from edge_models.networks.mtdnn import MTDNNConfig
from edge_models.networks.trained import load_trained

TASKS = (classification("who", ("a", "b")), regression("age", "years", 100.0))


@dataclass(frozen=True)
class Config:
    seed: int = 1
    data: dict = field(default_factory=dict)


def part_of(*ages):
    labels = {"who": np.arange(len(ages)) % 2, "age": np.array(ages, float)}
    return Subset(lambda _: np.zeros((1, 32, 32, 3), np.uint8), labels)


DATA = DataSet(
    "few", TASKS, part_of(20, 30, 40), part_of(50), part_of(60, 70.25), (1, 32, 32), 0, ""
)


def test_labels_are_summed_part_by_part():
    assert label_sums(DATA) == {
        "train": {"who": [3, 1.0], "age": [3, 90.0]},
        "validation": {"who": [1, 0.0], "age": [1, 50.0]},
        "test": {"who": [2, 1.0], "age": [2, 130.25]},
    }


def test_files_that_were_added_or_changed_are_noticed(tmp_path):
    content = {"config": {"seed": 1}, "history": {}, "best_epoch": {}, "seconds": {}}
    path = tmp_path / REPORT
    path.write_text(json.dumps({**content, "label_sums": label_sums(DATA)}))
    others = [
        replace(DATA, test=part_of(60, 70.25, 80)),
        replace(DATA, test=part_of(60, 71)),
        replace(DATA, impostors=part_of(20)),
    ]
    assert read_history(tmp_path, Config(), DATA).is_available
    for other in others:
        with pytest.raises(ConfigError, match="files were added or changed since .*report.json"):
            read_history(tmp_path, Config(), other)
    path.write_text(json.dumps(content))  # of an older report
    assert read_history(tmp_path, Config(), others[0]).is_available


def test_another_scale_of_a_number_is_refused(tmp_path):
    path = tmp_path / "m.tasks.json"
    write_tasks(path, TASKS, frame_rate_hz=0.0, licence="", weights_source="")
    _check_labels(path, DATA)
    scaled = replace(DATA, tasks=(TASKS[0], regression("age", "years", 116.0)))
    with pytest.raises(ModelError, match="gives age the scale 100.0, the data have 116.0"):
        _check_labels(path, scaled)
    named = replace(DATA, tasks=(classification("who", ("a", "c")), TASKS[1]))
    with pytest.raises(ModelError, match="gives who the labels a, b, the data have a, c"):
        _check_labels(path, named)


def two_inputs():
    inputs = [keras.Input((4,), name=name) for name in ("left", "right")]
    return keras.Model(inputs, {"who": keras.layers.Dense(2, name="who")(inputs[0] + inputs[1])})


def another_backbone():
    window = keras.Input((1, 32, 32, 3))
    flat = keras.layers.Flatten(name="backbone")(window)
    return keras.Model(window, {"who": keras.layers.Dense(2, name="who")(flat)})


@pytest.mark.parametrize("build", [two_inputs, another_backbone])
def test_a_network_of_somebody_else_is_one_line(build, tmp_path):
    path = tmp_path / "other.keras"
    build().save(path)
    with pytest.raises(ModelError, match="other.keras is no network of edge-train: give") as error:
        load_trained(path, MTDNNConfig(TASKS[:1], window=1, size=32))
    assert "\n" not in str(error.value)
