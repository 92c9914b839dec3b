"""The standard library's TOML reader, or its twin where Python 3.10 has none."""

import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["tomllib"]
