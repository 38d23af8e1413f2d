import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers

B, T, D, H = 3, 6, 4, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
MASK = RNG.random((B, T)) > 0.4
KINDS = ("LSTM", "GRU", "SimpleRNN")


def pair(kind, **arguments):
    theirs, ours = (
        getattr(keras.layers, kind)(H, **arguments),
        getattr(layers, kind)(H, **arguments),
    )
    theirs.build(X.shape)
    ours.build(X.shape)
    noisy = [w + 0.2 * RNG.normal(size=w.shape) for w in theirs.get_weights()]
    theirs.set_weights(noisy)
    ours.set_weights(noisy)
    return theirs, ours


def close(a, b, tolerance=1e-5):
    for p, q in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
        np.testing.assert_allclose(p, q, atol=tolerance)


CASES = [
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"return_state": True, "use_bias": False},
    {"return_sequences": True, "zero_output_for_mask": True, "activation": "elu"},
    {"return_sequences": True, "dropout": 0.3, "recurrent_dropout": 0.2, "seed": 3},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_gives_the_numbers_of_keras(kind, case):
    theirs, ours = pair(kind, **case)
    count = len(ours.state_size)
    start = [RNG.normal(size=(B, H)).astype("float32") for _ in range(count)]
    for mask in (None, tf.constant(MASK)):
        for layer in (theirs, ours):
            layer.cell.seed_generator.state.assign([1, 2])
        arguments = {"mask": mask, "initial_state": start, "training": True}
        close(theirs(X, **arguments), ours(X, **arguments))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_starts_the_weights_where_it_starts_those_of_keras(kind):
    built = []
    for module in (keras.layers, layers):
        keras.utils.set_random_seed(3)
        layer = getattr(module, kind)(H)
        layer.build(X.shape)
        built.append(layer.get_weights())
    for theirs, ours in zip(*built, strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_the_gru_with_reset_before_the_product_gives_the_numbers_of_keras():
    theirs, ours = pair("GRU", reset_after=False, return_sequences=True)
    close(theirs(X), ours(X))
    assert ours.plan(X.shape).route == "scan"


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_files_go_both_ways(kind, tmp_path):
    theirs, ours = (
        keras.Sequential([keras.Input((None, D)), getattr(m, kind)(H, name="rnn")], name="m")
        for m in (keras.layers, layers)
    )
    names = [[w.path for w in model.weights] for model in (theirs, ours)]
    assert names[0] == names[1]
    for source, target in ((theirs, ours), (ours, theirs)):
        source.set_weights([w + 0.1 for w in source.get_weights()])
        source.save_weights(tmp_path / "w.weights.h5")
        target.load_weights(tmp_path / "w.weights.h5")
        close(source(X), target(X))
    ours.save(tmp_path / "m.keras")
    close(keras.models.load_model(tmp_path / "m.keras")(X), ours(X), 0)
    assert getattr(layers, kind).from_config(ours.layers[0].get_config()).units == H


def test_states_stay_in_float32_in_mixed_precision():
    steps = np.full((1, 400, 1), 0.01, "float32")
    arguments = {"kernel_initializer": "ones", "activation": "linear", "return_sequences": True}
    layer = layers.SimpleRNN(
        1, recurrent_initializer="zeros", dtype="mixed_bfloat16", zoneout=0.99, **arguments
    )
    # The state creeps towards 0.01 by 1 % a step, which bfloat16 alone would lose half way.
    assert float(layer(steps)[0, -1, 0]) == pytest.approx(0.01 * (1 - 0.99**400), rel=0.02)
    assert layer(steps).dtype == "bfloat16"


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
def test_bidirectional_gives_the_numbers_of_keras(mode):
    arguments = {"return_sequences": mode != "ave", "return_state": True}
    theirs = keras.layers.Bidirectional(keras.layers.GRU(H, **arguments), merge_mode=mode)
    ours = layers.Bidirectional(layers.GRU(H, **arguments), merge_mode=mode)
    theirs(X)
    ours(X)
    ours.set_weights(theirs.get_weights())
    mask = tf.constant(MASK)
    close(theirs(X, mask=mask), ours(X, mask=mask))


@pytest.mark.parametrize("backwards", [False, True])
def test_stacked_cells_give_the_numbers_of_keras(backwards):
    theirs = keras.layers.RNN(
        [keras.layers.LSTMCell(H), keras.layers.GRUCell(3)],
        return_sequences=True,
        go_backwards=backwards,
    )
    ours = layers.Stacked(
        [cells.LSTMCell(H), cells.GRUCell(3)], return_sequences=True, go_backwards=backwards
    )
    theirs(X)
    ours(X)
    ours.set_weights(theirs.get_weights())
    close(theirs(X, mask=tf.constant(MASK)), ours(X, mask=tf.constant(MASK)))


def test_any_keras_cell_runs_through_the_plain_scan():
    cell = keras.layers.LSTMCell(H)
    ours = layers.Recurrent(cell, return_sequences=True)
    close(ours(X), keras.layers.RNN(cell, return_sequences=True)(X))
    assert ours.plan(X.shape).route == "scan"


def test_a_stateful_layer_goes_on_where_it_stopped():
    layer = layers.LSTM(H, stateful=True, return_sequences=True)
    whole = layers.LSTM(H, return_sequences=True)
    whole.build(X.shape)
    first = layer(X[:, :4])
    whole.set_weights(layer.get_weights()[:3])
    close(np.concatenate([first, layer(X[:, 4:])], axis=1), whole(X))


def test_no_step_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one step"):
        layers.LSTM(H)(X[:, :0])


def test_a_route_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="must be 'scan' or None"):
        layers.GRU(H, reset_after=False, route="cluster")(X)
    with pytest.raises(ValueError, match="must be one of"):
        layers.GRU(H, route="fast")(X)


def test_one_step_takes_no_loop():
    theirs, ours = pair("LSTM", return_sequences=True)
    close(theirs(X[:, :1]), ours(X[:, :1]))
    assert ours.plan((None, 1, D)).route == "step"


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_without_a_name_come_in_the_order_of_keras(kind):
    gated = ("sigmoid",) * (kind != "SimpleRNN")
    given = ("relu", *gated, False, "ones")  # …, use_bias, kernel_initializer
    theirs, ours = (getattr(home, kind)(H, *given) for home in (keras.layers, layers))
    ours.build(X.shape)
    assert (ours.activation, ours.use_bias) == (theirs.activation, False)
    assert (ours.cell.kernel.numpy() == 1).all()
    with pytest.raises(TypeError, match="must be given once"):
        getattr(layers, kind)(H, "relu", activation="tanh")
    with pytest.raises(TypeError, match="must be given once"):
        getattr(layers, kind)(H, *["relu"] * 40)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_are_read_as_keras_reads_them(kind):
    model = keras.Sequential([keras.Input((T, D), dtype="int32"), getattr(layers, kind)(H)])
    model.compile("sgd", "mse")
    whole = RNG.integers(-2, 3, X.shape)
    before = model.predict(whole, verbose=0)
    np.testing.assert_allclose(before, model.layers[0](whole.astype("float32")), atol=1e-6)
    model.fit(whole, np.zeros((B, H)), verbose=0)
    assert np.abs(model.predict(whole, verbose=0) - before).max() > 0


@pytest.mark.parametrize("route", [None, "loop", "scan"])
def test_a_mask_is_of_the_inputs_steps(route):
    layer = layers.LSTM(H, route=route)
    for steps in (T - 1, T + 1):
        with pytest.raises(ValueError, match=r"`mask` must be \(batch, time\)"):
            layer(X, mask=np.ones((B, steps), bool))
    close(layer(X, mask=MASK), layer(X, mask=MASK[..., None]))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lstm", {"layer_norm": True}), ("peephole_lstm", {}), ("lstm_fgr", {}),
        ("leaky_rnn", {"learn_tau": True}), ("structured_rnn", {"learn_alpha": True}),
    ],
)  # fmt: skip
def test_a_layer_can_be_frozen(name, options, jit):
    frozen = layers.Recurrent(cells.get(name, H, **options), return_sequences=True)
    model = keras.Sequential([keras.Input((T, D)), layers.SimpleRNN(D, return_sequences=True)])
    model.add(frozen)
    model.add(keras.layers.Dense(1))
    frozen.trainable = False
    model.compile("sgd", "mse", jit_compile=jit)
    before = [w.numpy() for w in frozen.weights]
    below = model.layers[0].cell.kernel.numpy()
    expected = keras.layers.RNN(frozen.cell, return_sequences=True)(X)
    close(frozen(X), expected)
    model.fit(X, np.ones((B, T, 1)), verbose=0)
    for weight, old in zip(frozen.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    assert np.abs(model.layers[0].cell.kernel.numpy() - below).max() > 0


@pytest.mark.parametrize("route", ["cluster", "loop", "scan"])
def test_half_precision_normalises_large_inputs(route):
    wide = layers.LSTM(16, layer_norm=True)
    wide.build(X.shape)
    half = layers.LSTM(16, layer_norm=True, dtype="mixed_float16", route=route)
    half.build(X.shape)
    half.set_weights(wide.get_weights())
    close(half(300 * X), wide(300 * X), 1e-2)


def test_no_step_is_refused_where_their_number_is_not_known():
    layer = layers.LSTM(H)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, D))])
    assert run(X).shape == (B, H)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have at least one step"):
        run(X[:, :0])


def test_both_directions_say_how_they_run():
    assert layers.Bidirectional(layers.LSTM(H)).plan(X.shape).route == "cluster"


def test_states_of_both_directions_are_given_or_none():
    both = layers.Bidirectional(layers.SimpleRNN(H))
    with pytest.raises(ValueError, match="as many of the backward"):
        both(X, initial_state=[np.zeros((B, H), "float32")])


def test_zoneout_is_one_number_or_one_for_each_state():
    with pytest.raises(ValueError, match="`zoneout` must be one number or 2"):
        layers.LSTM(H, zoneout=(0.1, 0.2, 0.3))
