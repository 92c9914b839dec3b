"""Real photos for the tests, read once."""

import pytest

from edge.errors import ClipError
from models.datasets import orl


@pytest.fixture(scope="session")
def photos():
    try:
        return orl.read_photos()
    except ClipError as error:
        pytest.skip(f"the ORL photos are not installed: {error}")
