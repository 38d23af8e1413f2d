"""Any model, window by window: as the model with its states in the open, and as plain training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import layers
from kerasrnn.builders import many_to_many
from kerasrnn.training.truncated import TruncatedBPTT
from kerasrnn.training.windows import WindowedBPTT, windows

N, T, D, H, C = 3, 7, 2, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, T, D)).astype("float32")
Y = RNG.integers(0, C, (N, T))


def network(cell="lstm", carry=False, **options):
    keras.utils.set_random_seed(1)
    options = {"units": [H, H + 1], "features": D, "classes": C, "carry": carry, **options}
    return many_to_many(cell, **options)


def compiled(model, jit=False):
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=jit)
    return model


def same(ours, theirs, tolerance=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("jit", [False, True])
def test_a_window_that_covers_the_sequence_is_plain_back_propagation(jit):
    plain, cut = network("gru"), network("gru")
    compiled(plain).fit(X, Y, batch_size=N, epochs=2, verbose=0, shuffle=False)
    model = compiled(WindowedBPTT(cut, N), jit)
    model.fit(windows(X, Y, window=T, rows=N), epochs=2, verbose=0, shuffle=False)
    same(cut.get_weights(), plain.get_weights())


def test_shorter_windows_train_as_the_model_with_its_states_in_the_open():
    model, shown = network(), network(carry=True)
    shown.set_weights(model.get_weights())
    weights = np.ones((N, T), "float32")
    weights[1, 4:] = 0
    cut = windows(X, Y, window=3, rows=2, weights=weights)
    compiled(WindowedBPTT(model, 2)).fit(cut, epochs=2, verbose=0, shuffle=False)
    cut = cut.map(lambda i, y, w: ({"tokens": i["inputs"], "reset": i["reset"]}, y, w))
    compiled(TruncatedBPTT(shown, 2)).fit(cut, epochs=2, verbose=0, shuffle=False)
    same(model.get_weights(), shown.get_weights())


def test_the_windows_are_the_sequences_and_what_fills_them_up_weighs_nothing():
    found = list(windows(X, Y, window=3, rows=2).as_numpy_iterator())
    assert len(found) == 2 * 3
    assert [bool(i["reset"].all()) for i, _, _ in found] == [True, False, False] * 2
    for batch in (0, 1):
        i, y, w = (
            np.concatenate([f[k]["inputs"] if k == 0 else f[k] for f in found[3 * batch :][:3]], 1)
            for k in range(3)
        )
        count = min(2, N - 2 * batch)
        np.testing.assert_array_equal(i[:count, :T], X[2 * batch :][:2])
        np.testing.assert_array_equal(y[:count, :T], Y[2 * batch :][:2])
        np.testing.assert_array_equal(w[:count, :T], 1)
        assert w[:count, T:].sum() == w[count:].sum() == 0


def test_a_row_goes_on_where_it_was_until_it_is_reset():
    model = network("lstm")
    wrapped = WindowedBPTT(model, N)
    whole, anew = model(X), model(X[:, 3:])
    wrapped({"inputs": X[:, :3], "reset": np.ones(N, bool)})
    found = wrapped({"inputs": X[:, 3:], "reset": np.array([False, True, False])})
    same([found[0], found[1], found[2]], [whole[0, 3:], anew[1], whole[2, 3:]])


def test_keras_own_layers_and_one_answer_a_sequence_are_windowed_too():
    keras.utils.set_random_seed(1)
    stack = [keras.Input((None, D)), keras.layers.LSTM(H), keras.layers.Dense(C)]
    model = keras.Sequential(stack)
    whole = model(X[:, :6])
    data = windows(X[:, :6], Y[:, 0], window=2, rows=N, each=False)
    wrapped = compiled(WindowedBPTT(model, N))
    said = [wrapped(i) for i, _, _ in data]
    same([said[-1]], [whole])
    assert [float(w.numpy().sum()) for _, _, w in data] == [0, 0, N]
    assert np.isfinite(wrapped.fit(data, verbose=0, shuffle=False).history["loss"][0])


def test_a_model_of_two_inputs_reads_a_list_of_arrays():
    one, two = keras.Input((None, D)), keras.Input((None, D))
    h = layers.GRU(H, return_sequences=True)(keras.layers.Concatenate()([one, two]))
    model = keras.Model([one, two], keras.layers.Dense(C)(h))
    cut = compiled(WindowedBPTT(model, rows=2))
    cut.fit(windows([X, 2 * X], Y, 4, 2), verbose=0, shuffle=False)
    (given, _, _), *_ = windows([X, 2 * X], Y, 4, 2)
    np.testing.assert_allclose(given["inputs"][1], 2 * given["inputs"][0])


def test_a_batch_has_as_many_rows_as_states_are_carried():
    cut = WindowedBPTT(network(), rows=2)
    with pytest.raises(ValueError, match="`rows` = 2 rows, got 1"):
        cut({"inputs": X[:1, :4], "reset": np.array([True])})


def test_states_are_saved_with_the_model(tmp_path):
    wrapped = WindowedBPTT(network("gru"), N)
    wrapped({"inputs": X[:, :3], "reset": np.ones(N, bool)})
    wrapped.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    rest = {"inputs": tf.constant(X[:, 3:]), "reset": np.zeros(N, bool)}
    same([loaded(rest)], [wrapped(rest)])


def test_what_cannot_be_windowed_is_refused():
    with pytest.raises(ValueError, match=r"all of which read forwards, got \['backward_"):
        WindowedBPTT(network(bidirectional="concat"), N)
    with pytest.raises(ValueError, match="must have recurrent layers"):
        WindowedBPTT(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), N)
    with pytest.raises(ValueError, match="must be positive and divide T, got 3 for T = 7"):
        windows(X, Y[:, 0], window=3, rows=2, each=False)
    shared = layers.GRU(D, return_sequences=True)
    x = keras.Input((T, D))
    twice = WindowedBPTT(keras.Model(x, shared(shared(x))), N)
    with pytest.raises(ValueError, match="must run each recurrent layer once"):
        twice({"inputs": X, "reset": np.ones(N, bool)})
