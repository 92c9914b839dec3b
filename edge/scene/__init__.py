"""Several people in one picture: a detector, a track and a window for each, within a budget."""

from edge.scene.view import Presence, SceneView

__all__ = ["Presence", "SceneView"]
