"""A pretrained detector at any size of picture, with the maps that boxes are made of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from edge_models.pretrained import graph_layers, tfjs
from edge_models.pretrained.catalogue import PretrainedDetector


def read_detector(
    detector: PretrainedDetector, folder: Path, height: int, width: int
) -> keras.Model:
    """Read it out of its unpacked package; its weights do not depend on the size.

    Returns:
        A functional model: float32 (1, height, width, 3) RGB -> {map: (1, ..., values)}.

    Raises:
        ModelError: the file is missing or damaged, or its maps do not fit the size.
    """
    graph = tfjs.read_graph(detector.find(folder)).at_size(height, width)
    kept = {name: graph.constants[name][..., [place]] for name, place in detector.one_class.items()}
    graph = replace(graph, constants={**graph.constants, **kept})
    frame = keras.Input(batch_shape=(1, height, width, 3), name="frame")
    nodes = [node for group in detector.maps.values() for node in group]
    tensors = graph_layers.build(graph, {graph.placeholder.name: frame}, nodes)
    outputs = {
        name: _joined(name, [tensors[node] for node in group])
        for name, group in detector.maps.items()
    }
    return keras.Model(frame, outputs, name=detector.name)


def _joined(name: str, tensors: list[Any]) -> Any:
    """Rows behind each other, if there are several."""
    return keras.layers.Concatenate(1, name=name)(tensors) if len(tensors) > 1 else tensors[0]
