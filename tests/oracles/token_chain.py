"""A chain of tokens with memory: a network small enough to search whole, and its beams as lists."""

import numpy as np
import tensorflow as tf

from kerasrnn.decoders import beam_search

V = 3
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(997, V)).astype(np.float32)


def chain(read):
    """Logits after all that was read: a chain with memory, whose state no two histories share for long."""
    return LOGITS[place(read)]


def place(read):
    total = 0
    for token in read:
        total = (5 * total + token + 1) % len(LOGITS)
    return total


def step(tokens, states):
    total = (5 * states["total"] + tokens + 1) % len(LOGITS)
    return tf.gather(tf.constant(LOGITS), total), {"total": total}


def begin(batch):
    return {"total": tf.zeros([batch], tf.int32)}


def search(first, **options):
    """For each row the real ones of its (score, tokens), best first."""
    return listed(beam_search(step, begin(len(first)), np.int32(first), **options))


def listed(beams):
    rows = []
    for tokens, lengths, scores, count in zip(*(part.numpy() for part in beams), strict=True):
        real = zip(tokens[:count], lengths[:count], scores[:count], strict=True)
        rows.append([(score, row[:n].tolist()) for row, n, score in real])
        assert not tokens[count:].any()
        assert not lengths[count:].any()
        assert (scores[count:] == np.finfo(np.float32).min).all()
        assert all(not row[n:].any() for row, n in zip(tokens, lengths, strict=True))
    return rows


def agree(got, expected):
    assert [tokens for _, tokens in got] == [tokens for _, tokens in expected]
    np.testing.assert_allclose([s for s, _ in got], [s for s, _ in expected], rtol=1e-5, atol=1e-6)
