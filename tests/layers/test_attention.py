"""Soft attention against NumPy, hard attention's gradient against the sum over all ways to look."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells
from kerasrnn.layers import HardAttention, SoftAttention
from kerasrnn.layers.attention import doubly_stochastic, reinforced
from tests.oracles import attention as oracle

B, T, E, L, D, A, H = 3, 5, 4, 6, 3, 5, 4
RNG = np.random.default_rng(0)
X, ANNOTATIONS, KEYS = (
    RNG.normal(size=shape).astype("float32") for shape in ((B, T, E), (B, L, D), (B, L, A))
)
MASK = np.array([[True] * T, [True, True, False, True, False], [False] * T])


def made(kind, cell="lstm", **options):
    layer = kind(cells.get(cell, H), **options)
    layer.build([X.shape, ANNOTATIONS.shape, KEYS.shape])
    for weight in layer.weights:
        weight.assign(RNG.normal(scale=0.8, size=weight.shape))
    return layer


def start(layer, rows=B, places=L):
    tallies = (places, *[1] * (len(layer.tallies) - 1))
    return [np.zeros((rows, width), "float32") for width in (*layer.cell.widths, *tallies)]


def plain(layer):
    return {weight.name: np.float64(weight.numpy()) for weight in layer.weights}


def by_hand(layer, choose, mask=None):
    """Each row's results of the oracle, side by side."""
    zeros = np.zeros(H)
    rows = [
        oracle.attend(
            X[b], ANNOTATIONS[b], KEYS[b], plain(layer), zeros, zeros, choose,
            None if mask is None else mask[b],
        )
        for b in range(B)
    ]  # fmt: skip
    h, context, alpha, last = zip(*rows, strict=True)
    return map(np.array, (h, context, alpha, *zip(*last, strict=True)))


def likeliest(t, alpha):
    return np.eye(L)[alpha.argmax()]


@pytest.mark.parametrize(
    ("kind", "choose"), [(SoftAttention, lambda t, alpha: alpha), (HardAttention, likeliest)]
)
@pytest.mark.parametrize("by_input", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_every_step_is_the_papers_in_numpy(kind, choose, mask, by_input):
    layer = made(kind, by_input=by_input)
    results = layer([X, ANNOTATIONS, KEYS], initial_state=start(layer), mask=mask)
    expected = list(by_hand(layer, choose, mask))
    for k, (found, wanted) in enumerate(zip(results, expected, strict=False)):
        if k == 1 and mask is not None:  # what a masked step would have read is nobody's business
            found, wanted = found[mask], wanted[mask]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_steps_one_by_one_compiled_or_in_half_precision_say_the_same():
    layer = made(SoftAttention)
    whole = layer([X, ANNOTATIONS, KEYS], initial_state=start(layer))
    states, said = start(layer), []
    for t in range(T):
        h, _, _, *states = layer([X[:, t : t + 1], ANNOTATIONS, KEYS], initial_state=states)
        said.append(h)
    np.testing.assert_allclose(np.concatenate(said, axis=1), whole[0], atol=1e-6)
    for state, last in zip(states, whole[3:], strict=True):
        np.testing.assert_allclose(state, last, atol=1e-6)
    fast = tf.function(layer, jit_compile=True)
    compiled = fast([X, ANNOTATIONS, KEYS], initial_state=start(layer))
    np.testing.assert_allclose(compiled[0], whole[0], atol=1e-5)
    half = SoftAttention(cells.LSTMCell(H, dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
    half.build([X.shape, ANNOTATIONS.shape, KEYS.shape])
    half.set_weights(layer.get_weights())
    rough = half([X, ANNOTATIONS, KEYS], initial_state=start(layer))
    assert rough[0].dtype == "bfloat16"
    assert rough[3].dtype == "float32"
    np.testing.assert_allclose(np.float32(rough[0]), whole[0], atol=0.1)


@pytest.mark.parametrize("cell", sorted(set(cells.CELLS) - {"output_rnn"}))
def test_any_cell_attends_and_learns(cell):
    layer = made(SoftAttention, cell)
    with tf.GradientTape() as tape:
        h, *_ = layer([X, ANNOTATIONS, KEYS], initial_state=start(layer), mask=MASK, training=True)
        loss = tf.reduce_sum(h**2)
    assert h.shape == (B, T, layer.cell.output_size)
    assert all(g is not None for g in tape.gradient(loss, layer.cell.trainable_weights))


def test_the_penalty_is_zero_where_each_place_was_looked_at_once():
    np.testing.assert_allclose(doubly_stochastic(np.array([[1.0, 1.0], [2.0, 0.0]])), [0, 2])


def test_a_cell_that_drops_is_refused():
    with pytest.raises(ValueError, match="neither drops nor layer normalisation"):
        SoftAttention(cells.LSTMCell(4, zoneout=0.1))


class Given(HardAttention):
    """Hard attention that looks where it is told: `places` (B, T)."""

    def noise(self, shape, dtype):
        """For each draw a number that falls on the place, by the chances that lead there."""
        self.told = iter(tf.unstack(self.places, axis=1))
        return super().noise(shape, dtype)

    def looking(self, batch, training):
        look = super().looking(batch, training)

        def told(chances, place):
            below = tf.cumsum(tf.exp(chances), axis=-1)
            upper = tf.gather(below, next(self.told)[:, None], batch_dims=1)
            return look(chances, upper / below[:, -1:] - 1e-4)

        return told


def every_way(steps=2, places=3):
    """A tiny layer, and one row for each way to look at `places` places in `steps` steps."""
    layer = Given(cells.LSTMCell(H), expected=0.0)
    ways = np.array(list(itertools.product(range(places), repeat=steps)))
    rows = [np.repeat(v[:1], len(ways), axis=0) for v in (X, ANNOTATIONS, KEYS)]
    inputs = [rows[0][:, :steps], rows[1][:, :places], rows[2][:, :places]]
    layer.build([one.shape for one in inputs])
    for weight in layer.weights:
        weight.assign(RNG.normal(scale=0.8, size=weight.shape))
    layer.places = ways
    return layer, inputs, start(layer, len(ways), places)


def likelihood(h):
    """Some ln p(y | s̃, a) of each row, from its states."""
    return -tf.reduce_sum(h * h, axis=(1, 2)) - 0.3 * tf.reduce_sum(h, axis=(1, 2))


@pytest.mark.parametrize("baseline", [0.0, -2.5])
def test_the_mean_of_the_estimator_is_the_gradient_of_the_papers_bound(baseline):
    layer, inputs, states = every_way()
    with tf.GradientTape() as tape:
        h, *_, log_chance, _ = layer(inputs, initial_state=states, training=True)
        chance = tf.exp(log_chance[:, 0])
        bound = tf.reduce_sum(chance * likelihood(h))
    wanted = tape.gradient(bound, layer.trainable_variables)
    np.testing.assert_allclose(tf.reduce_sum(chance), 1, rtol=1e-5)
    with tf.GradientTape() as tape:
        h, *_, log_chance, entropy = layer(inputs, initial_state=states, training=True)
        gain = likelihood(h)
        gain += reinforced(log_chance[:, 0], entropy[:, 0], gain, baseline, 1.0, 0.0)
        mean = tf.reduce_sum(tf.stop_gradient(chance) * gain)
    found = tape.gradient(mean, layer.trainable_variables)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_places_are_drawn_as_often_as_their_chance_says():
    keras.utils.set_random_seed(3)
    layer = made(HardAttention, expected=0.25)
    rows = 4000
    inputs = [np.repeat(v[:1], rows, axis=0) for v in (X[:, :1], ANNOTATIONS, KEYS)]
    results = layer(inputs, initial_state=start(layer, rows), training=True)
    alpha, log_chance = results[2][0, 0].numpy(), results[-2][:, 0].numpy()
    shares = [np.mean(np.isclose(log_chance, np.log(a), atol=1e-5)) for a in alpha]
    np.testing.assert_allclose(shares, 0.75 * alpha, atol=0.03)
    assert np.mean(log_chance == 0) == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(results[-1][0], -np.sum(alpha * np.log(alpha)), rtol=1e-4)
