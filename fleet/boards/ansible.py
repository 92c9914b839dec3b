"""Ansible as a child: its inventory as JSON, its playbooks with one JSON line a result.

Its own settings (ansible.cfg, ANSIBLE_*) hold but for those here: host keys are always compared, and
nobody is ever asked for a password.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_common import ConfigError, DataError, children, command_line, parse_json
from edge_fleet.boards.outcomes import BoardResult, TaskOutcome, meaning, results_of

COLLECTIONS = Path(__file__).parents[1] / "collection"
NAME = "edge_run.fleet"
_INVENTORY_TIMEOUT_S = 300.0
_PATIENCE_S = 20.0  # to end after it was interrupted
SSH_OPTIONS = (
    "BatchMode=yes", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
    "ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=3",
)  # fmt: skip
_SHARED_CONNECTION = ("ControlMaster=auto", "ControlPersist=60s")
_SETTINGS = {
    "ANSIBLE_HOST_KEY_CHECKING": "true",
    "ANSIBLE_SSH_ARGS": " ".join(f"-o {each}" for each in (*SSH_OPTIONS, *_SHARED_CONNECTION)),
    "ANSIBLE_PIPELINING": "true",
    "ANSIBLE_STDOUT_CALLBACK": f"{NAME}.lines",
    "ANSIBLE_GATHERING": "explicit",
    "ANSIBLE_RETRY_FILES_ENABLED": "false",
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_DEPRECATION_WARNINGS": "false",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "warn",
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "PYTHONUNBUFFERED": "1",
    "LC_ALL": "C.UTF-8",
}
_WARNING, _YAML = "[WARNING]:", (".yml", ".yaml", ".json")


@dataclass(frozen=True)
class Ansible:
    """inventory_paths: files or folders, as `-i` takes them.  forks: boards at a time.

    vault: a file with the password of ansible-vault, which only its owner may read; None: there is none, or
    ansible.cfg says it.
    """

    inventory_paths: Sequence[Path]
    vault: Path | None = None
    forks: int = 20

    def inventory(self, limit: str = "") -> tuple[dict[str, Any], list[str]]:
        """What `ansible-inventory --list` prints, and its warnings. Raises ConfigError."""
        command = [program("ansible-inventory"), *self._options(), "--list"]
        command += ["--limit", limit] if limit else []
        try:
            process = children.run_captured(
                command, timeout_s=_INVENTORY_TIMEOUT_S, environment=self._environment()
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"ansible-inventory gave no result in {_INVENTORY_TIMEOUT_S:.0f} s"
            ) from None
        if process.returncode:
            raise ConfigError(f"the inventory cannot be read: {_reason(process.stderr)}")
        try:
            content: dict[str, Any] = parse_json(process.stdout, "the inventory")
        except DataError as error:
            raise ConfigError(f"{error}: does `ansible-inventory --list` work?") from error
        return content, _warnings(process.stderr)

    def play(
        self,
        playbook: str,
        boards: Sequence[str],
        variables: Mapping[str, Any],
        on_result: Callable[[TaskOutcome], None] = lambda result: None,
    ) -> dict[str, BoardResult]:
        """Run a playbook of the collection on boards; how it went on each of them.

        variables: of the roles.  on_result: is told of each task on each board.
        Raises ConfigError if Ansible itself does not run, KeyboardInterrupt once it has ended.
        """
        if not boards:
            return {}
        with TemporaryDirectory(prefix="edge-fleet-") as folder:
            limit, extra = Path(folder, "boards"), Path(folder, "variables.json")
            limit.write_text("".join(f"{name}\n" for name in boards))
            extra.write_text(json.dumps(variables))
            command = [*_bound_to_us(), program("ansible-playbook"), f"{NAME}.{playbook}"]
            command += [*self._options(), "--limit", f"@{limit}"]
            command += ["--extra-vars", f"@{extra}", "--forks", str(self.forks)]
            with Path(folder, "stderr").open("w+") as stderr:
                results = list(self._results(command, stderr, on_result))
                stderr.seek(0)
                said = _reason(stderr.read())
        if not results:
            raise ConfigError(f"ansible-playbook ran nothing: {said}")
        return results_of(boards, results)

    def _results(
        self, command: Sequence[str], stderr: Any, on_result: Callable[[TaskOutcome], None]
    ) -> Iterator[TaskOutcome]:
        with _child(command, stderr, self._environment()) as process:
            assert process.stdout  # it is a pipe
            for line in process.stdout:
                if result := TaskOutcome.parse(line):
                    on_result(result)
                    yield result

    def _options(self) -> list[str]:
        options = [word for path in self.inventory_paths for word in ("-i", str(path))]
        return [*options, "--vault-password-file", str(self.vault)] if self.vault else options

    def _environment(self) -> dict[str, str]:
        own = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "~/.ansible/collections")
        return {
            **os.environ,
            **_SETTINGS,
            "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}{os.pathsep}{own}",
        }


def program(name: str) -> str:
    """Beside this Python, else on the path. Raises ConfigError if there is none."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    path = shutil.which(name, path=places)
    if path is None:
        raise ConfigError(f"there is no {name}: {command_line.install_hint('fleet')}")
    return path


def _bound_to_us() -> tuple[str, ...]:
    """It ends if this process is killed: the same command is to go on alone."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()


@contextmanager
def _child(
    command: Sequence[str], stderr: Any, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """In a session of its own; ended before this block is left, whatever ends it."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=environment,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
        process.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, number)
                try:
                    process.wait(_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    continue
        if process.stdout:
            process.stdout.close()


def _warnings(stderr: str) -> list[str]:
    """Each in one line: Ansible breaks them, and begins each with a word of its own."""
    texts = stderr.split(_WARNING)[1:]
    return [" ".join(text.split("\n\n")[0].split()) for text in texts]


def _reason(stderr: str) -> str:
    """The error among what was written on stderr."""
    start = stderr.find("[ERROR]:")
    if start < 0:
        return meaning(stderr) or children.last_line(stderr)
    text = stderr[start:].removeprefix("[ERROR]:").split("\n\n")[0].split(_WARNING)[0]
    text = " ".join(text.split())
    return _why_unparsed(stderr, text) or meaning(text) or text[:300]


def _why_unparsed(stderr: str, error: str) -> str:
    """What Ansible's reader of such files said of one that none could read; "" if that is not the error."""
    _, _, source = error.partition("failed to parse inventory source ")
    reader = "yaml" if Path(source).suffix in _YAML else "ini"
    said = re.search(rf"with '{reader}' plugin: (?:Failed to parse inventory: )?(.+)", stderr)
    line = re.search(rf"Origin: {re.escape(source)}:(\d+)", stderr)
    where = f"{source}, line {line[1]}" if line else source
    return f"{where}: {said[1]}" if source and said else ""
