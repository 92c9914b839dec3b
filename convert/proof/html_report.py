"""report.html: the whole evidence on one page, with pictures."""

from dataclasses import replace
from pathlib import Path

from convert.network import Network
from convert.proof.evidence import Evidence
from convert.proof.plots import accuracy_plot, cuts_plot, layers_plot, search_plot
from edge.document import Section, page
from edge.errors import BundleError
from edge.whole_file import whole_file


def write_html(
    path: Path, title: str, sections: list[Section], network: Network, evidence: Evidence
) -> None:
    """Write the page under its name when it is whole. Raises BundleError where it cannot be."""
    pictures = _pictures(network, evidence)
    shown = [replace(section, svg=pictures.get(section.title, "")) for section in sections]
    try:
        with whole_file(path) as stream:
            stream.write(page(title, shown).encode())
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror or error}") from error


def _pictures(network: Network, evidence: Evidence) -> dict[str, str]:
    """SVG by the title of the section that it belongs to."""
    found = {}
    if network.candidates:
        found["The cut"] = cuts_plot(network.candidates, network.chosen_cut)
    if evidence.accuracy:
        found["Accuracy"] = accuracy_plot(evidence.accuracy)
    if evidence.search:
        found["Precision search"] = search_plot(evidence.search, evidence.max_drop)
        for role, costs in evidence.search.layer_costs.items():
            found[f"What single layers of the {role} cost in int8"] = layers_plot(costs)
    return found
