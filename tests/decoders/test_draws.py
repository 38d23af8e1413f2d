"""Draws: Philox against its published vectors, and what a seed promises."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.decoders import draws
from kerasrnn.decoders.draws import philox

# Random123 1.14, examples/kat_vectors: counter, key, result of philox4x32 with 10 rounds
KNOWN = [
    ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_published_words(counter, key, expected):
    counter = [tf.constant(word, tf.int64) for word in words(counter)]
    key = [tf.constant(word, tf.int64) for word in words(key)]
    assert [int(word) for word in philox(counter, key)] == words(expected)


def philox_in_python(seed, t):
    """Draw t by the paper's equations on Python's integers."""
    key = [seed % 2**32, seed % 2**64 >> 32]
    c = [t // 4, 0, 0, 0]
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [b >> 32 ^ c[1] ^ key[0], b % 2**32, a >> 32 ^ c[3] ^ key[1], a % 2**32]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return (c[t % 4] >> 8) / 2**24


def test_draws_are_philox_words_of_the_seed_and_the_step_for_seeds_of_any_size():
    seeds = [0, 7, -1, 2**31, 2**63 - 1, -(2**63), 2**64 + 7, -(10**30)]
    expected = [[philox_in_python(seed, t) for t in range(11)] for seed in seeds]
    np.testing.assert_array_equal(draws(seeds, 11), np.float32(expected))


def test_more_steps_and_other_rows_leave_the_first_draws_as_they_were():
    long = draws([3, 1, -4], 50).numpy()
    for steps in (0, 1, 4, 13):
        np.testing.assert_array_equal(draws([3, 1, -4], steps), long[:, :steps])
    np.testing.assert_array_equal(draws([-4], 50), long[2:])


def test_graph_and_xla_give_the_bits_of_eager_code():
    seeds = tf.constant([5, -9, 2**62], tf.int64)
    expected = draws([5, -9, 2**62], 21)
    graph = tf.function(lambda seeds, steps: draws(seeds, steps), autograph=False)
    compiled = tf.function(lambda seeds: draws(seeds, 21), jit_compile=True, autograph=False)
    np.testing.assert_array_equal(graph(seeds, tf.constant(21)), expected)
    np.testing.assert_array_equal(compiled(seeds), expected)
    assert compiled.get_concrete_function(seeds).output_shapes == (3, 21)


def test_draws_of_neighbouring_seeds_are_uniform_and_uncorrelated():
    uniforms = draws(range(200), 500).numpy().astype(np.float64)
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    counts, _ = np.histogram(uniforms, bins=50, range=(0, 1))
    chi2 = ((counts - 2000) ** 2 / 2000).sum()
    assert chi2 < 94.6  # 49 degrees of freedom, exceeded once in 10,000 times
    correlation = np.corrcoef(uniforms)[np.triu_indices(200, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(500)


def test_wrong_seeds_and_steps_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"`seeds` must have axes \(batch\), got shape \(\)"):
        draws(3, 5)
    with pytest.raises(ValueError, match=r"`steps` must be at least 0, got -1"):
        draws([3], -1)
