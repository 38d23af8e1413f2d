"""Ranges of a search that begins where the configuration stands: each default is its own value.

A value outside a range belongs to it, so that a search of any configuration tries that one first.
"""


def one_of(hp, name: str, now, values: list):
    """`hp.Choice` of `values` and of `now`, which is first."""
    if now not in values:
        values = [*values, now] if isinstance(now, str) else sorted([*values, now])
    return hp.Choice(name, values, default=now)


def whole(hp, name: str, now: int, low: int, high: int) -> int:
    """`hp.Int` that reaches to `now`, which is first."""
    return hp.Int(name, min(low, now), max(high, now), default=now)


def between(hp, name: str, now: float, low: float, high: float, **more) -> float:
    """`hp.Float` that reaches to `now`, which is first."""
    return hp.Float(name, min(low, now), max(high, now), default=now, **more)
