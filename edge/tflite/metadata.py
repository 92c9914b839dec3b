"""TFLite metadata: what a .tflite says of its input's values and of its labels.

A flatbuffer of metadata_schema.fbs inside of the model, and a zip of text files behind it.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from edge.tflite.tables import FlatbufferTable, Graph
from edge_common import DataError, archives

_NAME, _IDENTIFIER = "TFLITE_METADATA", b"M001"
_GRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3
_PROCESS_UNITS, _FILES = 4, 6  # of a tensor's metadata
_OPTIONS_TYPE, _OPTIONS, _NORMALISATION = 0, 1, 1
_FILE_NAME, _FILE_TYPE = 0, 2
_LABEL_TYPES = (2, 3)  # labels of an axis, labels of values
_MOST_BYTES, _MOST_LABELS, _MOST_FILES = 1 << 20, 100_000, 20


@dataclass(frozen=True)
class Metadata:
    """mean, std: of the input's pixel values (0 to 255), one or one a channel; empty: not said.

    labels: for each output the labels that its metadata names.  others: lists of labels that
    are there without being named.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    others: tuple[tuple[str, ...], ...] = ()

    def labels_of(self, output: int, width: int) -> tuple[str, ...]:
        """As many labels as the output has values; empty if there is no such list, or several."""
        if output < len(self.labels) and len(self.labels[output]) == width:
            return self.labels[output]
        fitting = [labels for labels in self.others if len(labels) == width]
        return fitting[0] if len(fitting) == 1 else ()


def read(model: bytes, graph: Graph) -> Metadata:
    """Raises ValueError if the metadata is damaged."""
    content = graph.metadata(_NAME)
    if content[4:8] != _IDENTIFIER:
        return Metadata()
    described = next(FlatbufferTable.root(content).tables(_GRAPHS), None)
    if described is None:
        return Metadata()
    mean, std = next(_normalisations(described), ((), ()))
    files = _text_files(model)
    names = [_label_file(output) for output in described.tables(_OUTPUTS)]
    others = tuple(labels for name, labels in files.items() if name not in names)
    return Metadata(mean, std, tuple(files.get(name, ()) for name in names), others)


def _normalisations(
    graph: FlatbufferTable,
) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    for tensor in graph.tables(_INPUTS):
        for unit in tensor.tables(_PROCESS_UNITS):
            options = unit.table(_OPTIONS)
            if options and unit.number(_OPTIONS_TYPE, "B") == _NORMALISATION:
                yield options.numbers(0, "<f4"), options.numbers(1, "<f4")


def _label_file(tensor: FlatbufferTable) -> str:
    files = [f for f in tensor.tables(_FILES) if f.number(_FILE_TYPE, "b") in _LABEL_TYPES]
    return files[0].text(_FILE_NAME) if files else ""


def _text_files(model: bytes) -> dict[str, tuple[str, ...]]:
    """The lines of the .txt files in the zip behind the model; none if there is no whole zip."""
    try:
        with archives.open_zip(io.BytesIO(model)) as archive:
            return {
                name: _lines(archive.read(name))
                for name in archive.names[:_MOST_FILES]
                if name.endswith(".txt") and archive.member_bytes(name) <= _MOST_BYTES
            }
    except DataError:
        return {}


def _lines(content: bytes) -> tuple[str, ...]:
    lines = content.decode(errors="replace").splitlines()[:_MOST_LABELS]
    return tuple(line.strip() for line in lines if line.strip())
