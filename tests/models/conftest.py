"""Real photos for the tests, read once."""

import pytest

from edge_common.errors import ClipError
from edge_models.datasets import orl


@pytest.fixture(scope="session")
def photos():
    try:
        return orl.read_photos()
    except ClipError as error:
        pytest.skip(f"the ORL photos are not installed: {error}")
