"""The beta distribution, as far as ranks of a sample need it."""

import math

_TERMS = 10_000
_TINY, _EXACT = 1e-300, 1e-14
_RANK_ERROR = 1e-6


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) of a Beta(a, b) variable: the regularised incomplete beta function.

    By its continued fraction (W. J. Lentz, 1976; Press et al., Numerical Recipes, 6.4).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1.0 - math.exp(log_front) * _fraction(1 - x, b, a) / b
    return math.exp(log_front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _nonzero(1.0 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d = 1.0 / _nonzero(1.0 + numerator * d)
            c = _nonzero(1.0 + numerator / c)
            found *= c * d
        if abs(c * d - 1.0) < _EXACT:
            break
    return found


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def rank_below(share: float, n: float, confidence: float) -> float | None:
    """The fractional rank k whose order statistic of `n` lies below the `share` quantile
    with probability `confidence`; None where no order statistic does.

    F(X_(k)) is Beta(k, n + 1 - k), with k continuous (A. D. Hutson, 1999, "Calibrating
    nonparametric quantile confidence intervals using fractional order statistics").
    """
    if beta_cdf(share, 1.0, n) < confidence or beta_cdf(share, n, 1.0) > confidence:
        return None
    reach = 8 * math.sqrt(n * share * (1 - share)) + 8
    low, high = max(1.0, n * share - reach), min(float(n), n * share + reach)
    while high - low > _RANK_ERROR:
        middle = (low + high) / 2
        if beta_cdf(share, middle, n + 1 - middle) >= confidence:
            low = middle
        else:
            high = middle
    return low
