"""Latency on a board that is not here, predicted from instruction counts and published figures.

Nothing here is a measurement: every figure that comes out of this package is *predicted*.
"""
