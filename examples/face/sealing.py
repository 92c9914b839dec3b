"""Put what was measured later into a bundle that stands already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge.bundle.archive import REPORT, Bundle, write_bundle
from edge.bundle.manifest import Accuracy
from edge_common.document import Section, markdown
from edge_common.errors import BundleError


def seal(
    bundle: Bundle,
    section: Section,
    accuracy: Sequence[Accuracy] = (),
    members: Mapping[str, bytes] | None = None,
) -> Bundle:
    """The bundle, written again under its name; what an earlier run put there is replaced.

    Raises BundleError if it cannot be written.
    """
    if bundle.path is None:
        raise BundleError("the bundle has no file of its own: open one that lies on disk")
    own = {(a.task, a.metric, a.graph) for a in accuracy}
    others = [a for a in bundle.manifest.accuracy if (a.task, a.metric, a.graph) not in own]
    report = _with_section(bundle.members.get(REPORT, b"").decode(), section)
    manifest = replace(bundle.manifest, accuracy=(*others, *accuracy))
    every = {**bundle.members, **(members or {}), REPORT: report.encode()}
    return write_bundle(bundle.path, manifest, every)


def _with_section(report: str, section: Section) -> str:
    """The Markdown with the section at its end, and none of its name before."""
    parts = [part for part in report.split("\n## ") if not part.startswith(f"{section.title}\n")]
    added = markdown("", [section]).split("\n## ", 1)[1]
    return "\n## ".join([*(part.rstrip("\n") + "\n" for part in parts), added])
