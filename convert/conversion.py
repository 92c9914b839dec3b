"""A conversion as a user asks for it: by TensorFlow, or what came of the same inputs earlier."""

import json
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ConfigError, console, freed_memory, write_whole
from edge_convert.precision import cache
from edge_convert.request import ConversionRequest

# what is read; what a file names beside itself, or code imports, nobody knows
_WITH_ALL_THEY_NEED = (".keras", ".h5", ".hdf5", ".pt2", ".tflite")


@dataclass(frozen=True)
class FinishedConversion:
    """What a conversion leaves.  table: as printed.  page: of its report; empty if there is none."""

    bundle: bytes
    table: str
    warnings: tuple[str, ...]
    page: bytes

    def to_bytes(self) -> bytes:
        """As a result in the cache."""
        words = json.dumps([self.table, self.warnings]).encode()
        members = {"bundle": self.bundle, "words": words, "page": self.page}
        return cache.packed({name: np.frombuffer(each, np.uint8) for name, each in members.items()})

    @classmethod
    def from_bytes(cls, content: bytes) -> "FinishedConversion":
        """What `to_bytes` gave."""
        members = {name: array.tobytes() for name, array in cache.unpacked(content).items()}
        table, warnings = json.loads(members["words"])
        return cls(members["bundle"], table, tuple(warnings), members["page"])


def finished(
    request: ConversionRequest, page: Path | None, progress: console.Progress
) -> FinishedConversion:
    """Write the bundle and, if there is to be one, the page of its report.

    Raises ModelError, ClipError, ConfigError, EngineError or BundleError.
    """
    key = _key(request, page is not None) if request.cache else ""
    store = cache.ResultCache.of_user()
    content = store.load(key) if key else None
    if content is None:
        result = _converted(request, page, progress)
        if key:
            store.store(key, result.to_bytes())
        return result
    progress.say(
        "the same was converted before: taken from the cache (--no-cache converts it again)"
    )
    result = FinishedConversion.from_bytes(content)
    for warning in result.warnings:
        progress.say(f"warning: {warning}")
    write_whole(request.output, result.bundle)
    if page:
        write_whole(page, result.page)
    return result


def start_tensorflow(progress: console.Progress) -> None:
    """Import it, and what imports it; as long as it computed nothing, jobs can be forked."""
    is_new = "tensorflow" not in sys.modules
    progress.say("starting tensorflow")
    freed_memory.keep_no_weights()
    with console.captured_stderr():  # it greets from C++ before it can be told not to
        os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a training was told to run on
        import tensorflow  # noqa: F401

        from edge_convert import detector, pipeline, quantised_file  # noqa: F401
        from edge_convert.precision import fork_server

        if is_new:
            fork_server.launch()
    flatbuffer.KEPT.most_bytes = _KEPT_BYTES  # of this process: children read each file once


_KEPT_BYTES = 1 << 26  # of the files that it reads again and again


def _converted(
    request: ConversionRequest, page: Path | None, progress: console.Progress
) -> FinishedConversion:
    start_tensorflow(progress)
    from edge_convert import detector, pipeline, quantised_file
    from edge_convert.sources import tflite_file
    from edge_convert.verification import html_report, summary

    kind = detector.DetectorConversion if request.detection else pipeline.Conversion
    quantised = request.encoder is None and tflite_file.is_quantised_file(request.model)
    if request.given and (quantised or request.detection):
        raise ConfigError(
            "--given is for float networks that answer tasks: leave it out, or convert the float network"
        )
    if quantised and request.scheduler:
        raise ConfigError(
            f"{request.model} is quantised already, and nothing is searched: leave out --scheduler"
        )
    conversion: Any = (quantised_file.QuantisedFileConversion if quantised else kind)(
        request, progress
    )
    bundle, report = conversion.run(), conversion.report
    if page:
        name, sections = bundle.manifest.name, conversion.sections
        html_report.write_html(page, name, sections, conversion.network, report)
    return FinishedConversion(
        request.output.read_bytes(),
        summary.search_table(report.search, report) if report.search else "",
        tuple(report.warnings()),
        page.read_bytes() if page else b"",
    )


def _key(request: ConversionRequest, with_page: bool) -> str:
    """Of all that is read and asked for; "" if that cannot be told."""
    paths = [
        path
        for field in fields(request)
        if isinstance(path := getattr(request, field.name), Path) and field.name != "output"
    ]
    networks = [request.model, *filter(None, [request.encoder])]
    is_whole = all(n.is_dir() or n.suffix in _WITH_ALL_THEY_NEED for n in networks)
    outside = request.custom or request.try_with or request.try_delegate
    if outside or not is_whole or not all(path.exists() for path in paths):
        return ""
    card = request.model.with_suffix(".tasks.json")
    contents = {
        field.name: f"{value.name} {cache.file_fingerprint(value)}"
        if value in paths
        else str(value)
        for field in fields(request)
        if (value := getattr(request, field.name)) is not None
        and field.name not in ("output", "scheduler")  # neither changes what comes out
    }
    board = request.latency_board
    return cache.key_of(
        "conversion", contents, request.output.stem, with_page, board.basis if board else "",
        cache.file_fingerprint(card) if card.exists() else "", cache.host(),
    )  # fmt: skip
