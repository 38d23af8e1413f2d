"""Both directions of a bidirectional layer in one loop say what two loops say."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers, recurrence
from kerasrnn.recurrence import engine
from kerasrnn.regularizers import NormStabilizer
from tests.conformance.test_every_cell import MASKS, OPTIONS, B, D, H, T, X, close, make
from tests.recurrence.test_engine import second_derivative

CASES = [("lstm", option) for option in OPTIONS] + [("lstm", "memory_dropout")]
CASES += [(name, option) for name in ("gru", "simple_rnn") for option in ("plain", "softsign")]
CASES += [("gru", "layer_norm_drops"), ("gru", "update_dropout"), ("simple_rnn", "zoneout")]
CASES += [(name, "drops") for name in ("relu_rnn", "delayed_rnn", "time_delay")]
OF_THEIR_OWN = ("leaky_rnn", "structured_rnn", "lstm_fgr")  # weights besides W, U and b


def pair(cell, inputs=X.shape, **arguments):
    """One loop and two, with the same weights, each direction with its own."""
    arguments = {"return_sequences": True, "return_state": True, **arguments}
    mode = arguments.pop("merge_mode", "concat")
    layer = layers.Recurrent(cell, dtype=cell.dtype_policy, **arguments)
    one, two = (
        layers.Bidirectional(layer, merge_mode=mode, together=together, dtype=cell.dtype_policy)
        for together in (True, False)
    )
    rng = np.random.default_rng(1)
    for both in (one, two):
        both.build(inputs)
    for a, b in zip(one.trainable_weights, two.trainable_weights, strict=True):
        a.assign(a + 0.3 * rng.normal(size=a.shape))
        b.assign(a)
    return one, two


def told(both, x, mask=None, **arguments):
    """Values, and gradients of x and the weights, with the same drops each time."""
    for layer in (both.forward_layer, both.backward_layer):
        layer.cell.seed_generator.state.assign([1, 2])
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = tf.nest.flatten(both(x, mask=mask, **arguments))
        loss = tf.add_n([tf.reduce_sum(tf.sin((k + 1) * v)) for k, v in enumerate(values)])
        loss += tf.add_n([tf.zeros((), loss.dtype), *both.losses])
    return [*values, *tape.gradient(loss, [x, *(w.value for w in both.trainable_weights)])]


@pytest.mark.parametrize(("name", "option"), CASES)
def test_every_cell_and_option(name, option):
    one, two = pair(make(name, option), route="loop")
    assert one.plan(X.shape).together
    assert not two.plan(X.shape).together
    mask = np.concatenate([np.ones((1, T), bool), *MASKS.values()])
    x = np.tile(X, (4, 1, 1))[: len(mask)]
    for there in (None, tf.constant(mask)):
        close(told(one, x, there, training=True), told(two, x, there, training=True))


@pytest.mark.parametrize("jit", [None, True])
@pytest.mark.parametrize("shape", [(B, T, D), (None, None, D)])
def test_in_a_graph(shape, jit):
    one, two = pair(make("gru", "layer_norm"))
    signature = [tf.TensorSpec(shape, tf.float64), tf.TensorSpec(shape[:2], tf.bool)]
    if jit and None in shape:
        signature = None  # a program's sizes are fixed

    def graph(both):
        def call(x, mask):
            return told(both, x, mask, training=True)

        return tf.function(call, signature, jit_compile=jit, autograph=False)

    found, expected = graph(one), graph(two)
    for rows, steps in {(B, T), *([(3, 5)] if None in shape else [])}:
        x, mask = X[:rows, :steps], MASKS["holes"][:rows, :steps]
        close(found(x, mask), expected(x, mask))


@pytest.mark.parametrize(("mode", "sequences"), [("concat", True), ("sum", False), (None, True)])
def test_states_merges_and_last_outputs(mode, sequences):
    one, two = pair(make("lstm", "plain"), merge_mode=mode, return_sequences=sequences)
    start = list(np.random.default_rng(3).normal(size=(4, B, H)))
    mask = tf.constant(MASKS["left"])
    close(told(one, X, mask, initial_state=start), told(two, X, mask, initial_state=start))


def test_a_layer_that_keeps_its_states_goes_on_from_them():
    one, two = pair(make("gru", "plain"), stateful=True, return_state=False)
    for part in (X[:, :4], X[:, 4:]):
        close([one(part)], [two(part)])


def test_a_penalty_on_the_states_is_each_directions():
    one, two = pair(make("lstm", "plain"), state_regularizer=NormStabilizer(0.3))
    mask = tf.constant(MASKS["right"])
    close(told(one, X, mask), told(two, X, mask))
    assert len(one.losses) == 2


def test_second_derivatives():
    one, two = pair(make("gru", "plain"), return_state=False)
    close(second_derivative(one), second_derivative(two))


def test_states_stay_wide_in_mixed_precision():
    one, two = pair(make("lstm", "plain", "mixed_bfloat16"))
    x = X.astype("float32")
    for a, b in zip(one(x), two(x), strict=True):
        assert a.dtype == b.dtype == "bfloat16"
        np.testing.assert_allclose(np.float32(a), np.float32(b), atol=0.02)


def test_a_model_trains_saves_and_comes_back(tmp_path):
    layer = layers.LSTM(H, return_sequences=True)
    both = layers.Bidirectional(layer, together=True)
    model = keras.Sequential([keras.Input((None, D)), both, keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=False)
    x = X.astype("float32")
    losses = model.fit(x, x[..., :1], epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.layers[0].together is True
    close([again.predict(x, verbose=0)], [model.predict(x, verbose=0)], 1e-6)


def test_it_leaves_the_process_without_xla(tmp_path):
    both = layers.Bidirectional(layers.GRU(H, return_sequences=True), together=True)
    model = keras.Sequential([keras.Input((None, D)), both])
    with recurrence.portable():
        model.export(tmp_path / "m", verbose=False)
    x, loaded = X.astype("float32"), tf.saved_model.load(tmp_path / "m")
    close([loaded.serve(x)], [model(x)], 1e-5)


def plan(shape, together=None):
    return layers.Bidirectional(layers.GRU(H), together=together).plan(shape)


def test_one_loop_is_chosen_for_one_sequence_in_one_program(monkeypatch):
    assert not plan((1, T, D)).together
    with recurrence.compiled():
        assert plan((1, T, D)).together
        assert "one batched product" in plan((1, T, D)).why
        assert not plan((1, T, D), together=False).together
        assert not plan((2, T, D)).together
    monkeypatch.setattr(engine._cudnn, "gpu", lambda: True)
    assert plan((2, T, D)).route == "cudnn"
    assert plan((2, T, D), together=True).route == "cluster"
    assert layers.Bidirectional(layers.GRU(H, use_cudnn=False)).plan((2, T, D)).together


def test_one_step_needs_no_loop():
    one, two = pair(make("gru", "plain"))
    close(told(one, X[:, :1]), told(two, X[:, :1]))


@pytest.mark.parametrize("drops", [{}, {"dropout": 0.2, "recurrent_dropout": 0.2}])
def test_a_program_of_xlas_has_one_loop_for_one_sequence(drops, monkeypatch):
    sets, run = [], engine.backend().run

    def noted(problem, *rest, **named):
        sets.append(problem.sets)
        return run(problem, *rest, **named)

    monkeypatch.setattr(engine.backend(), "run", noted)
    layer = layers.GRU(H, return_sequences=True, dtype="float64", **drops)
    both = layers.Bidirectional(layer, dtype="float64")
    both.build(X.shape)
    told(both, X[:1], training=True)
    graph = tf.function(told, jit_compile=True, autograph=False)
    found = graph(both, X[:1], training=True)
    assert sets == [1, 1, 2]
    both.together = False
    expected = tf.function(told, jit_compile=True, autograph=False)(both, X[:1], training=True)
    assert sets == [1, 1, 2, 1, 1]
    close(found, expected)


def test_cores_do_not_cut_the_rows_of_one_loop(monkeypatch):
    for name, value in (("LEAST_ROWS", 1), ("LEAST_PRODUCTS", 0), ("cores", lambda: 4)):
        monkeypatch.setattr(engine.backend(), name, value)
    one, two = pair(make("gru", "zoneout"))
    found, expected = (
        tf.function(told, autograph=False)(both, X, training=True) for both in (one, two)
    )
    close(found, expected)


@pytest.mark.parametrize("name", OF_THEIR_OWN)
def test_weights_of_a_cells_own_are_refused(name):
    layer = layers.Recurrent(make(name, "plain", "float32"))
    with pytest.raises(ValueError, match="has weights besides W, U and b"):
        layers.Bidirectional(layer, together=True)(X)
    with recurrence.compiled():  # and not chosen
        assert layers.Bidirectional(layer)(X[:1]).shape == (1, 2 * layer.cell.output_size)


@pytest.mark.parametrize(
    ("layer", "other", "said"),
    [
        (layers.GRU(H, reset_after=False), None, "the route 'scan' has no loop"),
        (layers.GRU(H), layers.GRU(H, activation="relu", go_backwards=True), "different arguments"),
        (layers.GRU(H), layers.LSTM(H, go_backwards=True), "different arguments"),
        (layers.GRU(H, dtype="float16"), None, "GRU computes in float16, not in float32"),
        (layers.GRU(H), layers.GRU(H, route="loop", go_backwards=True), "routes of their own"),
        (layers.TimeDelay(cells.get("time_delay", H)), None, "TimeDelay runs by itself"),
        (keras.layers.GRU(H), None, "GRU runs by itself"),
    ],
)
def test_layers_that_cannot_share_a_loop_are_refused(layer, other, said):
    with pytest.raises(ValueError, match=rf"`together` must be False or None .*{said}"):
        layers.Bidirectional(layer, backward_layer=other, together=True)(X)


class Tripled(layers.Recurrent):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(3 * sequences, initial_state, mask, training)


class Gained(cells.SimpleRNNCell):
    """Does not tell its gain."""

    def __init__(self, units, gain=1.0, **options):
        super().__init__(units, **options)
        self.gain = gain


def test_a_layer_or_a_cell_that_may_do_more_than_the_engine_knows_is_refused():
    more = layers.Recurrent(Gained(H)), layers.Recurrent(Gained(H, 3.0), go_backwards=True)
    for given, said in (
        ({"layer": Tripled(cells.get("gru", H))}, "Tripled runs by itself"),
        ({"layer": more[0], "backward_layer": more[1]}, "Gained.get_config.. does not tell gain"),
    ):
        own = keras.saving.custom_object_scope({"Tripled": Tripled, "Gained": Gained})
        with own, pytest.raises(ValueError, match=said):
            layers.Bidirectional(**given, together=True)(X)
    with keras.RematScope(mode="full"):
        both = layers.Bidirectional(layers.GRU(H), together=True)
    with pytest.raises(ValueError, match="is computed anew for its gradient"):
        both(X)


def test_other_threads_do_not_take_its_results():
    layer, x = layers.GRU(H, return_sequences=True), X.astype("float32")
    both = layers.Bidirectional(layers.GRU(H, return_sequences=True), together=True)
    expected = [both(x), layer(x)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(60):
            close(list(pool.map(lambda one: one(x), (both, layer))), expected, 1e-6)


def test_another_batch_than_the_kept_states_is_refused_as_by_one_layer():
    both = layers.Bidirectional(layers.GRU(H, stateful=True), together=True)
    both(X)
    with pytest.raises(ValueError, match="batch size"):
        both(X[:3])


def test_a_value_that_it_cannot_have_is_refused():
    with pytest.raises(ValueError, match="`together` must be True, False or None, got 'yes'"):
        layers.Bidirectional(layers.GRU(H), together="yes")


def test_steps_that_are_watched_are_run_one_by_one():
    both = layers.Bidirectional(layers.GRU(H), together=True)
    with recurrence.watched(engine.run_steps), pytest.raises(ValueError, match="step is watched"):
        both(X)
