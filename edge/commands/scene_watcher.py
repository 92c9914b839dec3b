"""What the loop of a run pushes frames through if people are followed."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge import sinks, stream

if TYPE_CHECKING:
    from edge.scene import Scene


class SceneWatcher:
    """A scene whose sinks see who is in a frame before they take it.

    add_latency: takes milliseconds by stage.  budget: milliseconds of the next frame, and why.
    """

    def __init__(
        self,
        scene: "Scene",
        outputs: Sequence[object],
        add_latency: Callable[[Mapping[str, float]], object],
        budget: Callable[[], tuple[float, str]],
    ) -> None:
        self._scene, self._add_latency, self._budget = scene, add_latency, budget
        self._outputs = [each for each in outputs if isinstance(each, sinks.ShowsPeople)]

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]:
        self._scene.set_budget(*self._budget())
        view = self._scene.push(frame)
        self._add_latency(self._scene.latency_ms)
        for output in self._outputs:
            output.show_people(view)
        return view.decisions

    def give(self, inputs: stream.Numbers) -> None:
        """As Scene.give."""
        self._scene.give(inputs)

    def exchange(self, change: Callable[[Any], Any], network: stream.Network | None = None) -> None:
        """As Scene.exchange."""
        self._scene.exchange(change, network)

    def end_tracks(self) -> None:
        """Of those who were there; said once."""
        was_anybody_there = bool(self._scene.view.presence.count)
        view = self._scene.end_tracks()
        for output in self._outputs if was_anybody_there else ():
            output.show_people(view)
