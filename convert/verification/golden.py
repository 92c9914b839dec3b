"""The few real frames that a bundle keeps, with what it answers to them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle.archive import GOLDEN, REPORT, Bundle, write_bundle
from edge.check.evaluate import stream_outputs
from edge.check.self_test import replay
from edge.engine.engine import left_to_other_kernels
from edge.stream import StreamOptions
from edge.tasks import kind_of
from edge.tflite import flatbuffer
from edge_common.document import Section, markdown
from edge_convert.network import Network
from edge_convert.request import Request
from edge_convert.verification import verify
from edge_convert.verification.conversion_report import ConversionReport
from edge_convert.verification.sections import sections, untimed

DECISIONS = 4


def golden_arrays(bundle: Bundle, windows: np.ndarray) -> dict[str, np.ndarray]:
    """`frames` (N, H, W, 3) uint8 RGB and one array of outputs a task.

    The window with the surest answers is taken, and the beginning of the next one:
    if a network is unsure, another runtime's rounding may tip it without a fault.
    """
    outputs = stream_outputs(bundle, list(windows))
    margins = (kind_of(task).margin(outputs[task.name]) for task in bundle.manifest.tasks)
    surest = int(sum((m for m in margins if m is not None), np.zeros(len(windows))).argmax())
    following = [windows[(surest + i) % len(windows)] for i in range(DECISIONS + 1)]
    frames = np.concatenate(following)[: bundle.manifest.window + DECISIONS - 1]
    return {"frames": frames, **replay(bundle, frames, StreamOptions())}


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The `.npz` of a bundle."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **dict[str, Any](arrays))
    return stream.getvalue()


def try_parts(
    bundle: Bundle, golden: Mapping[str, np.ndarray], request: Request, report: ConversionReport
) -> None:
    """Run the golden frames on every runtime, and see who computes which operators."""
    report.runs = verify.run_on_runtimes(
        bundle, golden["frames"], request.try_with, request.try_delegate
    )
    for part in bundle.manifest.parts:
        model = bundle.members[part.file]
        report.operators[part.file] = flatbuffer.cost(model).ops
        report.outside_xnnpack[part.file] = left_to_other_kernels(model)


def package(
    output: Path,
    bundle: Bundle,
    golden: Mapping[str, np.ndarray],
    network: Network,
    report: ConversionReport,
) -> tuple[Bundle, Sequence[Section]]:
    """The bundle as written, with golden frames and `report.md`; and the whole report.

    Raises BundleError if it cannot be written.
    """
    trials = tuple(trial for run in report.runs for trial in run.trials)
    manifest = replace(bundle.manifest, trials=trials, accuracy=report.accuracy)
    report_sections = sections(manifest, network, report, bundle.members)
    report_md = markdown(manifest.name, untimed(report_sections)).encode()
    members = {**bundle.members, GOLDEN: npz_bytes(golden), REPORT: report_md}
    return write_bundle(output, manifest, members), report_sections
