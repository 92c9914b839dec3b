"""Names and texts from files steer no terminal, compute in no spreadsheet, and tell no password."""

import csv
import io
import json
from dataclasses import replace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from edge.registry import Endpoint
from edge.sinks.jsonl import line_of
from edge.sources import Source, find_source
from edge.stream import Decision
from edge.tasks import Prediction
from edge_benchmarks.show.writing import csv_text
from edge_common import EdgeError, SourceError, command_line, console, without_passwords
from edge_common.document import Section, Table, markdown, page
from tests.benchmarks.samples import RECORD

STEERING = "a\x1b[2Jb\x9b1mc\x07d\re\u202ef\u2066g\x7fh"
HARMLESS = "Größe 5\u202fms\tसंयुक्\u200dत می\u200cخواهم 日本 👍"


def test_nothing_steers_the_terminal() -> None:
    assert console.visible(f"{STEERING}\n{HARMLESS}") == f"a?[2Jb?1mc?d?e?f?g?h\n{HARMLESS}"


def test_the_commands_print_through_that(capsys: pytest.CaptureFixture[str]) -> None:
    console.echo(STEERING)
    console.warn_once(STEERING)
    console.Progress().say(STEERING)
    output = capsys.readouterr()
    assert not {"\x1b", "\x9b", "\u202e", "\x07", "\r"} & set(output.out + output.err)


def test_an_error_is_one_line_without_escapes() -> None:
    @click.command()
    @command_line.one_line_errors
    def command() -> None:
        raise EdgeError(f"{STEERING}\nrtsp://me:secret@cam/1")

    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    # a carriage return is a space, as a line's end is
    assert result.stderr == "Error: a?[2Jb?1mc?d e?f?g?h rtsp://me:***@cam/1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://me:secret@cam/1", "rtsp://me:***@cam/1"),
        ("rtsp://me:se:c@r@et@cam:554/1", "rtsp://me:***@cam:554/1"),
        ("stream:http://:x@cam", "stream:http://:***@cam"),
        ("rtsp://me:my se/cret@cam/1", "rtsp://me:***@cam/1"),
        ("rtsp://me:my secret@[::1]/1 is silent", "rtsp://me:***@[::1]/1 is silent"),
        ("rtsp:me:secret@cam/1", "rtsp:me:***@cam/1"),
        ("rtsp//me:secret@cam/1", "rtsp//me:***@cam/1"),
        ("rtsp:/me:my secret@cam/1", "rtsp:/me:***@cam/1"),
        ("http://[::1]:80/x is silent, ask me@home", "http://[::1]:80/x is silent, ask me@home"),
        ("http://cam:80 is silent, ask me@home", "http://cam:80 is silent, ask me@home"),
        ("http://cam:x gives 401: give NAME:PASSWORD@ first",) * 2,
        ("rtsp://me@cam/a:b@c", "rtsp://me@cam/a:b@c"),
        ("http://cam:80/x?user=a&password=b&w=3", "http://cam:80/x?user=a&password=***&w=3"),
        ("http://cam/x?pwd=b and http://a:b@c", "http://cam/x?pwd=*** and http://a:***@c"),
        ("http://cam/x?api_key=b#c", "http://cam/x?api_key=***#c"),
        ("http://cam/x?access_token=b&w=3", "http://cam/x?access_token=***&w=3"),
        ("http://cam/x?loginuse=a&loginpas=b", "http://cam/x?loginuse=a&loginpas=***"),
        ("http://cam/x?X-Amz-Signature=b&sig=c", "http://cam/x?X-Amz-Signature=***&sig=***"),
        ("rtsp://cam/user=a&password=b&channel=1", "rtsp://cam/user=a&password=***&channel=1"),
        ("rtsp://cam/user=a_password=b_channel=1.sdp", "rtsp://cam/user=a_password=***"),
        ("there is no source me:secret@10.0.0.2/x", "there is no source me:***@10.0.0.2/x"),
        ("rtsp:/me:secret@cam.local/x", "rtsp:/me:***@cam.local/x"),
        ("raw:640x480@29.97:bgr and v4l2src:a=b", "raw:640x480@29.97:bgr and v4l2src:a=b"),
        ("there is no source 'me:secret@cam'", "there is no source 'me:***@cam'"),
        ("me:secret@cam:554 gives nothing", "me:***@cam:554 gives nothing"),
        ("give --source=me:se:cr@et@cam", "give --source=me:***@cam"),
        ("source me:secret@cam/1: no kind", "source me:***@cam/1: no kind"),
        ("snapshot:me:secret@cam", "snapshot:***@cam"),
        ("a.fifo:stdin_format=raw:640x480@30", "a.fifo:stdin_format=raw:640x480@30"),
        ("raw:640x480@30 and at 12:30 @home", "raw:640x480@30 and at 12:30 @home"),
        ("rtsp://cam:554/1", "rtsp://cam:554/1"),
        ("12:30 me@home", "12:30 me@home"),
    ],
)
def test_passwords_in_urls_are_not_told(text: str, expected: str) -> None:
    assert without_passwords(text) == expected
    assert str(EdgeError(text)) == expected
    assert console.visible(text) == expected


def test_a_source_and_a_request_are_called_without_their_password() -> None:
    class Still(Source):
        def __iter__(self):
            return iter(())

    assert Still("rtsp://me:secret@cam/1").name == "rtsp://me:***@cam/1"
    request = find_source("rtsp://me:secret@cam/1")
    assert isinstance(request, Endpoint)
    assert request.target == "rtsp://me:secret@cam/1"
    assert str(request) == "stream:rtsp://me:***@cam/1"
    with pytest.raises(SourceError) as error:
        find_source("nothing://me:secret@cam/1")
    assert "secret" not in str(error.value)


def test_a_decision_line_holds_nothing_that_steers() -> None:
    label = STEERING + HARMLESS
    answer = Prediction(np.zeros(1, np.float32), label=label, p=0.5, index=0)
    line = line_of(Decision(0, 0.0, 0.0, {}, {"task": answer}).to_json()).decode()
    assert (
        line.rstrip("\n")
        .replace("\u200c", "")
        .replace("\u200d", "")
        .replace("\u202f", "")
        .isprintable()
    )
    assert json.loads(line)["tasks"]["task"]["label"] == label


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_computes_no_name(name: str) -> None:
    record = replace(RECORD, bundle=replace(RECORD.bundle, name=name), revision=name)
    row = next(csv.DictReader(io.StringIO(csv_text([record]), newline="")))
    assert row["bundle"] == row["revision"] == f"'{name}"
    assert float(row["mean_ms"]) > 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("![x](http://there/p.png)", "!\\[x]\\(http://there/p.png)"),
        ("[x](http://there)", "[x]\\(http://there)"),
        ("[x][y]", "[x]\\[y]"),
        ("[x]: http://there", "[x]\\: http://there"),
        ("<img src=x>", "&lt;img src=x>"),
        ("</td>", "&lt;/td>"),
        ("<!-- x", "&lt;!-- x"),
        ("p < 0.05 and [1, 2], **bold**!", "p < 0.05 and [1, 2], **bold**!"),
    ],
)
def test_a_name_is_no_image_link_or_tag_in_a_report(name: str, expected: str) -> None:
    sections = [Section(name, [name], [Table([name], [[name]])])]
    text = markdown("title", sections)
    assert text.count(expected) == 4
    assert name == expected or name not in text
    assert "<img src=x>" not in page("title", sections)


def test_code_ends_where_it_ends() -> None:
    text = markdown("title", [Section("code", code="a\n```\n![x](y)")])
    assert "````\na\n```\n![x](y)\n````\n" in text
