"""Time that is counted and not waited for: events in their order, and servers whose turn is waited for."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


class Loop:
    """Events in the order of their times; what shares a line waits for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, action))

    def run(self) -> float:
        """Until nothing is left to do; when that was."""
        while self._events:
            self.now, _, action = heapq.heappop(self._events)
            action()
        return self.now


@dataclass
class ServerQueue:
    """Serves who comes first: servers at a time.  busy: the end of each one's work so far."""

    loop: Loop
    servers: int = 1
    free_at: list[float] = field(default_factory=list)

    def serve(self, seconds: float, action: Callable[[], None]) -> None:
        """Call action once `seconds` of one server were spent."""
        if len(self.free_at) < self.servers:
            start = self.loop.now
        else:
            start = max(self.loop.now, heapq.heappop(self.free_at))
        heapq.heappush(self.free_at, start + seconds)
        self.loop.after(start + seconds - self.loop.now, action)
