"""Conversions on the workers of a Dask cluster: a job's files go there, what it makes comes back."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_common import ConfigError, EdgeError, children, cluster, worker_programs, write_whole
from edge_convert.precision import cache, worker


class ProgramProcess:
    """A job on a worker, as `subprocess.Popen` has a child.

    folder: in which its outputs stand once it has ended.  log: the file for what it said.
    """

    def __init__(self, run: worker_programs.ProgramRun, folder: Path, log: Path) -> None:
        self.returncode: int | None = None
        self._run, self._folder, self._log = run, folder, log

    def poll(self) -> int | None:
        """The exit code, once there is one. Raises EdgeError if the cluster is lost."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired, and EdgeError if the cluster is lost."""
        if self.returncode is None:
            try:
                result = self._run.result(timeout)
            except EdgeError:
                self.kill()
                raise
            if result is None:
                raise subprocess.TimeoutExpired([self._log.stem], timeout or 0.0)
            for name, content in result.outputs.items():
                write_whole(self._folder / name, content)
            write_whole(self._log, result.log.encode())
            self.returncode = result.exit_code
        return self.returncode

    def kill(self) -> None:
        """End it, wherever it runs."""
        self._run.cancel()
        self.returncode = -signal.SIGKILL


class RemoteJobs:
    """Runs jobs on a cluster.  count: how many can run at once."""

    def __init__(self, programs: worker_programs.WorkerPrograms) -> None:
        self._programs, self.count = programs, max(programs.worker_count(), 1)

    def start(self, job: dict[str, Any], folder: Path, log: Path) -> children.Child:
        """Start one of the worker's tasks, whose files stand in `folder`, and its outputs will."""
        outputs = [each["output"] for each in (*job.get("recipes", ()), job) if "output" in each]
        files = [Path(job["model"]), Path(job["examples"]), *worker.kept_files(job)]
        inputs = {path.name: path.read_bytes() for path in files if path.exists()}
        names = [path.name for path in [*map(Path, outputs), *files] if path.name not in inputs]
        text = json.dumps(job).replace(json.dumps(f"{folder}/")[1:-1], "")
        program = worker_programs.Program(worker.__name__, ("job.json",), tuple(names))
        run = self._programs.start(program, {"job.json": text.encode(), **inputs})
        log.touch()  # whoever waits reads it
        return children.Child(ProgramProcess(run, folder, log), log)


@contextmanager
def remote_jobs(scheduler: str) -> Iterator[RemoteJobs | None]:
    """Of the cluster at that address while the block runs; None if there is no address.

    Raises ConfigError if there is none, or a worker would convert otherwise than this machine.
    """
    if not scheduler:
        yield None
        return
    with cluster.connected(scheduler) as client:
        _refuse_other_code(client)
        yield RemoteJobs(worker_programs.WorkerPrograms(client))


def _refuse_other_code(client: Any) -> None:
    remedy = "install the same wheel with the extra `convert`, and the same constraints.txt, there"
    try:
        identities = client.run(cache.code_identity)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"a worker cannot convert ({error}): {remedy}") from error
    own = cache.code_identity()
    for name, identity in identities.items():
        different = [key for key in own if identity.get(key) != own[key]]
        if different:
            raise ConfigError(
                f"worker {name} converts otherwise, with another {', '.join(different)}: {remedy}"
            )
