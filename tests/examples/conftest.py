"""Photos that the examples' tests share with those of the data sets."""

from tests.models.conftest import photos  # noqa: F401
