import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.layers import Dropout

X = np.ones((200, 50), "float32")


@pytest.mark.parametrize("jit", [False, True])
def test_the_wanted_share_is_dropped_and_the_rest_scaled_up(jit):
    layer = Dropout(0.3, seed=1)
    run = tf.function(lambda x: layer(x, training=True), jit_compile=jit)
    y = np.asarray(run(X))
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.02  # 4 standard deviations
    assert not np.array_equal(y, run(X))  # drawn anew


def test_nothing_is_dropped_outside_of_training_or_at_rate_0():
    np.testing.assert_array_equal(Dropout(0.5)(X, training=False), X)
    np.testing.assert_array_equal(Dropout(0.0)(X, training=True), X)


def test_a_noise_shape_shares_its_draws():
    y = np.asarray(Dropout(0.5, noise_shape=(None, 1), seed=2)(X, training=True))
    assert (y == y[:, :1]).all()
    assert 0 < (y == 0).mean() < 1


def test_the_gradient_passes_where_nothing_was_dropped():
    layer, x = Dropout(0.5, seed=3), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)


def test_it_comes_back_from_a_file(tmp_path):
    model = keras.Sequential([keras.Input((50,)), Dropout(0.4, seed=5)])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is Dropout
    assert again.layers[0].rate == 0.4
