"""Several people in one picture: a detector, a track and a window for each, within a budget."""

from edge.scene.scene import Scene, SceneOptions, SceneWatcher
from edge.scene.view import Presence, SceneSummary, SceneView, expected_rate_hz

__all__ = [
    "Presence", "Scene", "SceneOptions", "SceneSummary", "SceneView", "SceneWatcher",
    "expected_rate_hz",
]  # fmt: skip
