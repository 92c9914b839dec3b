"""What the manifest of a detector may say, and what contradicts itself."""

from dataclasses import replace

import pytest

from edge.bundle import (
    CentreMaps,
    DetectionSpec,
    Manifest,
    SsdBoxes,
    Suppression,
    TensorSpec,
    open_bundle,
)
from edge.bundle.manifest import to_json
from edge.bundle.manifest_check import check
from edge_common import DataError, decode
from tests.detectors import SSD, bright_spots, ssd

SPOTS = bright_spots().manifest
BOXES = ssd([[0, 0, 1, 1]], [0.9]).manifest
FACES = open_bundle("face").manifest


def test_it_goes_through_json() -> None:
    for manifest in (SPOTS, BOXES):
        check(manifest)
        assert decode(Manifest, to_json(manifest)) == manifest
    assert to_json(SPOTS)["detection"] == {
        "centres": {"heatmap": "heatmap", "size": "size", "offset": "offset", "scale": 1.0},
        "score": 0.5,
        "sure": 0.5,
        "logits": False,
        "classes": [],
        "labels": [],
        "limit": 100,
        "nms": {"iou": 0.5, "weighted": False},
        "margin": 0.1,
    }
    assert "detection" not in to_json(FACES)


def spots(**fields: object) -> Manifest:
    return replace(SPOTS, detection=replace(SPOTS.detection, **fields))  # type: ignore[type-var]


PART, SIZE = SPOTS.parts[0], TensorSpec("size", (1, 8, 16, 3), "float32")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (replace(SPOTS, schema=4), "a detector in version 4"),
        (replace(SPOTS, window=2), "a detector and a window of 2 frames"),
        (replace(SPOTS, tasks=FACES.tasks), "a detector with tasks"),
        (replace(SPOTS, parts=(replace(PART, role="model"),)), r"parts \('model',\)"),
        (replace(SPOTS, detection=None), r"parts \('detector',\)"),
        (replace(FACES, detection=SPOTS.detection), r"parts \('encoder', 'head'\)"),
        (
            replace(SPOTS, parts=(replace(PART, outputs=PART.outputs[:1] * 2),)),
            "two outputs of one name",
        ),
        (
            replace(
                SPOTS, parts=(replace(PART, outputs=(PART.outputs[0], SIZE, PART.outputs[2])),)
            ),
            r"'size' is of shape \[1, 8, 16, 3\], and \[1, 8, 16, 2\] is needed",
        ),
        (spots(centres=None), "one of boxes, centres and anchors is needed, and none is stated"),
        (spots(boxes=SSD), "needed, and boxes, centres is stated"),
        (spots(score=0.0), "a score of 0"),
        (spots(score=1.5), "a score of 1.5"),
        (spots(score=float("nan")), "a score of nan"),
        (spots(limit=0), "a limit of 0 boxes"),
        (spots(sure=0.0), "sure of 0"),
        (spots(sure=float("nan")), "sure of nan"),
        (spots(margin=-0.1), "a margin of -0.1"),
        (spots(margin=float("nan")), "a margin of nan"),
        (spots(classes=(1,)), "class 1, and there are 1"),
        (spots(labels=("person",)), "1 labels for 0 classes"),
        (spots(nms=Suppression(float("nan"))), "an iou of nan"),
        (spots(centres=CentreMaps("heatmap", "size", scale=float("nan"))), "a scale of nan"),
        (
            replace(BOXES, detection=DetectionSpec(boxes=SsdBoxes("boxes", "scores", order="xy"))),
            "the order 'xy'",
        ),
    ],
)
def test_what_does_not_fit_together(manifest: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(manifest)


def test_an_unknown_way_to_boxes_is_named() -> None:
    fields = to_json(SPOTS)
    fields["detection"]["circles"] = {}
    with pytest.raises(DataError, match="unknown key 'detection.circles'"):
        decode(Manifest, fields)
