"""The search on a cluster: the same candidates, byte for byte, and the same choice."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import InputSpec
from edge.tasks import Task
from edge_common import ConfigError, cluster
from edge_common.console import Progress
from edge_convert.cli import main
from edge_convert.precision import cache, cluster_jobs
from edge_convert.precision.calibration import NetworkInput
from edge_convert.precision.candidates import Scoring, SearchResult
from edge_convert.precision.cluster_jobs import RemoteJobs, remote_jobs
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import FloatPart
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe
from edge_convert.precision.search import PrecisionSearch
from tests import clusters, tiny

TASKS = (Task("kind", "classification", ("0", "1", "2")), Task("size", "regression"))
CLIPS = tiny.labelled_clips(16)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("workers")
    with clusters.running(folder, ("127.0.0.1", "127.0.0.1")) as opened:
        yield opened.scheduler_address


def prepared(jobs: ConversionJobs, models: dict[str, bytes]) -> list[FloatPart]:
    pictures = CLIPS["clips"].reshape(-1, 32, 32, 3).astype(np.float32)
    jobs.prepare("encoder", models["encoder"], {"frame": pictures}, {"frame": (0.0, 255.0)})
    draw = np.random.default_rng(0)
    features = {
        "f0_maps": draw.uniform(0, 2, (8, 4, 8, 8, 16)).astype(np.float32),
        "f1_pooled": draw.uniform(0, 2, (8, 4, 16)).astype(np.float32),
    }
    jobs.prepare("head", models["head"], features, {})
    return [FloatPart(role, model, 1) for role, model in models.items()]


def searched(folder: Path, models: dict[str, bytes], remote: RemoteJobs | None) -> SearchResult:
    folder.mkdir()
    with ConversionJobs(folder, remote=remote) as jobs:
        parts = prepared(jobs, models)
        scoring = Scoring(TASKS, NetworkInput(CLIPS["clips"], InputSpec(32, 32)), {}, 100.0)
        return PrecisionSearch(jobs, parts, scoring, {}, Progress(quiet=True)).run()


@pytest.mark.usefixtures("idle_machine")
def test_workers_make_the_same_bytes_and_the_same_choice(
    scheduler: str, tmp_path: Path, tiny_float_parts: dict[str, bytes]
) -> None:
    here = searched(tmp_path / "here", tiny_float_parts, None)
    with remote_jobs(scheduler) as remote:
        assert remote and remote.count == 2
        there = searched(tmp_path / "there", tiny_float_parts, remote)
    assert len(here.candidates) >= 10 and len(here.combinations) == len(there.combinations)
    for own, other in zip(here.candidates, there.candidates, strict=True):
        assert (own.role, own.recipe, own.failure) == (other.role, other.recipe, other.failure)
        if own.part:
            assert own.converted.model == other.converted.model
    for one, two in zip(here.chosen.candidates, there.chosen.candidates, strict=True):
        assert one.recipe == two.recipe and one.converted.model == two.converted.model


def test_layers_cost_what_they_do_here(
    scheduler: str, tmp_path: Path, tiny_float_parts: dict[str, bytes]
) -> None:
    costs, steps = [], []
    with remote_jobs(scheduler) as remote:
        for name, each in (("here", None), ("there", remote)):
            (tmp_path / name).mkdir()
            with ConversionJobs(tmp_path / name, remote=each) as jobs:
                prepared(jobs, tiny_float_parts)
                costs.append(
                    jobs.layer_costs("head", lambda done, total: steps.append((done, total)))
                )
    assert costs[0] == costs[1] and len(costs[0]) > 3
    assert steps[-2:] == [(1, 2), (2, 2)]


def test_what_crashes_on_a_worker_is_a_failed_candidate_alone(
    scheduler: str,
    tmp_path: Path,
    tiny_float_parts: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with remote_jobs(scheduler) as remote, ConversionJobs(tmp_path, remote=remote) as jobs:
        prepared(jobs, tiny_float_parts)
        float16 = Recipe("float16")
        monkeypatch.setattr(Recipe, "to_json", without_bits(float16, Recipe.to_json))
        models = jobs.quantised("head", [FLOAT32, INT8, float16])
    assert models[FLOAT32] == tiny_float_parts["head"] and isinstance(models[INT8], bytes)
    assert isinstance(models[float16], str) and "rror" in models[float16]


def without_bits(broken: Recipe, to_json):
    """Makes of one recipe what no worker can read."""
    return lambda recipe: {"nothing": 1} if recipe == broken else to_json(recipe)


def test_jobs_on_workers_are_ended_on_leaving(
    scheduler: str, tmp_path: Path, tiny_float_parts: dict[str, bytes]
) -> None:
    with remote_jobs(scheduler) as remote, ConversionJobs(tmp_path, remote=remote) as jobs:
        prepared(jobs, tiny_float_parts)
        fields = {**jobs._prepared("head"), "recipes": []}
        child = jobs._start("quantise", "head", fields)
    assert child.process.returncode == -signal.SIGKILL


def test_a_worker_of_other_code_is_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {**cache.code_identity(), "tensorflow": "1.0"}
    with cluster.connected(scheduler) as client:
        there = client.run(cache.code_identity)
        assert set(map(str, there.values())) == {str(cache.code_identity())}
        monkeypatch.setattr(cluster_jobs.cache, "code_identity", lambda: own)
        monkeypatch.setattr(client, "run", lambda function: there)
        with pytest.raises(ConfigError, match="converts otherwise, with another tensorflow: inst"):
            cluster_jobs._refuse_other_code(client)


def test_a_whole_conversion_gives_the_same_bundle(
    scheduler: str, tmp_path: Path, tiny_clips_path: Path
) -> None:
    tiny.window_model().save(tmp_path / "tiny.keras")
    outputs = [tmp_path / folder / "tiny.edge" for folder in ("here", "there")]
    precisions = ["--encoder-precision", "int8", "--head-precision", "float16", "--no-gate"]
    usual = [tmp_path / "tiny.keras", "--calibration", tiny_clips_path, "--no-cache", *precisions]
    for output, options in zip(outputs, ([], ["--scheduler", scheduler]), strict=True):
        output.parent.mkdir()
        done = CliRunner().invoke(main, list(map(str, [*usual, "-o", output, *options])))
        assert done.exit_code == 0, done.output
    here, there = (cache_free(output) for output in outputs)
    assert here == there


def cache_free(path: Path) -> dict[str, bytes]:
    """A bundle's networks."""
    from edge.bundle import open_bundle

    members = open_bundle(path).members
    return {name: members[name] for name in members if name.endswith(".tflite")}


def test_without_a_scheduler_there_nothing_is_written(
    tmp_path: Path, tiny_clips_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    tiny.window_model().save(tmp_path / "tiny.keras")
    words = [tmp_path / "tiny.keras", "-o", tmp_path / "x.edge", "--calibration", tiny_clips_path]
    done = CliRunner().invoke(main, [*map(str, words), "--scheduler", "tcp://127.0.0.1:9"])
    assert done.exit_code == 2 and "there is no Dask scheduler at tcp://127" in done.stderr
    assert not (tmp_path / "x.edge").exists()
