"""The slopes between all pairs of points, on which Sen's and Kendall's methods rest."""

import numpy as np


def pairwise_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n (n - 1) / 2,) in units of y over those of x, which increases."""
    early, late = np.triu_indices(len(x), 1)
    return (y[late] - y[early]) / (x[late] - x[early])
