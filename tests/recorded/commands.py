"""Every command with inputs that give the same today and tomorrow, and what it gave in version 0.1.0.

It imports nothing of ours but through the installed commands, so that a Python which has version
0.1.0 records with it what `test_recorded.py` expects:

    PYTHON-WITH-0.1.0 tests/recorded/commands.py tests/recorded/expected
"""

import importlib.metadata
import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from click.testing import CliRunner

from edge_common import command_line

INPUTS = Path(__file__).parent / "inputs"
FRAMES, HEIGHT, WIDTH = 24, 90, 120
# what the clock says, and which build of a bundle answered
TIMES = ("at", "captured_at", "age_ms", "latency_ms", "bundle_sha256")


@dataclass(frozen=True)
class Case:
    """A call of a command, in a folder with the inputs.

    file: what is looked at instead of stdout.  ignored: JSON keys whose values depend on the clock.
    """

    name: str
    command: str
    arguments: str
    file: str = ""
    ignored: tuple[str, ...] = ()


CASES = (
    Case(
        "run", "edge-run", "faces-in-motion --source frames --jsonl run.jsonl", "run.jsonl", TIMES
    ),
    Case(
        "run_hop",
        "edge-run",
        "faces-in-motion --source frames/*.png --hop 3 --region square --frames 20 --jsonl -",
        ignored=TIMES,
    ),
    Case("self_test", "edge-run", "faces-in-motion --self-test"),
    Case(
        "self_test_json",
        "edge-run",
        "face --self-test --json",
        ignored=("exact", "frame_ms", "largest_difference", "memory_bytes"),
    ),
    Case("enroll", "edge-run", "enroll anna --source frames --gallery team.npz --json"),
    Case("people", "edge-run", "people --gallery team.npz --json"),
    Case(
        "run_face",
        "edge-run",
        "face --source frames --gallery team.npz --hop 4 --vectors --jsonl face.jsonl",
        "face.jsonl",
        TIMES,
    ),
    Case("forget", "edge-run", "forget anna --gallery team.npz"),
    Case("nobody_left", "edge-run", "people --gallery team.npz"),
    Case("facts", "edge-bench", "facts --json"),
    Case("facts_table", "edge-bench", "facts face"),
    Case("predict", "edge-bench", "predict --json", ignored=("peak_rss_bytes",)),
    Case("predict_table", "edge-bench", "predict face --device pi-4,pi-5 --threads 4"),
    Case("compare", "edge-bench", "compare before.json after.json --json"),
    Case("compare_table", "edge-bench", "compare before.json after.json"),
    Case("compare_markdown", "edge-bench", "compare before.json after.json --markdown"),
    Case("history", "edge-bench", "history records --json"),
    Case("history_table", "edge-bench", "history records"),
    Case("gate", "edge-bench", "gate after.json --baseline before.json --json"),
    Case("gate_lenient", "edge-bench", "gate after.json --baseline before.json --max-slower 30%"),
    Case("gate_facts", "edge-bench", "gate after.json --baseline before.json --deterministic"),
    Case("report_md", "edge-bench", "report full.json before.json -o report.md", "report.md"),
    Case("report_csv", "edge-bench", "report full.json before.json -o report.csv", "report.csv"),
    Case("score", "edge-bench", "score decisions.jsonl truth.jsonl --window 3 --json"),
    Case("score_table", "edge-bench", "score decisions.jsonl truth.jsonl --window 3"),
    Case("boards", "edge-devices", "list --json"),
    Case("show", "edge-devices", "show pi-5 --json"),
    Case("show_table", "edge-devices", "show jetson-nano"),
    Case("show_recorded", "edge-devices", "show --root pi-4 --json"),
    Case("doctor", "edge-devices", "doctor --root pi-4 --json"),
    Case("doctor_table", "edge-devices", "doctor --root pi-4"),
)
SUMMARY = Case("summary", "edge-run", "faces-in-motion --source frames --json")

# calls that are refused, each with one line that says why
REFUSED = (
    ("edge-run", ""),
    ("edge-run", "no-such-bundle --source frames"),
    ("edge-run", "nothing.edge --source frames"),
    ("edge-run", "damaged.edge --source frames"),
    ("edge-run", "network.keras --source frames"),
    ("edge-run", "plain.tflite --source frames"),
    ("edge-run", "faces-in-motion --source nowhere.mp4"),
    ("edge-run", "faces-in-motion --source damaged.mp4"),
    ("edge-run", "faces-in-motion --source empty"),
    ("edge-run", "faces-in-motion --source none/*.png"),
    ("edge-run", "faces-in-motion --source frames --save out.txt"),
    ("edge-run", "faces-in-motion --source frames --save nowhere/out.mp4"),
    ("edge-run", "faces-in-motion --source frames --jsonl nowhere/out.jsonl"),
    ("edge-run", "faces-in-motion --source frames --frames 0"),
    ("edge-run", "faces-in-motion --source frames --hop x"),
    ("edge-run", "faces-in-motion --source frames --region 1,2,3"),
    ("edge-run", "faces-in-motion --source frames --region 500,500,10,10"),
    ("edge-run", "faces-in-motion --source frames --runtime other"),
    ("edge-run", "faces-in-motion --source frames --delegate nothing.so --strict-delegate"),
    ("edge-run", "faces-in-motion --source frames --device emulated:pi-9"),
    ("edge-run", "faces-in-motion --source frames --device pi-4"),
    ("edge-run", "faces-in-motion --source frames --labels labels.txt"),
    ("edge-run", "faces-in-motion --source frames --input-range 0 1"),
    ("edge-run", "faces-in-motion --source frames --gallery nobody.npz"),
    ("edge-run", "face --source frames --gallery nobody.npz"),
    ("edge-run", "faces-in-motion --source frames --no-such-option"),
    ("edge-run", "enroll"),
    ("edge-run", "enroll anna"),
    ("edge-run", "enroll anna --source frames --bundle faces-in-motion"),
    ("edge-run", "forget anna --gallery nobody.npz"),
    ("edge-run", "people --gallery damaged.npz"),
    ("edge-convert", ""),
    ("edge-convert", "network.keras"),
    ("edge-convert", "network.keras -o x.edge --calibration clips.npz --max-drop -1"),
    ("edge-train", ""),
    ("edge-train", "nothing.toml -o x.keras"),
    ("edge-train", "damaged.toml -o x.keras"),
    ("edge-train", "typo.toml -o x.keras"),
    ("edge-bench", "no-such-bundle"),
    ("edge-bench", "faces-in-motion --data nothing.npz"),
    ("edge-bench", "faces-in-motion --frames 0"),
    ("edge-bench", "faces-in-motion --scenario other"),
    ("edge-bench", "faces-in-motion --count"),
    ("edge-bench", "compare before.json nothing.json"),
    ("edge-bench", "compare before.json damaged.json"),
    ("edge-bench", "compare before.json labels.txt"),
    ("edge-bench", "compare before.json elsewhere.json"),
    ("edge-bench", "compare before.json other_threads.json"),
    ("edge-bench", "gate before.json"),
    ("edge-bench", "gate before.json --baseline nothing.json"),
    ("edge-bench", "gate before.json --baseline after.json --max-slower much"),
    ("edge-bench", "history nowhere"),
    ("edge-bench", "history empty"),
    ("edge-bench", "report before.json -o report.pdf"),
    ("edge-bench", "report nothing.json -o report.md"),
    ("edge-bench", "score decisions.jsonl nothing.jsonl"),
    ("edge-bench", "score decisions.jsonl damaged.json"),
    ("edge-bench", "score decisions.jsonl truth.jsonl --window 0"),
    ("edge-bench", "predict --device pi-9"),
    ("edge-bench", "suite typo.toml -o records_of_suite"),
    ("edge-bench", "versus faces-in-motion nothing.edge"),
    ("edge-devices", "show pi-9"),
    ("edge-devices", "show --root nowhere"),
    ("edge-devices", "doctor --root empty"),
    ("edge-devices", "doctor --root nowhere"),
    ("edge-devices", "record"),
)


def prepare(folder: Path) -> None:
    """Lay the inputs of all cases into an empty folder."""
    (folder / "frames").mkdir()
    for number, frame in enumerate(_frames()):
        cv2.imwrite(str(folder / "frames" / f"{number}.png"), frame)
    (folder / "empty").mkdir()
    for name in ("damaged.edge", "damaged.mp4", "damaged.json", "damaged.toml", "damaged.npz"):
        (folder / name).write_bytes(b"\x00[{damaged")
    (folder / "labels.txt").write_text("yes\nno\n")
    (folder / "network.keras").write_bytes(b"PK")
    (folder / "plain.tflite").write_bytes(b"TFL3")
    (folder / "typo.toml").write_text('bundels = ["face"]\n')
    np.savez(folder / "clips.npz", clips=np.zeros((2, 1, 8, 8, 3), np.uint8))
    for path in INPUTS.glob("*.json*"):
        (folder / path.name).write_bytes(path.read_bytes())
    for name, text in json.loads((INPUTS / "pi_4.json").read_text()).items():
        path = folder / "pi-4" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _records(folder)


def _records(folder: Path) -> None:
    (folder / "records").mkdir()
    for name in ("before", "after"):
        text = (folder / f"{name}.json").read_text()
        (folder / "records" / f"{name}.json").write_text(text)
    record = json.loads((folder / "before.json").read_text())
    record["machine"]["cpu"] = "another cpu"
    (folder / "elsewhere.json").write_text(json.dumps(record))
    record = json.loads((folder / "before.json").read_text())
    record["setup"]["threads"] = 2
    (folder / "other_threads.json").write_text(json.dumps(record))


def _frames() -> np.ndarray:
    """Waves that move: uint8 (FRAMES, HEIGHT, WIDTH, 3)."""
    number, y, x, channel = np.ogrid[:FRAMES, :HEIGHT, :WIDTH, :3]
    triangle = (3 * x + 5 * y * (channel + 1) + 16 * number) % 510
    return np.minimum(triangle, 510 - triangle).astype(np.uint8)


def command(name: str) -> click.Command:
    """An installed command, such as edge-run."""
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=name)
    return entry.load()


def call(name: str, arguments: str) -> dict[str, Any]:
    """Exit code, stdout and stderr of a command in the current folder."""
    result = CliRunner().invoke(command(name), arguments.split(), prog_name=name)
    if result.exc_info and not isinstance(result.exception, SystemExit | type(None)):
        traceback.print_exception(*result.exc_info)
    output = {"stdout": result.stdout, "stderr": result.stderr}
    texts = {stream: text.replace(str(Path.cwd()), "HOME") for stream, text in output.items()}
    return {"exit_code": result.exit_code, **texts}


def outcome(case: Case) -> dict[str, Any]:
    """Exit code and what the command says: parsed if JSON, else its lines."""
    result = call(case.command, case.arguments)
    text = Path(case.file).read_text() if case.file else result["stdout"]
    return {"exit_code": result["exit_code"], "output": _cut(_parsed(text), case.ignored)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    lines = text.splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        return lines


def _cut(value: Any, ignored: tuple[str, ...]) -> Any:
    """The value with what depends on the clock cut to its structure."""
    if isinstance(value, list):
        return [_cut(item, ignored) for item in value]
    if isinstance(value, dict):
        return {
            key: structure(item) if key in ignored else _cut(item, ignored)
            for key, item in value.items()
        }
    return value


def structure(value: Any) -> Any:
    """Keys and types of a JSON value; a list is what its items have in common and apart."""
    if isinstance(value, dict):
        return {key: structure(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [structure(item) for item in value]
        return [item for number, item in enumerate(items) if item not in items[:number]]
    return "number" if type(value) in (int, float) else type(value).__name__


def options(name: str) -> dict[str, dict[str, Any]]:
    """For each command and subcommand: its options and arguments, as click knows them."""
    found: dict[str, dict[str, Any]] = {}
    _walk(command(name), name, found)
    return found


def _walk(part: click.Command, path: str, found: dict[str, dict[str, Any]]) -> None:
    context = click.Context(part, info_name=path)
    found[path] = {"/".join(p.opts): _option(p) for p in part.get_params(context)}
    for name, child in getattr(part, "subcommands", {}).items():
        _walk(child, f"{path} {name}", found)
    if isinstance(part, click.Group):
        for name in part.list_commands(context):
            child = part.get_command(context, name)
            assert child is not None
            _walk(child, f"{path} {name}", found)


def _option(parameter: click.Parameter) -> dict[str, Any]:
    kind = parameter.type
    return {
        "values": parameter.nargs,
        "repeatable": parameter.multiple and not isinstance(parameter, command_line.Once),
        "required": parameter.required,
        "flag": getattr(parameter, "is_flag", False),
        "choices": list(kind.choices) if isinstance(kind, click.Choice) else [],
    }


def record(expected: Path) -> None:
    """Write what the installed version gives into a folder of JSON files."""
    expected.mkdir(parents=True, exist_ok=True)
    outcomes = {case.name: outcome(case) for case in CASES}
    for name in sorted({case.command for case in CASES}):
        chosen = {c.name: outcomes[c.name] for c in CASES if c.command == name}
        _write(expected / f"{name}.json", chosen)
    _write(expected / "summary.json", structure(outcome(SUMMARY)["output"]))
    _write(expected / "refused.json", {f"{n} {a}": call(n, a) for n, a in REFUSED})
    names = ("edge-run", "edge-convert", "edge-train", "edge-bench", "edge-devices")
    _write(expected / "options.json", {k: v for n in names for k, v in options(n).items()})
    _write(expected / "record.json", structure(json.loads((INPUTS / "full.json").read_text())))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    expected = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.update(HOME=folder, XDG_CACHE_HOME=folder, XDG_CONFIG_HOME=folder)
        prepare(Path(folder))
        record(expected)


if __name__ == "__main__":
    main()
