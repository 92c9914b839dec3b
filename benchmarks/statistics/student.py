"""Student's t, as far as 95 % intervals need it."""

Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def student_quantile(degrees: float) -> float:
    """Two-sided 95 %, of at least 2 degrees of freedom; within 3 %, from 4 on within 0.5 %.

    The expansion of Abramowitz and Stegun, 1964, 26.7.5, first four terms.
    """
    z = Z
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / degrees**power for power, term in enumerate(terms))
