"""Truncated back-propagation: states run on, rows begin anew, gradients stop at the chunk's edge."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.builders import many_to_many
from kerasrnn.training.truncated import TruncatedBPTT

B, T, V = 3, 8, 5
TOKENS = tf.constant(np.random.default_rng(1).integers(0, V, (B, T + 1)), tf.int32)
FRESH, RUNNING = np.ones(B, bool), np.zeros(B, bool)


@pytest.fixture
def network():
    keras.utils.set_random_seed(3)
    return many_to_many(
        "lstm", units=[6, 4], inputs="one_hot", vocabulary=V, classes=V, dropout=0.5, carry=True
    )


def zeros(network):
    return [tf.zeros((B, state.shape[-1])) for state in network.inputs[1:]]


def nats(logits, targets, weights):
    """The mean cross-entropy by its definition."""
    chances = logits - tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    taken = tf.reduce_sum(chances * tf.one_hot(targets, V), axis=-1)
    return -tf.reduce_sum(taken * weights) / tf.reduce_sum(weights)


def gradient(network, tokens, targets, weights, states):
    """d nats / d weights of the states-in, states-out model itself, and the last states."""
    with tf.GradientTape() as tape:
        logits, *states = network([tokens, *states])
        loss = nats(logits, targets, weights)
    return [g.numpy() for g in tape.gradient(loss, network.trainable_variables)], states


def step_of(model, tokens, reset, targets, weights):
    """What one training step by plain descent of rate 1 subtracts from each weight."""
    before = [v.numpy() for v in model.trainable_variables]
    inputs = {"tokens": tokens, "reset": reset}
    model.train_on_batch(inputs, targets, weights)
    changes = [a - v.numpy() for a, v in zip(before, model.trainable_variables, strict=True)]
    for variable, value in zip(model.trainable_variables, before, strict=True):
        variable.assign(value)
    return changes


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_training_over_two_chunks_is_full_bptt_of_each_from_the_states_of_the_one_before():
    keras.utils.set_random_seed(3)
    network = many_to_many("gru", units=6, inputs="one_hot", vocabulary=V, classes=V, carry=True)
    model = TruncatedBPTT(network, B)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.SGD(1.0), loss)
    weights = np.ones((B, T), np.float32)
    weights[0, 5:] = 0
    whole = TOKENS[:, :-1], TOKENS[:, 1:], weights
    expected, _ = gradient(network, *whole, zeros(network))
    same(step_of(model, whole[0], FRESH, *whole[1:]), expected)

    first, second = ([part[:, a : a + 4] for part in whole] for a in (0, 4))
    expected, states = gradient(network, *first, zeros(network))
    same(step_of(model, first[0], FRESH, *first[1:]), expected)
    expected, _ = gradient(network, *second, states)
    same(step_of(model, second[0], RUNNING, *second[1:]), expected)


def test_states_carried_over_chunks_equal_one_long_run_and_a_reset_row_begins_anew(network):
    model = TruncatedBPTT(network, B)
    whole, *_ = network([TOKENS, *zeros(network)])
    anew, *_ = network([TOKENS[:, 3:7], *zeros(network)])
    last, *_ = network([TOKENS[:, 7:], *network([TOKENS[:, 3:7], *zeros(network)])[1:]])
    got = [model({"tokens": TOKENS[:, :3], "reset": FRESH})]
    got.append(model({"tokens": TOKENS[:, 3:7], "reset": np.array([False, True, False])}))
    got.append(model({"tokens": TOKENS[:, 7:], "reset": RUNNING}))
    got = np.concatenate(got, axis=1)
    same(got[[0, 2]], whole.numpy()[[0, 2]])
    same(got[1, :3], whole[1, :3].numpy())
    same(got[1, 3:], np.concatenate([anew[1], last[1]]))


def test_dropout_is_drawn_anew_in_training_and_off_otherwise(network):
    model = TruncatedBPTT(network, B)

    def ask(training):
        return model({"tokens": TOKENS, "reset": FRESH}, training=training).numpy()

    assert not np.allclose(ask(True), ask(True))
    np.testing.assert_array_equal(ask(False), ask(False))


def test_a_saved_model_goes_on_where_it_was(network, tmp_path):
    model = TruncatedBPTT(network, B)
    model({"tokens": TOKENS[:, :4], "reset": FRESH})
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    inputs = {"tokens": TOKENS[:, 4:], "reset": np.array([False, False, True])}
    same(loaded(inputs).numpy(), model(inputs).numpy())
    assert [v.path.split("/")[-1] for v in loaded.carried] == [f"carried_{n}" for n in range(4)]
    assert not any(v.trainable for v in loaded.carried)
