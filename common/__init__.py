"""The ground floor: what every room stands on. It imports the standard library, numpy and click alone."""

__version__ = "0.2.0"
