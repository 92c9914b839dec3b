"""One run of a suite, and the name of its record."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.machine import Machine
from edge.delegates.choice import DEFAULT, Delegate, label_of
from edge.shipped import find_bundle


@dataclass(frozen=True)
class Combination:
    """delegate: as `--delegate` takes it.  options: of `edge-bench run`, by click's names."""

    bundle: str
    runtime: str
    threads: int
    delegate: str
    options: Mapping[str, Any]

    @property
    def title(self) -> str:
        threads = f"{self.threads} thread" + ("s" if self.threads > 1 else "")
        delegate = "" if self.delegate == DEFAULT else f", {label_of(self.delegate)}"
        return f"{Path(self.bundle).stem}, {self.runtime}, {threads}{delegate}"

    def _values(self) -> list[Any]:
        """All that may name a file."""
        return [*self.options.values(), Delegate.parse(self.delegate).name]

    def record_name(self, machine: Machine) -> str:
        """The same for the same bundle, options, files that these name, and machine.

        Raises BundleError where there is no such bundle.
        """
        inputs = {
            "bundle": hashlib.sha256(find_bundle(self.bundle).read_bytes()).hexdigest(),
            "run": [self.runtime, self.threads, self.delegate],
            "options": dict(sorted(self.options.items())),
            "files": [stamp for value in self._values() for stamp in _stamps(value)],
            "machine": [machine.board, machine.cpu, machine.architecture, machine.cores],
        }
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        words = re.sub(r"[^A-Za-z0-9.]+", "-", self.title).strip("-")
        return f"{words}-{digest[:10]}.json"


def _stamps(value: object) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of each file that an option's value names."""
    if isinstance(value, list):
        yield from (stamp for each in value for stamp in _stamps(each))
    elif isinstance(value, str) and Path(value).exists():
        path = Path(value)
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            yield str(file), file.stat().st_size, file.stat().st_mtime_ns
