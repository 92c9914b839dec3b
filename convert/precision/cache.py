"""Results of conversions, kept under the hash of all that they follow from."""

import contextlib
import functools
import hashlib
import io
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import edge
import edge_common
import edge_convert
from edge_common import SinkError, cache_folder, write_cached
from edge_convert.precision import calibration, parts

FOLDER, MOST_BYTES = "conversions", 10**9
_LIBRARIES = ("tensorflow", "keras", "litert-quantizer", "ai-edge-litert", "numpy")
_DIGEST = hashlib.sha256().digest_size


class ResultCache:
    """A folder of results, each behind its own hash: what was damaged is made anew.

    folder: None keeps nothing.  most_bytes: beyond that, what was not used for longest is deleted.
    """

    def __init__(self, folder: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    @classmethod
    def of_user(cls) -> "ResultCache":
        """In the user's cache folder."""
        return cls(cache_folder() / FOLDER)

    def load(self, key: str) -> bytes | None:
        """The result of that key, if it is there and whole."""
        if self._folder is None:
            return None
        path = self._folder / key
        try:
            entry = path.read_bytes()
            os.utime(path)  # it is in use
        except OSError:
            return None
        content = entry[_DIGEST:]
        return content if hashlib.sha256(content).digest() == entry[:_DIGEST] else None

    def store(self, key: str, content: bytes) -> None:
        """Keep a result; a folder that cannot be written keeps nothing."""
        if self._folder is None or len(content) > self._most_bytes:
            return
        with contextlib.suppress(SinkError):
            write_cached(self._folder / key, hashlib.sha256(content).digest() + content)
            self._delete_unused()

    def result(self, key: str, make: Callable[[], bytes]) -> bytes:
        """What is kept, else what `make` gives."""
        content = self.load(key)
        if content is None:
            content = make()
            self.store(key, content)
        return content

    def _delete_unused(self) -> None:
        entries = []
        for entry in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):  # somebody else deleted it
                entries.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
        excess = sum(size for _, size, _ in entries) - self._most_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                break
            Path(path).unlink(missing_ok=True)
            excess -= size


def key_of(kind: str, *contents: Any) -> str:
    """A name for the result of that kind that these contents give, with these versions of all code.

    contents: bytes, texts, arrays, or what is JSON.
    """
    digest = hashlib.sha256(f"{kind}\n{_code()}".encode())
    for content in contents:
        digest.update(fingerprint(content))
    return f"{kind}-{digest.hexdigest()[:40]}"


def fingerprint(content: Any) -> bytes:
    """A hash of bytes, of an array with its form, of a mapping of such, or of what is JSON."""
    if isinstance(content, np.ndarray):
        header = f"{content.dtype} {content.shape}".encode()
        return hashlib.sha256(header + _hash(np.ascontiguousarray(content).data)).digest()
    if isinstance(content, Mapping):
        pairs = [(str(name).encode(), fingerprint(each)) for name, each in content.items()]
        return _hash(b"".join(part for pair in sorted(pairs) for part in pair))
    return _hash(content if isinstance(content, bytes) else json.dumps(content).encode())


def file_fingerprint(path: Path) -> str:
    """Of a file, or of all files in a folder with their names. Raises OSError."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(path)).encode())
        if file.is_file():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def host() -> str:
    """What latencies depend on: the processor, and how many of its cores there are."""
    names: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        names = [line for line in lines if line.startswith(("model name", "Model", "CPU part"))]
    return f"{platform.machine()} {names[:1] or platform.processor()} {os.cpu_count()}"


def latencies_ms(
    cache: ResultCache,
    converted: Sequence[parts.ConvertedPart],
    measure: Callable[[Sequence[parts.ConvertedPart]], list[float]],
) -> list[float]:
    """What `measure` gives for these parts together."""
    key = key_of("latencies", host(), *(part.model for part in converted))
    times = cache.result(key, lambda: json.dumps(measure(converted)).encode())
    return [float(ms) for ms in json.loads(times)]


def outputs(
    cache: ResultCache,
    first: parts.ConvertedPart,
    lasts: Sequence[parts.ConvertedPart],
    windows: calibration.NetworkInput,
    on_window: Callable[[], None],
) -> list[dict[str, np.ndarray]]:
    """As `parts.outputs_by_last_part`."""
    ends = [last.model for last in lasts] or [b""]
    keys = [key_of("outputs", first.model, end, windows.fingerprint) for end in ends]
    loaded = [cache.load(key) for key in keys]
    missing = [i for i, content in enumerate(loaded) if content is None]
    computed = (
        parts.outputs_by_last_part(
            first, [lasts[i] for i in missing] if lasts else (), windows, on_window
        )
        if missing
        else []
    )
    for i, arrays in zip(missing, computed):
        cache.store(keys[i], packed(arrays))
    fresh = dict(zip(missing, computed))
    return [fresh[i] if i in fresh else unpacked(loaded[i] or b"") for i in range(len(keys))]


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as one result."""
    stream = io.BytesIO()
    np.savez(stream, **dict[str, Any](arrays))
    return stream.getvalue()


def unpacked(content: bytes) -> dict[str, np.ndarray]:
    """What `packed` made one of."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


@functools.cache
def _code() -> str:
    return json.dumps(code_identity())


def code_identity() -> dict[str, str]:
    """The versions of the libraries, and a hash of what this project computes with.

    Raises ImportError if a library is not there.
    """
    digest = hashlib.sha256()
    for room in (edge_common, edge, edge_convert):
        folder = Path(str(room.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return {"edge-run": f"{edge_common.__version__} {digest.hexdigest()}", **library_versions()}


def library_versions() -> dict[str, str]:
    """Of those that decide what is converted. Raises ImportError if one is not there."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def _hash(content: Any) -> bytes:
    return hashlib.sha256(content).digest()
