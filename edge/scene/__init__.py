"""Several people in one frame: a detector, a track and a window for each, within a budget."""

from edge.scene.options import SceneOptions
from edge.scene.scene import Scene
from edge.scene.view import Presence, SceneSummary, SceneView, expected_rate_hz

__all__ = [
    "Presence", "Scene", "SceneOptions", "SceneSummary", "SceneView", "expected_rate_hz",
]  # fmt: skip
