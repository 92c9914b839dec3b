"""Several people in one picture: a detector, a track and a window for each, within a budget."""

from edge.scene.scene import Scene, SceneOptions
from edge.scene.summary import SceneSummary
from edge.scene.view import Presence, SceneView

__all__ = ["Presence", "Scene", "SceneOptions", "SceneSummary", "SceneView"]
