"""Networks of equal size: the widths that a number of parameters allows."""

import math
import random
from collections.abc import Callable

TOLERANCE = 0.02  # of the budget


def widths_for(parameters: int, make: Callable, ratio: float = 2.0) -> tuple[int, int]:
    """The widths with which a network has as many parameters as wanted, to 2 %.

    The first width is the largest that fits while the second is `ratio` times as large; the second, which
    counts for less, then takes up what is left. What is tried out changes no later draw of a seed.

    Args:
        parameters: wanted.
        make: (width, second width) → a network; it must grow with either.
    Returns:
        Both widths.
    Raises:
        ValueError: if no widths come within 2 %; it says what the nearest have.
    """
    counts = {}

    def count(width: int, second: int) -> int:
        if (width, second) not in counts:
            drawn = random.getstate()  # from which Keras seeds what has no seed of its own
            counts[width, second] = make(width, second).count_params()
            random.setstate(drawn)
        return counts[width, second]

    def proportional(width: int) -> int:
        return max(1, round(ratio * width))

    width = _largest(lambda n: count(n, proportional(n)), parameters)
    second = _largest(lambda n: count(width, n), parameters)
    second = min((second, second + 1), key=lambda n: abs(count(width, n) - parameters))
    off = count(width, second) / parameters - 1
    if abs(off) > TOLERANCE:
        raise ValueError(
            f"`parameters` must be a number that widths can give to 2 %, got {parameters:,}; the nearest "
            f"are {count(width, second):,}."
        )
    return width, second


def _largest(count: Callable, most: int) -> int:
    """The largest n, 1 at least, with count(n) ≤ `most`, where count grows: like n² as a rule.

    Three small n give the parabola, and so n; where count is another function, n walks on from there.
    """
    one, two, three = (count(n) for n in (1, 2, 3))
    a = (three - 2 * two + one) / 2
    b = two - one - 3 * a
    c = one - a - b - most  # a n² + b n + c = 0 where all of `most` is used
    n = (math.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a) if a > 0 else -c / b
    n = max(1, int(n))
    while n > 1 and count(n) > most:
        n -= 1
    while count(n + 1) <= most:
        n += 1
    return n
