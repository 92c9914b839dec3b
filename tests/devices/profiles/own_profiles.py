"""A user's own profiles in a folder of the test's."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True)
class OwnProfiles:
    """folder: where the files are looked for."""

    folder: Path

    def write(self, name: str, content: str) -> Path:
        """Make a file, whatever is in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.toml"
        path.write_text(content)
        return path

    def add(self, name: str, title: str, model: str = "", compatible: str = "") -> Path:
        """A board like a Raspberry Pi 4 under another name."""
        text = resources.files("devices").joinpath("profiles", "pi-4.toml").read_text("utf-8")
        start, rest = text.split("[recognise]")
        start = start.replace('"pi-4"', f'"{name}"').replace("Raspberry Pi 4 Model B", title, 1)
        signs = {"models": model, "compatible": compatible}
        told = "".join(f'{key} = ["{value}"]\n' for key, value in signs.items() if value)
        return self.write(name, f"{start}[recognise]\n{told}\n[cpu]{rest.split('[cpu]')[1]}")
