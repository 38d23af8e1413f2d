"""The side of an example: its key's alone, in the shares that are said."""

from collections import Counter
from hashlib import sha256

from kerasrnn.data.splits import side


def test_a_key_lands_on_the_side_that_its_hash_says():
    for number in range(300):
        key = f"φ/{number}.txt"
        place = int(sha256(key.encode()).hexdigest(), 16) / 2**256
        assert side(key) == ("train" if place < 0.9 else "valid" if place < 0.95 else "test")


def test_a_tenth_of_the_keys_is_held_out_in_two_halves():
    counts = Counter(side(str(number)) for number in range(20_000))
    assert set(counts) == {"train", "valid", "test"}
    for name, share in (("train", 0.9), ("valid", 0.05), ("test", 0.05)):
        deviation = (share * (1 - share) / 20_000) ** 0.5
        assert abs(counts[name] / 20_000 - share) < 4 * deviation
