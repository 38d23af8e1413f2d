"""Every cell with every option keeps the same promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers, recurrence

B, T, D, H = 4, 9, 3, 4  # 9 steps are padded to 10 where a loop's length is a bucket's
OPTIONS = {
    "plain": {},
    "layer_norm": {"layer_norm": True},
    "layer_norm_no_bias": {"layer_norm": True, "use_bias": False},
    "layer_norm_drops": {"layer_norm": True, "recurrent_dropout": 0.3, "dropout": 0.2},
    "layer_norm_softsign": {"layer_norm": True, "activation": "softsign"},
    "zoneout": {"zoneout": 0.2},
    "recurrent_dropout": {"recurrent_dropout": 0.3, "dropout": 0.2},
    "weight_drop": {"weight_drop": 0.3},
    "softsign": {"activation": "softsign"},
}
NOISE = {  # where a cell has something that it writes, or a memory
    "update_dropout": {"update_dropout": 0.3},
    "memory_dropout": {"memory_dropout": 0.3, "update_dropout": 0.2, "zoneout": 0.1},
    "memory_softsign": {"memory_dropout": 0.3, "update_dropout": 0.2, "activation": "softsign"},
}
DROPS = {"zoneout": 0.2, "recurrent_dropout": 0.3, "dropout": 0.2, "weight_drop": 0.3}
CELLS = {"lstm": {}, "gru": {}, "gru_reset_before": {}, "simple_rnn": {}}
OF_THE_DECKS = {  # with all drops at once: each option by itself is the base's, tried above
    "relu_rnn": {},
    "sigmoid_rnn": {},
    "leaky_rnn": {"tau": 3.0, "learn_tau": True},
    "delayed_rnn": {"delay": 3},
    "structured_rnn": {"context": 1, "learn_alpha": True},
    "output_rnn": {"classes": 3},
    "time_delay": {},
    "unbounded": {},
    "projected_lstm": {"projection": 3},
    "lstm_cifg": {},
    "lstm_fgr": {},
}
EVERY = [pytest.param(name, option, id=f"{name}-{option}") for name in CELLS for option in OPTIONS]
EVERY += [pytest.param(name, "drops", id=name) for name in OF_THE_DECKS]
EVERY += [pytest.param("lstm", option, id=f"lstm-{option}") for option in NOISE]
EVERY += [(name, "update_dropout") for name in ("gru", "gru_reset_before")]
every_cell = pytest.mark.parametrize(("name", "option"), EVERY)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D))
MASKS = {
    "right": np.arange(T) < np.array([[9], [5], [1], [0]]),  # the last row is empty
    "left": np.arange(T) >= np.array([[0], [2], [7], [9]]),
    "holes": np.array([[1, 0, 1, 1, 0, 1, 1, 0, 0], [0, 1] * 4 + [1], [1] * 3 + [0] * 6, [0] * 9])
    > 0,
}


def make(name, option, dtype="float64"):
    own = DROPS if option == "drops" else {**OPTIONS, **NOISE}[option]
    options = {**CELLS.get(name, {}), **OF_THE_DECKS.get(name, {}), **own}
    keras.utils.set_random_seed(0)
    cell = cells.get(name, H, dtype=dtype, seed=1, **options)
    cell.build((None, D))
    rng = np.random.default_rng(2)
    for weight in cell.trainable_weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return cell


def layer(cell, route=None, **arguments):
    arguments = {"return_sequences": True, "return_state": True, **arguments}
    return layers.Recurrent(cell, route=route, dtype=cell.dtype_policy, **arguments)


def fast_route(cell):
    return "loop" if cell.gate_form else "scan"


def values_and_gradients(rnn, x, mask=None, training=False):
    if training:
        rnn.cell.seed_generator.state.assign([1, 2])
    x = tf.constant(x)
    weights = [w.value for w in rnn.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = rnn(x, mask=mask, training=training)
        loss = tf.add_n([tf.reduce_sum(tf.sin((k + 1) * v)) for k, v in enumerate(values)])
    return loss, [*values, *tape.gradient(loss, [x, *weights])]


def close(a, b, tolerance=1e-9):
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, atol=tolerance, rtol=tolerance)


@every_cell
def test_the_gradient_is_that_of_keras_rnn(name, option):
    cell = make(name, option)
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=cell.dtype_policy)
    routes = [fast_route(cell)]
    if option.startswith("layer_norm") and cell.gate_form:
        routes += ["cluster"]  # which normalises x W in the loop
    for mask in (None, tf.constant(MASKS["holes"])):
        expected = values_and_gradients(rnn, X, mask)[1]
        for route in routes:
            close(values_and_gradients(layer(cell, route), X, mask)[1], expected)


@every_cell
def test_the_gradient_in_training_is_the_finite_difference(name, option):
    cell = make(name, option)
    rnn = layer(cell, fast_route(cell), go_backwards=True)
    mask = tf.constant(MASKS["holes"])
    gradients = values_and_gradients(rnn, X, mask, training=True)[1][1 + len(cell.states) :]
    rng, step = np.random.default_rng(3), 1e-6
    for weight, gradient in zip([None, *rnn.trainable_weights], gradients, strict=True):
        start = X if weight is None else weight.numpy()
        direction = rng.normal(size=start.shape)
        losses = []
        for sign in (1, -1):
            moved = start + sign * step * direction
            if weight is not None:
                weight.assign(moved)
            x = moved if weight is None else X
            losses.append(values_and_gradients(rnn, x, mask, training=True)[0])
        if weight is not None:
            weight.assign(start)
        slope = (losses[0] - losses[1]) / (2 * step)
        assert np.sum(gradient * direction) == pytest.approx(float(slope), rel=1e-4, abs=1e-6)


@every_cell
def test_a_masked_step_is_as_if_it_were_not_there(name, option):
    cell, mask = make(name, option), np.concatenate(list(MASKS.values()))
    x = np.where(mask[..., None], np.tile(X, (len(MASKS), 1, 1)), 7.0)
    outputs, *found = layer(cell, fast_route(cell))(x, mask=tf.constant(mask))
    for k, row in enumerate(mask):
        states = [tf.zeros((1, width), tf.float64) for width in cell.widths]
        for t in np.flatnonzero(row):
            h, states = cell(x[k : k + 1, t], states)
            close([outputs[k, t]], [h[0]])
        close([state[k] for state in found], [state[0] for state in states])


OWN_LOOPS = ("output_rnn", "lstm_fgr")  # own weights, products and widths in the loop


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in ("lstm", "gru", "simple_rnn") for option in OPTIONS]
    + [(name, "drops") for name in OWN_LOOPS],
)
def test_eager_graph_and_xla_agree(name, option):
    cell = make(name, option, "float32")
    x, mask = X.astype("float32"), tf.constant(MASKS["holes"])
    expected = values_and_gradients(layer(cell, "scan"), x, mask)[1]
    compiled = layer(cell)
    close(values_and_gradients(compiled, x, mask)[1], expected, 2e-3)
    for jit in (None, True):
        run = tf.function(lambda: values_and_gradients(compiled, x, mask)[1], jit_compile=jit)
        close(run(), expected, 2e-3)


@every_cell
def test_a_cell_comes_back_from_its_configuration(name, option):
    cell = make(name, option)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cell))
    assert again.get_config() == cell.get_config()


@pytest.mark.parametrize("name", [*CELLS, *OF_THE_DECKS])
def test_one_step_and_one_sequence_are_enough(name):
    cell = make(name, "plain")
    whole, *_ = layer(cell, "scan")(X)
    one, *_ = layer(cell)(X[:, :1])
    close([one[:, 0]], [whole[:, 0]])
    alone, *_ = layer(cell, fast_route(cell))(X[:1])
    close([alone], [whole[:1]])


@pytest.mark.parametrize("name", OF_THE_DECKS)
def test_a_mixed_policy_keeps_the_states_wide_and_the_gradients_near(name):
    wide, mixed = make(name, "plain", "float32"), make(name, "plain", "mixed_bfloat16")
    mixed.set_weights(wide.get_weights())
    x = X.astype("float32")
    found = values_and_gradients(layer(mixed, fast_route(mixed)), x, training=True)[1]
    expected = values_and_gradients(layer(wide, fast_route(wide)), x, training=True)[1]
    for value, near in zip(found, expected, strict=True):
        near = np.asarray(near)
        assert np.abs(np.asarray(value, "float32") - near).max() < 0.1 * max(1, np.abs(near).max())


@pytest.mark.parametrize("name", ["lstm", "gru", "simple_rnn"])
def test_a_portable_export_holds_no_compiled_function(name, tmp_path):
    cell = make(name, "layer_norm", "float32")
    model = keras.Sequential([keras.Input((None, D)), layer(cell, return_state=False)])
    with recurrence.portable():
        model.export(tmp_path / "m", verbose=False)
    x = X.astype("float32")
    loaded = tf.saved_model.load(tmp_path / "m")
    close(loaded.serve(x), model(x), 1e-5)
    assert b"_XlaMustCompile" not in _true_attributes(tmp_path / "m" / "saved_model.pb")


def _true_attributes(path) -> bytes:
    """The names of the boolean attributes that are true in any function of a SavedModel."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    holders = [f.attr for f in functions] + [n.attr for f in functions for n in f.node_def]
    return b" ".join(key.encode() for attr in holders for key, value in attr.items() if value.b)
