from pathlib import Path

import pytest

from tests.devices.profiles.own_profiles import OwnProfiles


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OwnProfiles:
    """No profiles of one's own, until the test adds some."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return OwnProfiles(tmp_path / "config" / "edge" / "devices")
