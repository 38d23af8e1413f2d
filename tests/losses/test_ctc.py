"""CTC's loss: against the sum over every alignment, and its gradient against finite differences."""

import os
import subprocess
import sys

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


def test_probabilities_of_0_wide_types_and_not_a_number_are_told_apart():
    logits = LOGITS.copy()
    logits[0, :, 2] = -np.inf  # a label that is never written
    logits[1, :, 3] = -np.inf  # a symbol that the labelling does not need
    logits[2, 1, 0] = np.nan
    losses, possible, gradient = differentiated(*given(logits))
    assert possible.numpy().tolist() == [False, True, True, True, False, True, False, False]
    assert not np.any(gradient[0])
    np.testing.assert_allclose(losses[1], loss([2, 2], logits[1, :3], BLANK), rtol=1e-5)
    assert np.isfinite(gradient[1]).all()
    assert np.isnan(losses[2])
    narrow, _, slope = differentiated(tf.cast(LOGITS, tf.bfloat16), *given()[1:])
    rounded = tf.cast(tf.cast(LOGITS, tf.bfloat16), tf.float32).numpy()
    np.testing.assert_allclose(narrow[:4], expected(rounded)[:4], rtol=1e-5)
    assert slope.dtype == tf.bfloat16


def test_a_long_recording_has_the_loss_of_tensorflows_own():
    rng = np.random.default_rng(1)
    logits = tf.constant(rng.normal(scale=3, size=(2, 300, 12)), tf.float32)
    labels = tf.constant(rng.integers(0, 11, (2, 60)), tf.int32)
    lengths = tf.constant([60, 31]), tf.constant([300, 150])
    losses, _ = ctc(labels, logits, *lengths, blank=11)
    wanted = tf.nn.ctc_loss(labels, logits, *lengths, logits_time_major=False, blank_index=11)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 5, K), (2, 0, K)])
def test_no_rows_and_no_frames_have_a_loss(shape):
    labels, none = np.zeros((shape[0], 2)), np.zeros(shape[0])
    losses, possible, gradient = differentiated(tf.zeros(shape), labels, none, none)
    assert losses.shape == (shape[0],)
    assert not np.any(losses)
    assert np.all(possible)
    assert gradient.shape == shape


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"blank": 4}, "`blank` must be from 0 to 3, got 4"),
        ({"labels": LABELS[0]}, "`labels` must have axes"),
        ({"logits": LOGITS[0]}, "for one sequence pass logits"),
    ],
)
def test_other_axes_and_a_blank_that_is_no_symbol_are_refused(changed, said):
    arguments = {"labels": LABELS, "logits": LOGITS, "blank": BLANK} | changed
    with pytest.raises(ValueError, match=said):
        ctc(label_lengths=LABEL_LENGTHS, frame_lengths=FRAMES, **arguments)


ON_JAX = """
import sys
import jax, numpy as np
from kerasrnn.losses import ctc
given = np.load(sys.argv[1])
def loss(logits):
    losses, possible = ctc(given["labels"], logits, given["sizes"], given["frames"], blank=1)
    return losses.sum(), (losses, possible)
(_, found), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(given["logits"])
assert "tensorflow" not in sys.modules
np.savez(sys.argv[2], losses=found[0], possible=found[1], gradient=gradient)
"""


def test_jax_gives_the_same_losses_and_gradients(tmp_path):
    files = tmp_path / "given.npz", tmp_path / "found.npz"
    np.savez(files[0], labels=LABELS, logits=LOGITS, sizes=LABEL_LENGTHS, frames=FRAMES)
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", ON_JAX, *files], check=True, env=environment)
    found = np.load(files[1])
    losses, possible, gradient = differentiated(*given())
    np.testing.assert_array_equal(found["possible"], possible)
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-4, atol=1e-5)
