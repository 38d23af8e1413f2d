"""Clipping, by what Keras has and by what recent gradients say, against NumPy's own statistics."""

import keras
import numpy as np
import pytest

from kerasrnn import layers
from kerasrnn.training import checkpoint
from kerasrnn.training.clipping import AutoClip, MeanClip

RNG = np.random.default_rng(0)
GRADIENTS = [RNG.normal(size=(2, 3)) * size for size in (1, 5, 0.1, 100, 2, 1, 3, 0.5)]


def steps(optimizer, gradients=GRADIENTS):
    """What each gradient moves two variables by, rate 1."""
    one, two = keras.Variable(np.zeros(3)), keras.Variable(np.zeros(3))
    moved = []
    for gradient in gradients:
        before = np.stack([one.numpy(), two.numpy()])
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradient], [one, two])
        moved.append(before - np.stack([one.numpy(), two.numpy()]))
    return moved


def shortened(gradient, limit):
    return gradient * min(1.0, limit / np.linalg.norm(gradient))


@pytest.mark.parametrize(("percentile", "window"), [(10, 100), (50, 3), (100, 4), (0, 5)])
def test_autoclip_clips_at_numpys_percentile_of_the_last_norms(percentile, window):
    found = steps(AutoClip(keras.optimizers.SGD(1.0), percentile, window))
    norms = [np.linalg.norm(g) for g in GRADIENTS]
    for k, gradient in enumerate(GRADIENTS):
        limit = np.percentile(norms[max(0, k + 1 - window) : k + 1], percentile)
        np.testing.assert_allclose(found[k], shortened(gradient, limit), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("factor", "window"), [(1.5, 100), (1.5, 3), (0.5, 4), (20.0, 4)])
def test_mean_clip_clips_at_a_multiple_of_the_mean_to_which_outliers_add_little(factor, window):
    found, counted = steps(MeanClip(keras.optimizers.SGD(1.0), factor, window)), []
    for got, gradient in zip(found, GRADIENTS, strict=True):
        mean = np.mean(counted[-window:]) if counted else np.inf
        expected = shortened(gradient, factor * mean)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
        counted.append(min(np.linalg.norm(gradient), max(factor, 10) * mean))


def test_a_limit_below_the_mean_stays_where_it_is():
    found = steps(MeanClip(keras.optimizers.SGD(1.0), 0.5, 20), [GRADIENTS[0]] * 60)
    np.testing.assert_allclose(found[-1], GRADIENTS[0] / 2, rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("kind", [AutoClip, MeanClip])
def test_a_table_of_words_learns(kind, jit):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Embedding(7, 3), layers.GRU(4)])
    model.compile(kind(keras.optimizers.SGD(1.0)), "mse", jit_compile=jit)
    words, before = np.array([[1, 2, 2, 3, 1]]), model.get_weights()[0]
    model.fit(words, np.ones((1, 4)), verbose=0)
    moved = np.abs(model.get_weights()[0] - before).max(axis=1) > 0
    assert moved.tolist() == [False, True, True, True, False, False, False]


@pytest.mark.parametrize("kind", [AutoClip, MeanClip])
def test_gradients_of_nothing_leave_the_limit_as_it_was(kind):
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    found = steps(kind(keras.optimizers.SGD(1.0)), [zero, one, zero, zero, one])
    assert not found[0].any()
    np.testing.assert_allclose(found[-1], one)


@pytest.mark.parametrize("kind", [AutoClip, MeanClip])
def test_a_gradient_that_is_not_finite_is_not_remembered(kind):
    optimizer = kind(keras.optimizers.SGD(0.0), window=4)
    steps(optimizer, GRADIENTS[:2])
    before = optimizer.norms.numpy(), optimizer.count.numpy()
    for bad in (np.inf, np.nan):
        optimizer.apply([keras.ops.full((3,), bad)] * 2)
    np.testing.assert_array_equal(optimizer.norms.numpy(), before[0])
    assert optimizer.count.numpy() == before[1]


def test_keras_own_clipping_is_by_norm_by_variable_and_by_value():
    by = {"global_clipnorm": 2.0, "clipnorm": 2.0, "clipvalue": 2.0}
    found = {name: steps(keras.optimizers.SGD(1.0, **{name: v})) for name, v in by.items()}
    for k, gradient in enumerate(GRADIENTS):
        expected = {
            "global_clipnorm": shortened(gradient, 2.0),
            "clipnorm": np.stack([shortened(g, 2.0) for g in gradient]),
            "clipvalue": np.clip(gradient, -2, 2),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][k], value, rtol=1e-4, atol=1e-5)


def training(optimizer):
    keras.utils.set_random_seed(3)
    stack = [keras.Input((5, 2)), layers.SimpleRNN(4), keras.layers.Dense(1)]
    model = keras.Sequential(stack)
    model.compile(optimizer, "mse", jit_compile=True)
    return model


@pytest.mark.parametrize("kind", [AutoClip, MeanClip])
def test_a_clipped_compiled_fit_goes_on_from_a_file_bit_for_bit(kind, tmp_path):
    x, y = RNG.normal(size=(8, 5, 2)), RNG.normal(size=(8, 1))
    fit = {"batch_size": 2, "shuffle": False, "verbose": 0}
    model = training(kind(keras.optimizers.Adam(0.05), window=3))
    model.fit(x, y, **fit)
    model.save(tmp_path / "m.keras")
    checkpoint.save(tmp_path / "c.npz", model, {})
    again = training(kind(keras.optimizers.Adam(0.05), window=3))
    checkpoint.load(tmp_path / "c.npz", again)
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    for one in (model, again, loaded):
        one.fit(x, y, **fit)
        assert one.optimizer.count.numpy() == 8
        for a, b in zip(one.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        for a, b in zip(one.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_learning_rate_is_that_of_the_optimizer_inside():
    optimizer = AutoClip("adam")
    optimizer.learning_rate = 0.25
    assert float(optimizer.optimizer.learning_rate) == float(optimizer.learning_rate) == 0.25


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: AutoClip("sgd", 101), r"`percentile` must be in \[0, 100\], got 101"),
        (lambda: MeanClip("sgd", 0), "`factor` must be above 0, got 0"),
        (lambda: AutoClip("sgd", window=0), "`window` must be at least 1 update, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()
