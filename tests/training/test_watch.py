"""A loss or a gradient that breaks: its batch is named and kept, and so is what came before it."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerasrnn.errors import UserError
from kerasrnn.run import Run
from kerasrnn.training.watch import named
from tests.training.small import COUNT, Small


def root_error(y, p):
    """Finite where p is y, but its gradient is not."""
    return ops.sqrt(ops.square(y - p))


def broken(tmp_path, index, turn, message, *, x=None, y=None, **options):
    """A training that batch `index` breaks, in pass `turn` at the latest."""
    small = Small(tmp_path, options.pop("config", {}), **options)
    for array, value in ((small.x, x), (small.y, y)):
        if value is not None:
            array[index] = value
    with pytest.raises(UserError) as caught:
        small.run()
    assert re.search(message, str(caught.value))
    assert f"at batch {index + 1} of {COUNT} of pass {turn}, which is kept in" in str(caught.value)
    assert "\n" not in str(caught.value)
    with np.load(tmp_path / "checkpoints" / "bad_batch.npz", allow_pickle=False) as kept:
        assert int(kept["number"]) == (turn - 1) * COUNT + index
        np.testing.assert_array_equal(kept["x"], small.x[index])
        np.testing.assert_array_equal(kept["y"], small.y[index])
    return small


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_batch_whose_loss_is_no_number_is_named_and_kept(tmp_path, value):
    small = broken(tmp_path, 7, 1, f"The loss must stay finite, got {value}", y=value)
    # the report after batch 5, whose weights are the last that are kept
    assert len(small.judged) == 1
    with np.load(tmp_path / "checkpoints" / "last.npz") as last:
        np.testing.assert_array_equal(last["model/1"], small.judged[0])


@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_gradient_that_is_no_number_is_laid_to_its_own_batch(tmp_path, accumulate):
    message = r"The gradient must stay finite, got one that is not \(loss 0\)"
    zero = {"x": 0.0, "y": 0.0, "loss": root_error, "config": {"accumulate": accumulate}}
    broken(tmp_path, 2, 1, message, **zero)


def test_a_loss_that_explodes_at_once_is_stopped(tmp_path):
    message = "must stay below 100 times what it was at first, .*, got .*e\\+"
    broken(tmp_path, 2, 1, message, y=1e9)


def test_a_loss_that_explodes_is_stopped(tmp_path):
    message = "must stay below 100 times what it was at first, .*, got .*e\\+"
    small = Small(tmp_path, {"epochs": 9})
    training = small.training()
    at, big = training.batches.at, tf.constant(1e4)

    def later(turn, index):  # in the second pass
        x, y = at(turn, index)
        return x, tf.where((turn == 1) & (index == 3), y * big, y)

    training.batches = type(training.batches)(COUNT, later)
    with pytest.raises(UserError, match=message) as caught:
        training.run(False)
    assert "at batch 4 of 10 of pass 2" in str(caught.value)


def test_a_resumed_training_still_knows_how_large_the_loss_was(tmp_path):
    first = Small(tmp_path, {"epochs": 2})
    known = first.run().watch.state
    assert known["seen"] == COUNT
    again = Small(tmp_path, {"epochs": 4})
    assert again.run(resume=True).watch.state == known


def test_a_batch_is_kept_by_name_without_pickles():
    batch = {"text": np.array([b"caf\xc3\xa9", b"\xff"], object), "n": np.array([1, 2])}, 3.0, 1
    kept = dict(named(batch))
    assert list(kept) == ["x/text", "x/n", "y", "weights"]
    assert kept["x/text"].tolist() == ["café", "\\xff"]
    half = tf.constant([1.5], tf.bfloat16).numpy()
    assert dict(named((half, half)))["x"].dtype == np.float32


def test_float16_skips_what_overflows_and_goes_on(tmp_path):
    small = Small(tmp_path, {})
    keras.config.set_dtype_policy("mixed_float16")
    try:
        training = small.training()
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = training.model.optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    optimizer.initial_scale = 2.0**40  # overflows, until it has been halved often enough
    training.run(False)
    assert len(training.history) == 4
    assert float(optimizer.dynamic_scale) < 2.0**40
    assert int(optimizer.iterations) < training.pace.step


def test_after_a_bad_batch_a_run_goes_on_with_a_lower_rate(tiny, command, tmp_path):
    source = tiny("char_lm").source
    out = ("--data", source, "--preset", "tiny", "--out", tmp_path / "run", "--epochs", 1)
    quick = ("--set", "units=4", "--set", "epoch_steps=9", "--set", "optimizer=adamw")
    wild = ("--set", "learning_rate=1e38", "--set", "clip_norm=1e30")
    answer = command("train", "char_lm", *out, *quick, *wild)
    assert answer.code == 2
    assert "by --resume with a lower --set learning_rate" in answer.err.splitlines()[-1]
    assert (tmp_path / "run" / "checkpoints" / "bad_batch.npz").is_file()
    calm = ("--set", "learning_rate=0.01", "--set", "clip_norm=1")
    answer = command("train", "char_lm", "--out", tmp_path / "run", "--resume", *calm)
    assert answer.code == 0, answer.err
    run = Run(tmp_path / "run")
    assert (run.config.learning_rate, run.config.clip_norm) == (0.01, 1.0)
    refused = command("train", "char_lm", "--out", tmp_path / "run", "--resume", "--set", "units=5")
    assert refused.code == 2
    assert "it cannot go on with" in refused.err
