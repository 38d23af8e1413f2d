"""Which examples train a model and which judge it, fixed by each example's own key."""

import hashlib

SPLITS = ("train", "valid", "test")
HELD_OUT = 0.05  # share of the keys that each of valid and test gets


def share(key: str) -> float:
    """Where a hash puts the example named `key`, from 0 to 1: alike on every machine."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def side(key: str) -> str:
    """The split that owns the example named `key`: the same one on every machine and in every run."""
    place = share(key)
    if place < 1 - 2 * HELD_OUT:
        return "train"
    return "valid" if place < 1 - HELD_OUT else "test"


def spread(items: list, most: int) -> list:
    """`most` of the items, from all over the list; all if that is 0, or more than there are."""
    if not most or most >= len(items):
        return items
    return [items[place * len(items) // most] for place in range(most)]
