"""What tells Home Assistant of a device and its entities: MQTT device discovery.

As documented at home-assistant.io/integrations/mqtt, "Device discovery payload" (2024.11 and later).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.sinks.jsonl import line_of
from edge_common import __version__, slug

ONLINE, OFFLINE, ON, OFF = "online", "offline", "ON", "OFF"
LONGEST_STATE = 255  # characters; Home Assistant takes no longer ones
_SUPPORT = "https://www.home-assistant.io/integrations/mqtt/"


@dataclass(frozen=True)
class Device:
    """The runner as Home Assistant shows it.

    node: its id.  topic: of all its messages.  model: the bundle's name.
    """

    node: str
    name: str
    topic: str
    model: str = ""

    @property
    def availability_topic(self) -> str:
        return f"{self.topic}/status"

    def alert_topic(self, alert: str) -> str:
        return f"{self.topic}/alert/{slug(alert)}"

    def task_topic(self, task: str, source: str | None) -> str:
        return "/".join(filter(None, [self.topic, source and slug(source), "task", slug(task)]))

    @property
    def update_topic(self) -> str:
        return f"{self.topic}/update"

    def update(self) -> dict[str, Any]:
        """What became of the newest bundle that was given to the run."""
        return {
            "platform": "sensor",
            "unique_id": f"{self.node}_update",
            "name": "update",
            "state_topic": self.update_topic,
            "value_template": "{{ value_json.update }}",
            "json_attributes_topic": self.update_topic,
        }

    def alert(self, name: str) -> dict[str, Any]:
        """Whether it holds just now, with its newest event as attributes."""
        topic = self.alert_topic(name)
        return {
            "platform": "binary_sensor",
            "unique_id": f"{self.node}_alert_{slug(name)}",
            "name": name,
            "state_topic": topic,
            "payload_on": ON,
            "payload_off": OFF,
            "json_attributes_topic": f"{topic}/event",
        }

    def task(self, name: str, source: str | None = None, unit: str | None = None) -> dict[str, Any]:
        """A task's newest answer; a number with a unit is drawn as a curve."""
        topic = self.task_topic(name, source)
        measured = {"unit_of_measurement": unit, "state_class": "measurement"} if unit else {}
        return {
            "platform": "sensor",
            "unique_id": "_".join(filter(None, [self.node, source and slug(source), slug(name)])),
            "name": f"{source} {name}" if source else name,
            "state_topic": topic,
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topic,
            **measured,
        }

    def discovery(self, entities: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "device": {
                "identifiers": [self.node],
                "name": self.name,
                "manufacturer": "edge-run",
                "sw_version": __version__,
                **({"model": self.model} if self.model else {}),
            },
            "origin": {"name": "edge-run", "sw_version": __version__, "support_url": _SUPPORT},
            "availability_topic": self.availability_topic,
            "payload_available": ONLINE,
            "payload_not_available": OFFLINE,
            "qos": 1,
            "components": {each["unique_id"]: dict(each) for each in entities},
        }


def state_of(prediction: Any) -> str | float | None:
    """Of a task's entity: its labels or its number; None: there is none, as of a vector."""
    if prediction.labels is not None:
        text = ", ".join(prediction.labels) or "none"
    elif prediction.label is not None:
        text = prediction.label
    else:
        return None if prediction.value is None else round(prediction.value, 4)
    return str(text)[:LONGEST_STATE]


def payload(fields: Mapping[str, Any]) -> bytes:
    """JSON of those that say something."""
    return line_of({key: value for key, value in fields.items() if value not in (None, "")}).strip()
