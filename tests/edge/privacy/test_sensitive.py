"""Tasks that a run answers only if it is told to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.bundle.manifest import schema_of, to_json
from edge.bundle.manifest_check import check
from edge.cli import main
from edge.events.alert import Alert
from edge.privacy import sensitive
from edge.stream import Stream
from edge.tasks import Task
from edge_common import ConfigError, decode
from tests import tiny

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    "name",
    ["race", "Race", "main_race", "raceEthnicity", "ethnic-group", "emotion_7", "EMOTION", "religion",
     "political_opinion", "tradeUnion", "sexual orientation", "mood"],
)  # fmt: skip
def test_names_of_what_law_protects_are_sensitive(name: str) -> None:
    assert sensitive.is_sensitive(Task(name, "classification"))


@pytest.mark.parametrize(
    "name", ["age", "gender", "reid", "action", "trace", "brace", "orientation", "terrace", "union"]
)
def test_other_names_are_not(name: str) -> None:
    assert not sensitive.is_sensitive(Task(name, "classification", ("happy", "neutral")))


def test_a_mark_and_labels_of_emotions_count_whatever_the_name() -> None:
    assert sensitive.is_sensitive(Task("output_0", "classification", EMOTIONS))
    assert sensitive.is_sensitive(Task("gait", "binary", sensitive=True))


def _bundle(whole: Bundle, *marked: str) -> Bundle:
    tasks = tuple(replace(t, sensitive=t.name in marked) for t in whole.manifest.tasks)
    return replace(whole, manifest=replace(whole.manifest, tasks=tasks, schema=schema_of(tasks)))


SUBSETS = st.sets(st.sampled_from(["kind", "size"]))


@given(marked=SUBSETS, allowed=SUBSETS)
@settings(deadline=None)
def test_what_is_answered_is_all_that_is_harmless_or_allowed(
    tiny_bundle: Bundle, marked: set[str], allowed: set[str]
) -> None:
    bundle = _bundle(tiny_bundle, *marked)
    if marked - allowed == {"kind", "size"}:
        with pytest.raises(ConfigError, match="would answer nothing: kind, size are sensitive"):
            sensitive.permitted(bundle, tuple(allowed))
        return
    kept, withheld = sensitive.permitted(bundle, tuple(allowed))
    assert set(withheld) == marked - allowed
    names = [task.name for task in kept.manifest.tasks]
    assert names == [name for name in ("kind", "size") if name not in withheld]
    assert kept.sha256 == bundle.sha256


def test_a_stream_of_the_rest_gives_the_same_answers(tiny_bundle: Bundle) -> None:
    bundle = _bundle(tiny_bundle, "kind")
    kept, _ = sensitive.permitted(bundle, ())
    streams = [Stream(bundle), Stream(kept)]
    for frame in tiny.frames(tiny.WINDOW):
        decisions = [stream.push(frame) for stream in streams]
    assert [list(each.tasks) for each in decisions if each] == [["kind", "size"], ["size"]]
    assert len({each.tasks["size"].value for each in decisions if each}) == 1


def test_drift_is_not_told_of_what_is_withheld(tiny_bundle: Bundle) -> None:
    bundle = _bundle(tiny_bundle, "kind")
    assert bundle.reference is not None and set(bundle.reference.tasks) == {"kind", "size"}
    kept, _ = sensitive.permitted(bundle, ())
    assert kept.reference == replace(
        bundle.reference, tasks={"size": bundle.reference.tasks["size"]}
    )


def test_an_alert_on_it_and_an_unknown_name_are_refused(tiny_bundle: Bundle) -> None:
    bundle = _bundle(tiny_bundle, "kind")
    alert = Alert(task="kind", labels=("1",))
    with pytest.raises(ConfigError, match="alert 'kind 1' needs a task that is withheld: kind is"):
        sensitive.permitted(bundle, (), [alert])
    assert sensitive.permitted(bundle, ("kind",), [alert])[1] == ()
    with pytest.raises(ConfigError, match="there is no task 'knd'; did you mean 'kind'"):
        sensitive.permitted(bundle, ("knd",))


def test_a_mark_needs_version_7_and_stands_only_where_it_is(tiny_bundle: Bundle) -> None:
    manifest = _bundle(tiny_bundle, "kind").manifest
    assert manifest.schema == 7
    check(manifest)
    content = to_json(manifest)["tasks"]
    assert content[0]["sensitive"] is True and "sensitive" not in content[1]
    assert decode(type(manifest), to_json(manifest)) == manifest
    with pytest.raises(ValueError, match="a mark of 'kind' as sensitive in version 6"):
        check(replace(manifest, schema=6))


def _run(cli: CliRunner, *arguments: str) -> tuple[int, str]:
    done = cli.invoke(main, [*arguments, "--quiet"])
    return done.exit_code, done.output


def test_edge_run_says_once_what_it_does_not_answer(
    cli: CliRunner, tiny_bundle: Bundle, video_path: Path, tmp_path: Path
) -> None:
    path, lines = tmp_path / "marked.edge", tmp_path / "out.jsonl"
    bundle = _bundle(tiny_bundle, "kind")
    write_bundle(path, bundle.manifest, bundle.members)
    run = [str(path), "--source", str(video_path), "--frames", "5", "--jsonl", str(lines)]
    code, output = _run(cli, *run)
    assert code == 0 and output.count("not answered: kind is sensitive") == 1
    decisions = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [set(each["tasks"]) for each in decisions] == [{"size"}] * 2
    assert decisions[0]["bundle_sha256"] == open_bundle(path).sha256
    lines.unlink()
    code, output = _run(cli, *run, "--allow-sensitive", "kind")
    assert code == 0 and "not answered" not in output
    assert set(json.loads(lines.read_text().splitlines()[0])["tasks"]) == {"kind", "size"}
    assert _run(cli, str(path), "--self-test")[0] == 0


def test_an_alert_of_a_settings_file_on_it_ends_with_code_2_and_its_line(
    cli: CliRunner, tiny_bundle: Bundle, video_path: Path, tmp_path: Path
) -> None:
    path, toml = tmp_path / "marked.edge", tmp_path / "run.toml"
    bundle = _bundle(tiny_bundle, "kind")
    write_bundle(path, bundle.manifest, bundle.members)
    alert = '\n[[alert]]\ntask = "kind"\nis = ["1"]\n'
    toml.write_text(f'bundle = "{path}"\nsource = ["{video_path}"]\n{alert}')
    code, output = _run(cli, "--config", str(toml), "--check")
    assert code == 2 and len(output.splitlines()) == 1
    assert "run.toml, line" in output and "--allow-sensitive kind" in output
    toml.write_text(f'allow_sensitive = ["kind"]\n{toml.read_text()}')
    assert _run(cli, "--config", str(toml), "--check")[0] == 0


@pytest.mark.parametrize(
    ("name", "marked"), [("gear", {"race"}), ("fer", {"emotion"}), ("faceres", set())]
)
def test_published_networks_are_marked_in_the_tasks_file_that_a_conversion_reads(
    name: str, marked: set[str], tmp_path: Path
) -> None:
    from edge_convert.network import read_card
    from edge_models.networks.files import write_tasks
    from edge_models.pretrained.catalogue import NETWORKS

    tasks = NETWORKS[name].tasks
    about = {"frame_rate_hz": 0.0, "licence": "MIT", "weights_source": "elsewhere"}
    write_tasks(tmp_path / "model.tasks.json", tasks, **about)
    card = read_card(tmp_path / "model.keras")
    assert {name for name, entry in card.tasks.items() if entry.sensitive} == marked
