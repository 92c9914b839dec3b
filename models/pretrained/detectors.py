"""A pretrained detector at any size of picture, with the maps that boxes are made of."""

from dataclasses import replace
from pathlib import Path

import keras

from edge_models.pretrained import graph_layers, tfjs
from edge_models.pretrained.catalogue import PretrainedDetector


def read_detector(
    detector: PretrainedDetector, folder: Path, height: int, width: int
) -> keras.Model:
    """Read it out of its unpacked package; its weights do not depend on the size.

    Returns:
        A functional model: float32 (height, width, 3) RGB -> {map: (rows, columns, values)}.

    Raises:
        ModelError: the file is missing or damaged, or its maps do not fit the size.
    """
    graph = tfjs.read_graph(detector.find(folder)).at_size(height, width)
    kept = {name: graph.constants[name][..., [place]] for name, place in detector.one_class.items()}
    graph = replace(graph, constants={**graph.constants, **kept})
    frame = keras.Input((height, width, 3), name="frame")
    maps = graph_layers.build(graph, {graph.placeholder.name: frame}, detector.maps.values())
    outputs = {name: maps[node] for name, node in detector.maps.items()}
    return keras.Model(frame, outputs, name=detector.name)
