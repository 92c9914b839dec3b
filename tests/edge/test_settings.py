"""`--config FILE`: what it may hold, what goes before it, and what is wrong with it, line by line."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli import main
from edge.commands import settings_schema
from edge_common.toml_lines import line_numbers
from tests.recorded.commands import options
from tests.wheels import ROOT

pytest.importorskip("msgspec")  # the extra `config`

GOOD = """\
bundle = "faces-in-motion"
rate = "all"
hop = 2
detector = "face-finder"

[[camera]]
name = "yard"
source = "clip.avi"

[[zone]]
name = "door"
points = [[0, 0], [1, 0],
          [1, 1]]

[[output]]
kind = "jsonl"
target = "out.jsonl"

[[alert]]
name = "shaken"
task = "action"
is = ["shake"]
above = 0.8
for_s = 0.5
zone = "door"
severity = "alarm"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter("clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for level in range(20):
        writer.write(np.full((48, 64, 3), level * 10, np.uint8))
    writer.release()
    return tmp_path


def run(text: str, *arguments: str) -> Result:
    Path("run.toml").write_text(text)
    return CliRunner().invoke(main, ["--config", "run.toml", *arguments])


def test_a_check_says_what_would_run_and_opens_nothing() -> None:
    result = run(GOOD, "--check")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "bundle: faces-in-motion (reid, action)",
        "detector: face-finder",
        "source: yard, video:clip.avi",
        "zone: door=0,0,1,0,1,1",
        "output: jsonl:out.jsonl",
        "alert: shaken (alarm)",
    ]
    assert not Path("out.jsonl").exists()


def test_cameras_of_one_name_are_told_apart_alike_by_check_and_run(folder: Path) -> None:
    yards = '[[camera]]\nname = "yard"\nsource = "{}"\n'
    shutil.copy("clip.avi", "other.avi")
    text = 'bundle = "faces-in-motion"\n' + "".join(map(yards.format, ("clip.avi", "other.avi")))
    text += '[[output]]\nkind = "jsonl"\ntarget = "out.jsonl"\n'
    sources = [row for row in run(text, "--check").stdout.splitlines() if "source" in row]
    assert sources == ["source: yard (1), video:clip.avi", "source: yard (2), video:other.avi"]
    result = run(text, "--quiet", "--json")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert {line["source"] for line in lines} == {"yard (1)", "yard (2)"}
    twice = run('bundle = "face"\n', "--check", "--source", "clip.avi", "--source", "clip.avi")
    assert "source: video:clip.avi (1)\nsource: video:clip.avi (2)\n" in twice.stdout


@pytest.mark.parametrize("name", ['name = "shaken"\n', ""])
def test_alerts_of_one_name_are_refused(name: str) -> None:
    alert = f'\n[[alert]]\n{name}task = "action"\nis = ["shake"]\n'
    good = GOOD if name else GOOD.replace('name = "shaken"\n', "").replace('zone = "door"\n', "")
    result = run(good + alert, "--check")
    assert result.exit_code == 2, result.output
    (message,) = result.stderr.splitlines()
    line = (good + alert)[: (good + alert).rindex("[[alert]]")].count("\n") + 1 + bool(name)
    called = "shaken" if name else "action shake"
    text = f"another alert is called '{called}': give each a name of its own"
    assert message == f"Error: run.toml, line {line}: {text}"


def test_a_run_does_what_the_file_says(folder: Path) -> None:
    text = GOOD.replace("above = 0.8", "above = 0").replace('["shake"]', '["still", "shake"]')
    for key in ("detector", "zone", "for_s"):
        text = re.sub(rf"(?m)^{key} = .*\n", "", text)
    text = text[: text.index("[[zone]]")] + text[text.index("[[output]]") :]
    result = run(text, "--quiet", "--json")
    assert result.exit_code == 0, result.output
    events = json.loads(result.stdout)["events"]
    assert list(events) == ["shaken"]
    assert events["shaken"] | {"last_at": ""} == {
        "started": 1,
        "ended": 1,
        "active": 0,
        "last_at": "",
    }
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines if "event" in line] == ["start", "end"]
    assert {line["source"] for line in lines} == {"yard"}
    assert lines[-1]["reason"] == "run ended"
    assert lines[-1]["at"] == events["shaken"]["last_at"]
    assert [line["frame"] for line in lines if "tasks" in line] == [14, 16, 18]


def test_an_alert_that_asks_for_a_clip_is_told_that_none_is_recorded(folder: Path) -> None:
    asking = GOOD.replace("above = 0.8", "clip = {before_s = 2}")
    assert "add --sink clips:FOLDER" in run(asking, "--check").stderr
    assert "clips:" not in run(asking, "--check", "--sink", "clips:seen").stderr
    assert "clips:" not in run(GOOD.replace("above = 0.8", "clip = false"), "--check").stderr


def test_the_command_line_goes_before_the_file() -> None:
    result = run(GOOD, "--check", "--source", "other.avi", "--sink", "jsonl:-", "--hop", "3")
    assert "source: video:other.avi\n" in result.stdout
    assert "output: jsonl:-\n" in result.stdout
    assert "yard" not in result.stdout


def test_every_option_can_stand_in_a_file() -> None:
    keys = settings_schema.settings_table(main).__struct_encode_fields__
    known = {
        max(parameter.opts, key=len).lstrip("-").replace("-", "_")
        for parameter in main.params
        if parameter.name not in {"config", "check", "help", "version"}
    }
    assert known | {"output", "alert", "update"} == set(keys)
    assert options("edge-run")


def test_the_schema_is_what_the_file_is_read_by() -> None:
    result = CliRunner().invoke(main, ["schema"])
    definitions = json.loads(result.stdout)["$defs"]
    assert {"bundle", "camera", "zone", "output", "alert", "hop"} <= definitions["Settings"][
        "properties"
    ].keys()
    alert = definitions["Alert"]
    assert alert["additionalProperties"] is False
    assert alert["properties"]["is"]["description"]
    assert alert["properties"]["for_s"]["minimum"] == 0


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("hop = 2", "hopp = 2", 3, "unknown key 'hopp'; did you mean 'hop'?"),
        ("hop = 2", "hop = 0", 3, "hop: expected an integer >= 1"),
        ("hop = 2", 'hop = "two"', 3, "hop: expected an integer, got a string"),
        ("hop = 2", "hop = 2\nhop = 3", 4, "is not TOML"),
        ("hop = 2", "update = {shadow = 1}", 3, "unknown key 'shadow'; did you mean 'shadow_s'?"),
        ("hop = 2", "update = {disagreement = 2}", 3, "disagreement: expected a number <= 1"),
        ("hop = 2", "update = 5", 3, "update: expected a table, got an integer"),
        ("hop = 2", 'runtime = "litetr"', 3, "runtime: invalid enum value 'litetr'"),
        ("hop = 2", 'size = "big"', 3, "'big' is no size"),
        ("hop = 2", 'region = "round"', 3, "region"),
        ("hop = 2", "threshold = 0.5", 3, "--threshold goes with --gallery FILE"),
        ('rate = "all"', 'rate = "fast"', 2, "fast"),
        ('detector = "face-finder"', 'detector = "none"', 10, "--zone goes with --detector NAME"),
        ('"faces-in-motion"', '"faces-in-moton"', 1, "faces-in-moton"),
        ('"face-finder"', '"face-fnder"', 4, "face-fnder"),
        ('source = "clip.avi"', 'sorce = "clip.avi"', 8, "unknown key 'sorce'; did you mean 'source'?"),
        ('source = "clip.avi"', 'source = "clip.avi"\ncamera = 0', 6, "one of camera = N and source"),
        ('source = "clip.avi"', 'source = "clip.nothing"', 8, "clip.nothing"),
        ("          [1, 1]]", "          [0.5, 0]]", 12, "has no area"),
        ('kind = "jsonl"', 'kind = "jsonll"', 16, "no output 'jsonll'; did you mean 'jsonl'?"),
        ('kind = "jsonl"', 'kind = "jsonl"\nrat = 3', 17, "jsonl has no option 'rat'"),
        ('target = "out.jsonl"', "", 15, "write target = 'PATH'"),
        ('target = "out.jsonl"', 'target = "no/out.jsonl"', 17, "no/out.jsonl cannot be written"),
        ("above = 0.8", "clip = {befor_s = 1}", 23, "unknown key 'befor_s'; did you mean 'before_s'?"),
        ("above = 0.8", "clip = {after_s = 99}", 23, "after_s: expected a number <= 60"),
        ("above = 0.8", "clip = 5", 23, "clip: expected"),
        ('task = "action"', 'task = "acton"', 21, "no task 'acton'; did you mean 'action'?"),
        ('is = ["shake"]', 'is = ["shke"]', 22, "no label 'shke'; did you mean 'shake'?"),
        ('is = ["shake"]', 'is = "shake"', 22, "is: expected an array, got a string"),
        ("above = 0.8", "above = 1.8", 23, "above: expected a number <= 1.0"),
        ("above = 0.8", "abov = 0.8", 23, "unknown key 'abov'; did you mean 'above'?"),
        ("above = 0.8", "above = nan", 23, "above: expected"),
        ("above = 0.8", "below = 0.8", 23, "below (0.8) is over above (0.5)"),
        ('zone = "door"', 'zone = "dor"', 25, "no zone 'dor'; did you mean 'door'?"),
        ('zone = "door"', 'source = "yrd"', 25, "no source 'yrd'; did you mean 'yard'?"),
        ('"alarm"', '"alram"', 26, "no severity 'alram'; did you mean 'alarm'?"),
        ("for_s = 0.5", 'schedule = ["mo 8-9"]', 24, "'mo 8-9' is no time of day"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line_with_its_place(
    before: str, after: str, line: int, words: str
) -> None:
    assert before in GOOD
    result = run(GOOD.replace(before, after, 1), "--quiet")
    assert result.exit_code == 2, result.output
    (message,) = result.stderr.splitlines()  # also of usage: no terminal is there
    assert re.match(rf"Error: run\.toml(, line {line}\b|: is not TOML.*line {line}\b)", message), (
        message
    )
    assert words in message
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_is_said_so() -> None:
    result = CliRunner().invoke(main, ["--config", "nowhere.toml"])
    assert result.exit_code == 2
    assert "nowhere.toml: cannot be read" in result.stderr


def test_a_secret_is_of_the_environment_or_of_a_file_and_is_never_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YARD_LOGIN", "anna:hunter2")
    address = 'source = "rtsp://127.0.0.1:9/yard"\nlogin = {env = "YARD_LOGIN"}'
    result = run(GOOD.replace('source = "clip.avi"', address), "--check")
    assert result.exit_code == 0, result.output
    assert "hunter2" not in result.output
    monkeypatch.delenv("YARD_LOGIN")
    result = run(GOOD.replace('source = "clip.avi"', address), "--quiet")
    assert result.exit_code == 2
    assert "set YARD_LOGIN in the environment" in result.stderr
    Path("login").write_text("anna:hunter2")
    os.chmod("login", 0o644)
    result = run(
        GOOD.replace(
            'source = "clip.avi"', address.replace("env", "file").replace("YARD_LOGIN", "login")
        ),
        "--quiet",
    )
    assert result.exit_code == 2
    assert "chmod 600 login" in result.stderr
    result = run(GOOD.replace('source = "clip.avi"', address.replace("env =", "evn =")), "--check")
    assert result.exit_code == 2
    assert "run.toml, line 9: " in result.stderr


def test_lines_are_those_of_the_keys() -> None:
    table = 'a = 1\n"b c" = """\nd = 2\n"""\n[t.u]\nv = [\n  1,\n]\n'
    text = f"# note\n{table}[[w]]\nx.y = 1\n[[w]]\nz = 2\n[w.q]\nr = 1\n"
    assert line_numbers(text) == {
        ("a",): 2,
        ("b c",): 3,
        ("t", "u"): 6,
        ("t", "u", "v"): 7,
        ("w", 0): 10,
        ("w", 0, "x", "y"): 11,
        ("w", 1): 12,
        ("w", 1, "z"): 13,
        ("w", 1, "q"): 14,
        ("w", 1, "q", "r"): 15,
    }


def test_the_first_settings_of_the_readme_are_right() -> None:
    result = run((ROOT / "examples" / "somebody.toml").read_text(), "--check")
    assert result.exit_code == 0, result.output
    assert "output: mqtt:127.0.0.1\n" in result.stdout and "alert: somebody" in result.stdout


def test_the_documents_example_runs() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    result = run(example, "--check")
    assert result.exit_code == 0, result.output
    assert "alert: minor (alarm)" in result.stdout
    for key in json.loads(CliRunner().invoke(main, ["schema"]).stdout)["$defs"]["Alert"][
        "properties"
    ]:
        assert f"`{key}" in text or f"{key} = " in text, key


@pytest.mark.parametrize("arguments", [("--check",), ("--quiet",), ("service", "unit")])
def test_a_file_of_a_secret_is_looked_at_before_all_else(arguments: tuple[str, ...]) -> None:
    login = 'source = "rtsp://127.0.0.1:9/yard"\nlogin = {file = "/nowhere/door.login"}'
    text = GOOD.replace('source = "clip.avi"', login).replace('"out.jsonl"', '"/tmp/out.jsonl"')
    if arguments[0] == "service":
        Path("run.toml").write_text(text)
        result = CliRunner().invoke(main, [*arguments, "--config", "run.toml"])
    else:
        result = run(text, *arguments)
    assert result.exit_code == 2
    assert re.fullmatch(
        r"Error: \S*run\.toml, line 9: the secret /nowhere/door\.login may not be read: "
        r"No such file or directory\n",
        result.stderr,
    ), result.stderr


def test_a_file_of_a_secret_that_may_not_be_read_is_only_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root's file, which systemd hands over to the service."""
    Path("login").write_text("anna:hunter2")
    os.chmod("login", 0)
    monkeypatch.setattr("builtins.open", _refuse("login", open))
    address = 'source = "rtsp://127.0.0.1:9/yard"\nlogin = {file = "login"}'
    result = run(GOOD.replace('source = "clip.avi"', address), "--check")
    assert result.exit_code == 0, result.output
    os.chmod("login", 0o640)
    result = run(GOOD.replace('source = "clip.avi"', address), "--check")
    assert "line 9: the secret login may be read by others: chmod 600 login" in result.stderr


def _refuse(name: str, opened: Any) -> Any:
    def refusing(path: Any, *arguments: Any, **options: Any) -> Any:
        if path == name:
            raise PermissionError(13, "Permission denied", name)
        return opened(path, *arguments, **options)

    return refusing


def test_a_face_network_without_a_detector_is_told_so() -> None:
    text = 'bundle = "face"\nsource = "clip.avi"\n'.replace("source = ", "source = [").replace(
        '.avi"', '.avi"]'
    )
    result = run(text, "--check")
    assert "detector: none\n" in result.stdout
    assert "face looks at whole frames" in result.stderr
    for more in ('detector = "none"\n', 'detector = "face-finder"\n', 'region = "square"\n'):
        assert "whole frames" not in run(more + text, "--check").stderr
