"""Ranges of a search that begins where the configuration stands: each default is its own value."""


def one_of(hp, name: str, now, values: list):
    """`hp.Choice`, at first `now`: where it is none of `values`, the next number, or the first word."""
    if now not in values:
        now = values[0] if isinstance(now, str) else min(values, key=lambda v: abs(v - now))
    return hp.Choice(name, values, default=now)


def whole(hp, name: str, now: int, low: int, high: int) -> int:
    """`hp.Int`, at first `now`, or the end of the range that is next to it."""
    return hp.Int(name, low, high, default=min(max(now, low), high))


def between(hp, name: str, now: float, low: float, high: float, **more) -> float:
    """`hp.Float`, at first `now`, or the end of the range that is next to it."""
    return hp.Float(name, low, high, default=min(max(now, low), high), **more)
