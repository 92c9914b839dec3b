"""The last steps of every conversion: try the parts, tell of it, write the bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.network import Network
from convert.proof import verify
from convert.proof.evidence import Evidence
from convert.proof.golden import packed
from convert.proof.report import sections, untimed
from convert.request import Request
from edge import flatbuffer
from edge.bundle import GOLDEN, REPORT, Bundle, write_bundle
from edge.document import Section, markdown
from edge.kernels import left_to_other_kernels


def try_parts(
    bundle: Bundle, golden: Mapping[str, np.ndarray], request: Request, evidence: Evidence
) -> None:
    """Run the golden frames on every runtime, and see who computes which operators."""
    evidence.runs = verify.run_on_runtimes(
        bundle, golden["frames"], request.try_with, request.try_delegate
    )
    for part in bundle.manifest.parts:
        model = bundle.members[part.file]
        evidence.operators[part.file] = flatbuffer.cost(model).ops
        evidence.left_over[part.file] = left_to_other_kernels(model)


def sealed(
    output: Path,
    bundle: Bundle,
    golden: Mapping[str, np.ndarray],
    network: Network,
    evidence: Evidence,
) -> tuple[Bundle, Sequence[Section]]:
    """The bundle as written, with golden frames and `report.md`; and the whole report.

    Raises BundleError where it cannot be written.
    """
    trials = tuple(trial for run in evidence.runs for trial in run.trials)
    manifest = replace(bundle.manifest, trials=trials, accuracy=evidence.accuracy)
    told = sections(manifest, network, evidence, bundle.members)
    report = markdown(manifest.name, untimed(told)).encode()
    members = {**bundle.members, GOLDEN: packed(golden), REPORT: report}
    return write_bundle(output, manifest, members), told
