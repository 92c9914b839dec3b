"""Training files, and what is said of wrong ones."""

from pathlib import Path

import pytest

import edge_models
from edge_common.errors import ConfigError
from edge_models.sections import DataSection, weights_by_content
from edge_models.training.config import TrainingConfig, read_config

SHIPPED = Path(edge_models.__file__).parent / "configs" / "orl_motion_lite.toml"


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def test_the_shipped_file_is_the_thesis_schedule():
    blocks = read_config(SHIPPED).blocks
    assert (blocks.learning_rate, blocks.max_epochs) == (5e-4, 150)
    assert (blocks.lr_factor, blocks.lr_window, blocks.lr_min_fall) == (0.4, 6, 0.002)
    assert blocks.patience == 10


def test_an_empty_file_gives_the_defaults(write):
    assert read_config(write("")) == TrainingConfig()


def test_values_are_taken(write):
    config = read_config(write("seed = 3\n[data]\npeople = 4\nframe_rate_hz = 30\n"))
    assert config.seed == 3
    assert config.data == DataSection(people=4, frame_rate_hz=30.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead = 1", "unknown key 'sead'; did you mean 'seed'?"),
        ("[netwrok]\n", "unknown key 'netwrok'; did you mean 'network'?"),
        ("[data]\npeeple = 4", "unknown key 'data.peeple'; did you mean 'people'?"),
        ("[data]\nzzz = 4", "unknown key 'data.zzz'; there are people, test_photos"),
        ("seed = '7'", "key 'seed' should be a whole number, not '7'"),
        ("seed = true", "key 'seed' should be a whole number, not True"),
        ("seed = -1", "seed is -1: it must not be negative"),
        ("data = 3", "key 'data' should be a table, {...}, not 3"),
        ("[blocks]\nbatch_size = 0", "batch_size is 0: it must be 1 or more"),
        ("[data]\nvalidation_photos = 0", "validation_photos is 0: it must be 1 or more"),
        ("[data]\ntrain_length = 9", "train_length is 9: a clip must be as long as .* 15 frames"),
        ("[blocks]\nfrom_layer = 'x'", "unknown key 'blocks.from_layer'"),
        ("seed = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(write, text, message):
    with pytest.raises(ConfigError, match=message):
        read_config(write(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="absent.toml: cannot be read"):
        read_config(tmp_path / "absent.toml")


def test_weights_are_told_apart_by_what_their_file_holds(write, tmp_path):
    found = []
    for name, content in (("a", b"1"), ("b", b"1"), ("a", b"2")):
        (tmp_path / name).write_bytes(content)
        config = read_config(write(f'[network]\nbackbone_weights = "{tmp_path / name}"'))
        found.append(config.features_fingerprint())
    assert found[0] == found[1] != found[2]
    with pytest.raises(ConfigError, match="backbone weights 'absent' are unknown"):
        weights_by_content("absent")
    assert [weights_by_content(name) for name in ("random", "imagenet")] == ["random", "imagenet"]


def test_features_depend_on_the_data_and_not_on_the_heads(write):
    base, other_data, other_head = (
        read_config(write(text)).features_fingerprint()
        for text in ("", "[data]\ntrain_variants = 9", "[network]\nhead_width = 9")
    )
    assert base == other_head != other_data
