"""A checkpoint holds all that decides how a training goes on, or is refused."""

import keras
import numpy as np
import pytest

from kerasrnn.errors import UserError
from kerasrnn.training import checkpoint

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 6)).astype(np.float32), RNG.normal(size=(16, 1)).astype(np.float32)
STATE = {"step": 3, "elapsed": 1.25, "history": [{"epoch": 1, "sample": "ü⏎\ud800"}]}


def fresh(units=5, seed=1, policy="float32"):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(units, dtype=policy), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.AdamW(0.1), "mse")
    return model


def train(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y)


@pytest.fixture(scope="module")
def trained():
    model = fresh()
    train(model, 3)
    return model


@pytest.fixture
def saved(trained, tmp_path):
    path = tmp_path / "checkpoints" / "last.npz"
    checkpoint.save(path, trained, STATE)
    return path


def test_a_training_that_went_on_from_a_checkpoint_equals_one_that_never_stopped(tmp_path):
    model = fresh()
    train(model, 3)
    checkpoint.save(tmp_path / "last.npz", model, STATE)
    train(model, 4)
    other = fresh(seed=99)
    assert checkpoint.load(tmp_path / "last.npz", other) == STATE
    train(other, 4)
    for ours, theirs in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(other.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_bfloat16_variables_come_back_exactly(tmp_path):
    model, other = fresh(policy="bfloat16"), fresh(policy="bfloat16", seed=2)
    train(model, 1)
    checkpoint.save(tmp_path / "last.npz", model, STATE)
    checkpoint.load(tmp_path / "last.npz", other)
    assert {str(v.dtype) for v in other.layers[0].weights} == {"bfloat16"}
    for ours, theirs in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.float32(ours), np.float32(theirs))


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"hello",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: flipped(data, len(data) // 2),
        lambda data: flipped(data, 0),
    ],
    ids=["empty", "text", "half", "less one byte", "one bit in the middle", "another kind"],
)
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(saved, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    model = fresh(seed=2)
    before = [np.array(v) for v in model.weights]
    with pytest.raises(UserError, match=r"last\.npz does not fit this run"):
        checkpoint.load(saved, model)
    for ours, theirs in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_of_another_model_is_refused(saved):
    for other in (fresh(units=4), keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])):
        other.compile("sgd", "mse")
        with pytest.raises(UserError, match="does not fit this run"):
            checkpoint.load(saved, other)
