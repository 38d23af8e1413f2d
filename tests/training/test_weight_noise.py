"""Noise on the weights while a gradient is found."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasrnn.training.step import Step
from kerasrnn.training.weight_noise import noisy_weights

X = np.float32([[1.0, -2.0], [0.5, 3.0]])
Y = np.float32([[1.0], [-1.0]])
RATE, DEVIATION = 0.1, 0.5


def linear(rate: float, **options) -> keras.Model:
    """y = x w, whose gradient is 2 xᵀ (x w - y) / B."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.float32([[0.3], [-0.2]])])
    model.compile(keras.optimizers.SGD(rate, **options), "mse")
    return model


def trained(model, steps: int, noise: float, xla: bool = False, seed: int = 0) -> list[np.ndarray]:
    """The weights after each step."""
    data = tf.data.Dataset.from_tensors((X, Y)).repeat()
    step = Step(model, data.element_spec, xla=xla, noise=(noise, seed))
    batches, seen = iter(data), []
    for _ in range(steps):
        step(batches)
        seen.append(model.get_weights()[0])
    return seen


@pytest.mark.parametrize("xla", [False, True])
def test_the_gradient_is_taken_at_the_noisy_weights_and_added_to_the_own(xla):
    def drawn(seed):
        return tf.random.stateless_normal((2, 1), seed, stddev=DEVIATION, alg="philox")

    draw = tf.function(drawn, jit_compile=xla)  # XLA draws other numbers
    w = linear(RATE).get_weights()[0].astype("float64")
    for number, found in enumerate(trained(linear(RATE), 3, DEVIATION, xla)):
        n = draw(tf.constant([0, number])).numpy()
        w = w - RATE * 2 * X.T @ (X @ (w + n) - Y) / len(X)
        np.testing.assert_allclose(found, w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 3}])
def test_without_a_step_the_weights_stay_bit_for_bit(options):
    start = linear(0.0).get_weights()[0]
    found = trained(linear(0.0, **options), 5, DEVIATION)[-1]
    np.testing.assert_array_equal(found, start)


def test_no_noise_changes_no_bit():
    quiet, plain = linear(RATE), linear(RATE)
    plain.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(trained(quiet, 2, 0.0)[-1], plain.get_weights()[0])


def test_seeds_draw_other_noise():
    first, again, other = (trained(linear(RATE), 1, DEVIATION, seed=n)[0] for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_the_running_mean_is_that_of_the_own_weights():
    model = linear(RATE, use_ema=True, ema_momentum=0.5)
    seen = trained(model, 3, DEVIATION)
    mean = seen[0]
    for weights in seen[1:]:
        mean = 0.5 * mean + 0.5 * weights
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_allclose(model.get_weights()[0], mean, atol=1e-6)


def test_the_noise_has_the_asked_deviation_and_is_new_at_each_step_and_for_each_weight():
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(200)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.optimizer.build(model.trainable_variables)
    drawn = []
    for _ in range(2):
        before = [w.numpy() for w in model.trainable_variables]
        with noisy_weights(model, DEVIATION):
            pairs = zip(model.trainable_variables, before, strict=True)
            drawn.append(np.concatenate([(w.numpy() - b).ravel() for w, b in pairs]))
            model.optimizer.apply([tf.zeros_like(b) for b in before])
        for weight, value in zip(model.trainable_variables, before, strict=True):
            np.testing.assert_array_equal(weight, value)
    first, second = drawn
    assert stats.kstest(first / DEVIATION, "norm").pvalue > 0.01
    assert first.std() == pytest.approx(DEVIATION, rel=0.02)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert abs(np.corrcoef(first[:200], first[-200:])[0, 1]) < 0.2
