"""People known again by likeness: on descriptors whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edge_common.errors import ConfigError
from edge_models.datasets.dataset import classification, regression
from edge_models.evaluation.analysis_sections import identity_section
from edge_models.evaluation.identity import Identity, _some_files, identity_task, open_set
from edge_models.evaluation.plots import recognition
from edge_models.evaluation.recognition import Pairs, pairs_of, recognise
from edge_models.evaluation.similarity import galleries, similarities_of
from edge_models.sections import EvaluationSection


def people_in(count, files, clips, spread, seed=0):
    """Descriptors about one centre a person, persons and files of the clips."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, 16))
    people = np.repeat(np.arange(count), files * clips)
    rows = centres[people] + spread * random.normal(size=(len(people), 16))
    return rows, people, np.repeat(np.arange(count * files), clips)


def test_people_who_lie_apart_are_always_known_again():
    found = recognise(similarities_of(*people_in(10, 3, 4, spread=0.01)))
    assert (found.rank_1.value, found.area.value) == (1.0, 1.0)
    assert (found.people, found.files, found.gallery_count) == (10, 30, 3)
    assert (found.rank_1.n, found.drawn) == (120, "people")
    assert 0.6 < found.rank_1.low < 0.8  # ten people are not more than ten
    assert [accept.rate for accept in found.accepts] == [
        0.01
    ]  # too few pairs for one in a thousand
    assert found.accepts[0].accepted.value == 1.0


def test_noise_is_known_again_by_chance():
    found = recognise(similarities_of(*people_in(10, 3, 4, spread=1000.0)))
    assert found.rank_1.low < 0.1 < found.rank_1.high < 0.3
    assert found.area.low < 0.5 < found.area.high


def test_no_clip_meets_its_own_file():
    # two files of one person, far apart: only a clip's own file would be like it
    rows = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    likeness = similarities_of(rows, np.array([0, 0, 1, 1]), np.arange(4))
    found = recognise(likeness)
    assert len(found.same) == 4 and found.same.max() == pytest.approx(0.0, abs=1e-6)
    assert found.drawn == "files"


def test_a_single_file_each_cannot_be_measured():
    assert recognise(similarities_of(*people_in(5, 1, 4, spread=0.1))) is None


def test_each_file_stands_in_one_gallery():
    likeness = similarities_of(*people_in(4, 3, 2, spread=0.1))
    chosen = galleries(likeness, 20)
    assert sorted(np.concatenate(chosen)) == list(range(12))
    assert all(likeness.people_of_files[one].tolist() == [0, 1, 2, 3] for one in chosen)
    assert len(galleries(likeness, 2)) == 2


def test_the_area_that_is_resampled_is_the_roc_area_also_with_ties():
    random = np.random.default_rng(0)
    cosine, same = random.integers(0, 6, 200) / 6, random.random(200) < 0.4
    each, times = np.arange(200), random.integers(0, 4, 200)
    drawn = Pairs(cosine, same, each, each, by_people=False).drawn(times)
    assert drawn.area == pytest.approx(roc_auc_score(same, cosine, sample_weight=times))


def test_pairs_of_two_people_are_counted_as_often_as_both_are_drawn():
    pairs = pairs_of(similarities_of(*people_in(9, 2, 1, spread=0.1)))
    assert pairs.by_people and pairs.same.sum() == 18
    assert np.array_equal(pairs.a == pairs.b, pairs.same)


def test_strangers_are_turned_away_where_they_lie_apart():
    known, people, files = people_in(6, 3, 4, spread=0.05)
    impostors, who, _ = people_in(5, 2, 20, spread=0.05, seed=9)
    found = open_set(known, people, files, impostors, who)
    assert (found.known_people, found.strangers) == (6, 5)
    for named in found.named:
        assert named.known.value == 1.0 and named.stranger_clips == 200
        assert named.known.n == 72  # 6 people, 3 files, 4 clips; each is asked of two galleries
    chance = open_set(known, people, files, known, people)
    assert max(named.known.value for named in chance.named) < 0.5  # nobody can be told apart


def test_descriptors_that_are_all_equal_are_drawn_too():
    likeness = similarities_of(np.full((8, 16), 0.1), np.repeat([0, 1], 4), np.arange(8))
    assert likeness.values.min() > 0.999 and likeness.values.max() <= 1.0
    found = recognise(likeness)
    assert found.area.value == 0.5
    assert recognition({"all": found}).startswith("<svg")


def test_a_set_is_closed_only_where_there_are_no_strangers():
    told = [" ".join(identity_section(Identity("reid", closed, None, None, None)).text)
            for closed in (True, False)]  # fmt: skip
    assert "a closed set" in told[0] and told[0].count("**not measured**") == 1
    assert "Open set" in told[1] and told[1].count("**not measured**") == 2


def test_strangers_are_told_of_also_where_nobody_else_can_be_measured():
    # of one person there are two files, of all others one
    known, people, files = people_in(2, 2, 4, spread=0.05)
    people = np.where(files == 3, 2, people)
    impostors, who, _ = people_in(3, 1, 4, spread=0.05, seed=9)
    found = open_set(known, people, files, impostors, who)
    section = identity_section(Identity("reid", False, None, None, found))
    assert [table.header[0] for table in section.tables] == ["gallery of one file each"]
    assert section.tables[0].rows[0][3] == "100.0 % (–)"  # of one person alone
    assert section.tables[0].rows[0][4].startswith("8 of the known, 12 clips")


def test_of_many_clips_whole_files_are_compared():
    rows, people, files = _some_files(*people_in(30, 10, 10, spread=0.1))
    assert len(rows) == len(people) == len(files) == 2000
    assert set(np.bincount(files)[np.unique(files)]) == {10}


TASKS = (classification("reid", ("a", "b")), regression("age", "years"))


def test_the_task_that_tells_people_apart_is_named_or_the_usual_one():
    assert identity_task(EvaluationSection(), TASKS) == "reid"
    assert identity_task(EvaluationSection(), TASKS[1:]) == ""
    assert identity_task(EvaluationSection(""), TASKS) == ""
    for wrong in ("raid", "age"):
        with pytest.raises(ConfigError, match=f"'{wrong}', which is no task with classes"):
            identity_task(EvaluationSection(wrong), TASKS)
