"""Loops that run side by side over parts of a batch give what one loop gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import layers
from kerasrnn.recurrence import tensorflow as engine
from tests.conformance.test_every_cell import MASKS, B, D, T, X, close, layer, make
from tests.recurrence.test_engine import second_derivative

# each kind of operand that a part of the batch has its own rows of, or has whole
CASES = [("simple_rnn", "plain"), ("gru", "zoneout"), ("gru", "weight_drop"), ("lstm", "softsign")]
CASES += [("lstm", "layer_norm"), ("lstm", "layer_norm_drops"), ("lstm", "memory_dropout")]
CASES += [(name, "drops") for name in ("leaky_rnn", "delayed_rnn", "structured_rnn", "lstm_fgr")]
HOLES = tf.constant(MASKS["holes"])


@pytest.fixture
def loops(monkeypatch):
    """(cores) -> the rows of each loop that is made from then on, however short."""
    made, run = [], engine._run
    monkeypatch.setattr(engine, "LEAST_ROWS", 1)
    monkeypatch.setattr(engine, "LEAST_PRODUCTS", 0)

    def noted(problem, operands, *rest):
        made.append(operands.start[0].shape[0])
        return run(problem, operands, *rest)

    def begin(cores):
        monkeypatch.setattr(engine, "cores", lambda: cores)
        monkeypatch.setattr(engine, "_run", noted)
        made.clear()
        return made

    return begin


def in_a_graph(rnn, spec=X.shape, jit=False):
    """(x, mask) -> values, and gradients of x and the weights, with the same drops each time."""
    signature = [tf.TensorSpec(spec, tf.float64), tf.TensorSpec(spec[:2], tf.bool)]

    @tf.function(input_signature=signature, jit_compile=jit or None, autograph=False)
    def run(x, mask):
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = rnn(x, mask=mask, training=True)
            loss = tf.add_n([tf.reduce_sum(tf.sin((k + 1) * v)) for k, v in enumerate(values)])
        return [*values, *tape.gradient(loss, [x, *(w.value for w in rnn.trainable_weights)])]

    def again(x, mask):
        rnn.cell.seed_generator.state.assign([1, 2])
        return run(tf.constant(x), mask)

    return again


@pytest.mark.parametrize(("name", "option"), CASES)
def test_a_cell_has_the_values_and_gradients_of_one_loop(name, option, loops):
    cell = make(name, option)
    assert cell.gate_form
    found = []
    for cores, rows in ((1, [B]), (3, [2, 1, 1])):
        made = loops(cores)
        found.append(in_a_graph(layer(cell, "cluster", go_backwards=True))(X, HOLES))
        assert made == rows
    close(found[1], found[0])


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_a_batch_whose_size_the_graph_will_know_is_cut_in_two(rows, loops):
    rnn = layer(make("lstm", "zoneout"), "cluster")
    x = np.random.default_rng(1).normal(size=(rows, T, D))
    mask = tf.ones((rows, T), tf.bool)
    found = []
    for cores in (1, 4):
        made = loops(cores)
        found.append(in_a_graph(rnn, (None, None, D))(x, mask))
        assert made == [None] * min(cores, 2)
    close(found[1], found[0])


def test_one_loop_runs_in_eager_mode_and_where_xla_compiles_all(loops):
    rnn = layer(make("gru", "plain"), "cluster")
    made = loops(2)
    rnn(X, mask=HOLES)
    in_a_graph(rnn, jit=True)(X, HOLES)
    assert made == [B, B]
    in_a_graph(rnn)(X, HOLES)
    assert made == [B, B, 2, 2]


def test_the_gradient_of_the_gradient_is_that_of_one_loop(loops):
    rnn = layers.LSTM(4, dtype="float64")
    rnn.build(X.shape)
    found = []
    for cores in (1, 2):
        made = loops(cores)
        found.append(tf.function(lambda: second_derivative(rnn), autograph=False)())
        assert len(made) == cores
    close(found[1], found[0])


def test_fit_learns_the_same_weights(loops):
    kept = []
    for cores in (1, 2):
        loops(cores)
        keras.utils.set_random_seed(0)
        stack = [layers.LSTM(4, return_sequences=True, dropout=0.2), layers.GRU(3, zoneout=0.1)]
        model = keras.Sequential([keras.Input((T, D)), *stack, keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(X, X[:, 0, :1], batch_size=3, epochs=2, shuffle=False, verbose=0)
        kept.append(model.get_weights())
    close(kept[1], kept[0], 1e-5)


def test_short_narrow_and_wide_problems_have_one_loop(monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: 4)

    def count(units, rows, steps):
        return engine.side_by_side(layers.LSTM(units).cell, rows, steps)

    assert count(64, 32, 100) == 4
    assert count(64, 20, 100) == 2
    assert count(64, None, 100) == count(64, None, None) == 2
    assert count(64, 15, 1000) == 1  # too few rows
    assert count(64, 32, 7) == 1  # too short
    assert count(512, 64, 250) == 1  # U too large
    monkeypatch.setattr(engine, "cores", lambda: 1)
    assert count(64, 32, 100) == 1


def test_the_plan_counts_the_loops(monkeypatch):
    monkeypatch.setattr(engine, "cores", lambda: 2)
    assert "2 side by side" in layers.LSTM(64).plan((32, 100, 32)).why
    assert "side by side" not in layers.LSTM(64).plan((1, 100, 32)).why


def test_both_directions_share_the_cores(loops):
    for cores, count in ((2, 2), (4, 4)):
        made = loops(cores)
        both = layers.Bidirectional(layers.LSTM(3, dtype="float64"), dtype="float64")
        both.build(X.shape)
        tf.function(both, autograph=False)(tf.constant(X))
        assert len(made) == count
        assert ("side by side" in both.plan((32, 100, D)).why) == (cores == 4)


INSIDE = [
    ("simple_rnn", "plain"),
    ("gru", "zoneout"),
    ("lstm", "weight_drop"),
    ("lstm", "softsign"),
]
INSIDE += [("leaky_rnn", "drops")]
WHOLE = [("gru", "layer_norm"), ("gru", "recurrent_dropout")]  # all at once in any case


@pytest.mark.parametrize(("name", "option"), INSIDE + WHOLE)
def test_x_w_made_step_by_step_gives_what_it_gives_all_at_once(name, option, loops, monkeypatch):
    cell, found, problems = make(name, option), [], []
    run = engine._run
    monkeypatch.setattr(engine, "LEAST_INSIDE", 1)
    monkeypatch.setattr(engine, "LEAST_NARROW", 10**9)
    for most in (10**9, 0):
        monkeypatch.setattr(engine, "MOST_OUTSIDE", most)
        loops(2)
        monkeypatch.setattr(engine, "_run", lambda p, *rest: problems.append(p) or run(p, *rest))
        rnn = layer(cell, "cluster", go_backwards=True)
        rnn.cell.seed_generator.state.assign([1, 2])
        eager = rnn(X, mask=HOLES, training=True)
        found.append([*eager, *in_a_graph(rnn)(X, HOLES)])
    close(found[1], found[0])
    whole = (name, option) in WHOLE
    assert [p.inside for p in problems] == [False] * 3 + [not whole] * 3


def made_inside(rows, steps, units=512, features=8, cell="LSTM", training=False, **options):
    """Whether each loop of a layer makes x W step by step."""
    seen, x = [], tf.TensorSpec((rows, steps, features))
    rnn = getattr(layers, cell)(units, **options)
    rnn.build(x.shape)
    with pytest.MonkeyPatch.context() as patch:
        run = engine._run
        patch.setattr(engine, "_run", lambda p, *rest: seen.append(p.inside) or run(p, *rest))
        call = tf.function(lambda x: rnn(x, training=training), [x], autograph=False)
        call.get_concrete_function()
    return seen


def test_x_w_is_made_step_by_step_where_it_is_large_and_rows_are_many():
    assert made_inside(64, 250) == [True]
    assert made_inside(64, 100) == [False]
    assert made_inside(16, 1000) == [False]
    assert made_inside(None, 250) == [False]
    assert made_inside(64, 250, layer_norm=True) == [False]
    assert made_inside(64, 250, route="loop") == [False]


def test_x_w_of_a_narrow_x_is_made_step_by_step_in_training(loops):
    loops(1)
    assert made_inside(16, 10, 16, 8, training=True) == [True]
    assert made_inside(16, 10, 16, 8, "GRU", training=True) == [True]
    assert made_inside(16, 10, 16, 8, training=False) == [False]
    assert made_inside(16, 10, 16, 9, training=True) == [False]
    assert made_inside(15, 10, 16, 8, training=True) == [False]
    assert made_inside(None, 10, 16, 8, training=True) == [False]
    assert made_inside(16, 10, 16, 8, "SimpleRNN", training=True) == [False]
    assert made_inside(16, 10, 16, 8, activation="relu", training=True) == [False]
