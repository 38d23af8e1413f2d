"""Scheduled sampling: the schedules' formulas, and the loop against one that is written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from kerasrnn.builders import many_to_many
from kerasrnn.layers import teacher_forcing
from kerasrnn.training import checkpoint
from kerasrnn.training.scheduled_sampling import ScheduledSampling

B, T, V, H = 3, 5, 6, 4
RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, V, (B, T))
NEXT = RNG.integers(0, V, (B, T))
ALWAYS, NEVER = teacher_forcing.LinearDecay(0.0), teacher_forcing.LinearDecay(0.0, start=0.0)


def network():
    keras.utils.set_random_seed(1)
    sizes = {"vocabulary": V, "classes": V, "embedding_size": 3}
    return many_to_many("lstm", units=H, inputs="embedding", carry=True, **sizes)


def compiled(model, jit=False):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss, jit_compile=jit)
    return model


def test_the_schedules_are_the_papers():
    at = np.arange(0, 2000, 100)
    formulas = {
        teacher_forcing.LinearDecay(0.001, floor=0.25): np.maximum(0.25, 1 - 0.001 * at),
        teacher_forcing.ExponentialDecay(0.999): 0.999**at,
        teacher_forcing.InverseSigmoidDecay(50.0): 50 / (50 + np.exp(at / 50)),
    }
    for schedule, expected in formulas.items():
        np.testing.assert_allclose([schedule(i) for i in at], expected, rtol=2e-4, atol=1e-7)
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
        assert type(again) is type(schedule)
        assert vars(again) == vars(schedule)


def test_with_the_teacher_always_there_it_is_plain_training():
    ours, plain = ScheduledSampling(network(), ALWAYS), network()
    compiled(ours).fit(TOKENS, NEXT, epochs=2, verbose=0)
    zeros = [np.zeros((B, H), "float32")] * 2
    plain = keras.Model(plain.inputs, plain.outputs[0])
    compiled(plain).fit([TOKENS, *zeros], NEXT, epochs=2, verbose=0)
    for a, b in zip(ours.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_without_a_teacher_it_goes_on_from_its_likeliest_words():
    model = network()
    states = [tf.constant(RNG.normal(size=(B, H)).astype("float32")) for _ in range(2)]
    found = ScheduledSampling(model, NEVER, sample=False)([TOKENS, *states], training=True)
    token = tf.constant(TOKENS[:, :1])
    for t in range(T):
        logits, *states = model([token, *states])
        np.testing.assert_allclose(found[:, t], logits[:, 0], rtol=1e-4, atol=1e-5)
        token = tf.argmax(logits, axis=-1)


def test_draws_follow_the_distribution():
    model = network()  # answers the same at each step: what was drawn, and 10 for its first token
    chances = np.array([0.4, 0.3, 0.2, 0.1, 0, 0])
    answer = model.get_layer("outputs")
    answer.kernel.assign(np.zeros((H, V)))
    answer.bias.assign(np.log(chances + 1e-12))
    tokens = keras.Input((None,), dtype="int32")
    told = keras.ops.one_hot(tokens, V) * 1e-3 + answer.bias
    spy = keras.Model([tokens, *model.inputs[1:]], [told, *model.inputs[1:]])
    many = np.zeros((500, 9), "int32")
    said = ScheduledSampling(spy, NEVER, seed=1)(many, training=True)
    read = np.argmax(said - answer.bias.numpy(), axis=-1)[:, 1:]
    shares = np.bincount(read.ravel(), minlength=V) / read.size
    np.testing.assert_allclose(shares, chances, atol=0.02)


def test_coins_follow_the_schedule():
    teacher = layers.TeacherForcing(teacher_forcing.LinearDecay(0.25), seed=1)
    shares = [float(np.mean(teacher.coins((100, 200)))) for _ in range(6)]
    np.testing.assert_allclose(shares, [1, 0.75, 0.5, 0.25, 0, 0], atol=0.02)


def test_it_learns_in_a_compiled_fit_and_goes_on_from_a_checkpoint_and_a_file(tmp_path):
    def made():
        schedule = teacher_forcing.InverseSigmoidDecay(10.0)
        return compiled(ScheduledSampling(network(), schedule, seed=1), jit=True)

    short, after = TOKENS[:, :3], NEXT[:, :3]
    fit = {"batch_size": B, "shuffle": False, "verbose": 0}
    model = made()
    history = model.fit(short, after, epochs=30, **fit).history["loss"]
    assert history[-1] < history[0]
    assert int(model.teacher.updates.numpy()) == 30
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    asked = [one(TOKENS).numpy() for one in (model, loaded)]
    np.testing.assert_array_equal(*asked)
    assert int(loaded.teacher.updates.numpy()) == 30
    checkpoint.save(tmp_path / "c.npz", model, {})
    again = made()
    checkpoint.load(tmp_path / "c.npz", again)
    for one in (model, again):
        one.fit(short, after, epochs=2, **fit)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_an_output_recurrent_layer_learns_from_a_mixture_of_its_own_and_right_answers():
    keras.utils.set_random_seed(1)
    x, right = keras.Input((T, 2)), keras.Input((T, V))
    layer = layers.OutputRecurrent(cells.OutputRecurrentCell(H, V), return_sequences=True)
    own = keras.ops.softmax(layer(x))
    own = keras.ops.concatenate([right[:, :1], own[:, :-1]], axis=1)
    mixed = layers.TeacherForcing(NEVER, seed=1)(right, own)
    model = compiled(keras.Model([x, right], layer(x, teacher=mixed)), jit=True)
    xs = RNG.normal(size=(B, T, 2)).astype("float32")
    late = np.eye(V, dtype="float32")[TOKENS]
    forced = model([xs, late], training=True)
    asked = model([xs, late], training=False)
    expected = layer(xs, teacher=late)
    np.testing.assert_allclose(asked, expected, rtol=1e-4, atol=1e-5)
    answers = np.concatenate([late[:, :1], keras.ops.softmax(layer(xs))[:, :-1]], axis=1)
    np.testing.assert_allclose(forced, layer(xs, teacher=answers), rtol=1e-4, atol=1e-5)
    assert np.isfinite(model.fit([xs, late], NEXT, verbose=0).history["loss"][0])


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"`k` must be in \(0, 1\), got 1"):
        teacher_forcing.ExponentialDecay(1)
    with pytest.raises(ValueError, match="`k` must be at least 1, got 0"):
        teacher_forcing.InverseSigmoidDecay(0)
