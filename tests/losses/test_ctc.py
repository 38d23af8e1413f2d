"""CTC's loss: against the sum over every alignment, and its gradient against finite differences."""


import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.losses import ctc
from kerasrnn.recurrence import portable
from tests.oracles.every_alignment import loss

K, BLANK = 4, 1  # the blank is wherever it is said to be
LABELS = np.array(
    [[0, 2, 3], [2, 2, 9], [0, 0, 0], [3, -1, 7], [2, 2, 2], [0, 0, 0], [2, 0, 0], [0, 1, 2]]
)
LABEL_LENGTHS = np.array([3, 2, 0, 1, 3, 0, 1, 3])
FRAMES = np.array([5, 3, 4, 1, 4, 0, 0, 5])  # rows 4 and 6 are too short, row 7 holds the blank
LOGITS = np.random.default_rng(0).normal(scale=2, size=(8, 5, K)).astype(np.float32)
SPEC = [
    tf.TensorSpec([None, None, K]),
    *[tf.TensorSpec(shape, tf.int32) for shape in ([None, None], [None], [None])],
]


def differentiated(logits, labels, label_lengths, frames):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses, possible = ctc(labels, logits, label_lengths, frames, blank=BLANK)
    return losses, possible, tape.gradient(losses, logits)


def given(logits=LOGITS):
    return tf.constant(logits), *(tf.constant(x, tf.int32) for x in (LABELS, LABEL_LENGTHS, FRAMES))


def expected(logits=LOGITS):
    rows = zip(LABELS, logits, LABEL_LENGTHS, FRAMES, strict=True)
    return np.array([loss(row[:n].tolist(), x[:t], BLANK) for row, x, n, t in rows])


def in_graph(jit):
    return tf.function(differentiated, SPEC, jit_compile=jit, autograph=False)


def left_to_others():
    with portable():
        return in_graph(None).get_concrete_function()


WAYS = {
    "eager": lambda: differentiated,
    "graph": lambda: in_graph(None),
    "XLA": lambda: in_graph(True),
    "portable": left_to_others,
}


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_is_the_sum_over_every_alignment_and_0_where_there_is_none(way):
    losses, possible, gradient = WAYS[way]()(*given())
    wanted = expected()
    there = np.isfinite(wanted)
    np.testing.assert_array_equal(possible, there)
    assert there.tolist() == [True, True, True, True, False, True, False, False]
    np.testing.assert_allclose(losses, np.where(there, wanted, 0), rtol=1e-5, atol=1e-6)
    assert not np.any(gradient.numpy()[~there])
    assert not np.any(gradient.numpy()[np.arange(5) >= FRAMES[:, None]])
    for row in np.flatnonzero(there):
        for place in np.ndindex(FRAMES[row], K):
            ends = []
            for sign in (1, -1):
                moved = LOGITS.astype(np.float64)
                moved[row][place] += sign * 1e-4
                ends.append(
                    loss(LABELS[row, : LABEL_LENGTHS[row]], moved[row, : FRAMES[row]], BLANK)
                )
            slope = (ends[0] - ends[1]) / 2e-4
            np.testing.assert_allclose(
                gradient[row][place], slope, atol=2e-5, err_msg=f"{row} {place}"
            )
