"""Whether two figures that were measured with error differ."""

import math

BETTER, WORSE = "better", "worse"
Interval = tuple[float, float]


def difference_interval(
    before: float, before_interval: Interval, after: float, after_interval: Interval
) -> Interval:
    """95 % interval of `after - before`, from the 95 % interval of each.

    Of shares with Wilson's intervals this is method 10 of R. G. Newcombe, 1998, "Interval
    estimation for the difference between independent proportions"; of any other figures its
    generalisation (G. Y. Zou and A. Donner, 2008). Answers to the same clips are no
    independent samples; their difference is known better than this says.
    """
    low = math.hypot(after - after_interval[0], before_interval[1] - before)
    high = math.hypot(after_interval[1] - after, before - before_interval[0])
    return after - before - low, after - before + high
