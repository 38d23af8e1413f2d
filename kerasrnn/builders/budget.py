"""Networks of equal size: the widths that a number of parameters allows."""

from collections.abc import Callable

TOLERANCE = 0.02  # of the budget


def widths_for(parameters: int, make: Callable, ratio: float = 2.0) -> tuple[int, int]:
    """The widths with which a network has as many parameters as wanted, to 2 %.

    The first width is the largest that fits while the second is `ratio` times as large; the second, which
    counts for less, then takes up what is left.

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
            counts[width, second] = make(width, second).count_params()
        return counts[width, second]

    def proportional(width: int) -> int:
        return max(1, round(ratio * width))

    width = _largest(lambda n: count(n, proportional(n)) <= parameters)
    second = _largest(lambda n: count(width, n) <= parameters, proportional(width))
    second = min((second, second + 1), key=lambda n: abs(count(width, n) - parameters))
    off = count(width, second) / parameters - 1
    if abs(off) > TOLERANCE:
        raise ValueError(
            f"`parameters` must be a number that widths can give to 2 %, got {parameters:,}; the nearest "
            f"are {count(width, second):,}."
        )
    return width, second


def _largest(fits: Callable, start: int = 1) -> int:
    """The largest n, 1 at least, that `fits`, where all below it do; sought upwards from `start`."""
    low, high = 1, max(start, 2)
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
