"""Accumulation, averages, patience, the best weights, profiles: what a training does besides its steps."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.data.batching import Batches
from kerasrnn.errors import UserError
from kerasrnn.training import jit
from kerasrnn.training.learning import LearningConfig
from kerasrnn.training.optimizers import optimizer
from tests.training.small import WIDTH, Small, X, Y

KERNEL = "model/1"  # in a checkpoint, behind the state of the dropout


def kernel(small) -> np.ndarray:
    return small.model.trainable_variables[0].numpy()


def stored(path: Path) -> dict:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("by", ["adamw", "muon"])
def test_three_accumulated_batches_make_the_update_of_one_that_holds_them_all(by):
    weights = []
    for accumulate, batches in ((3, X[:3]), (1, X[:3].reshape(1, -1, WIDTH))):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(1)])
        config = LearningConfig(optimizer=by, accumulate=accumulate, clip_norm=0.5)
        model.compile(optimizer(config), "mse")
        for x, y in zip(batches, Y[:3].reshape(len(batches), -1, 1), strict=True):
            model.train_on_batch(x, y)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_mean_of_the_weights_is_judged_and_kept_while_training_goes_on_from_the_raw(tmp_path):
    every = {"epoch_steps": 1, "epochs": 6}
    plain = Small(tmp_path / "plain", every)
    plain.run()
    mean, expected = plain.judged[0], []
    for weights in plain.judged:
        mean = 0.8 * mean + 0.2 * weights
        expected.append(mean)
    ours = Small(tmp_path / "mean", every | {"average": 0.8})
    ours.run()
    np.testing.assert_allclose(ours.judged, expected, atol=1e-6)
    np.testing.assert_allclose(kernel(ours), expected[-1], atol=1e-6)
    raw = stored(tmp_path / "mean" / "checkpoints" / "last.npz")
    np.testing.assert_array_equal(raw[KERNEL], plain.judged[-1])


def test_patience_ends_the_training_and_the_best_weights_are_kept(tmp_path):
    small = Small(tmp_path, {"patience": 2, "epochs": 9}, scores=(5, 3, 4, 3, 1, 1))
    training = small.run()
    assert [row["valid_error"] for row in training.history] == [5, 3, 4, 3]
    assert training.kept_row["epoch"] == 2
    np.testing.assert_array_equal(kernel(small), small.judged[1])
    again = Small(tmp_path, {"patience": 2, "epochs": 9})
    assert again.run(resume=True).history == training.history
    np.testing.assert_array_equal(kernel(again), small.judged[1])


@pytest.mark.parametrize(("keep", "report"), [("last", 3), ("best", 1)])
def test_the_last_or_the_best_weights_are_kept_and_both_are_checkpoints(tmp_path, keep, report):
    small = Small(tmp_path, {"keep": keep}, scores=(5, 3, np.nan, 4))
    training = small.run()
    assert training.kept_row is training.history[report]
    np.testing.assert_array_equal(kernel(small), small.judged[report])
    for name, number in (("last", 3), ("best", 1)):
        arrays = stored(tmp_path / "checkpoints" / f"{name}.npz")
        np.testing.assert_array_equal(arrays[KERNEL], small.judged[number])


@pytest.mark.parametrize("lost", [False, True], ids=["between reports", "before best.npz"])
def test_a_killed_training_with_every_option_ends_with_the_same_bits(tmp_path, lost):
    options = {"accumulate": 3, "average": 0.7, "keep": "best"}
    scores = (5, 3, 4, 4)
    whole = Small(tmp_path / "whole", options, scores=scores)
    whole.run()
    killed = Small(tmp_path / "killed", options, scores=scores, killed=2)
    with pytest.raises(InterruptedError):
        killed.run()
    if lost:
        (tmp_path / "killed" / "checkpoints" / "best.npz").unlink()
    resumed = Small(tmp_path / "killed", options, scores=scores, judged=killed.judged)
    resumed.run(resume=True)
    np.testing.assert_array_equal(resumed.judged, whole.judged)
    for name in ("last", "best"):
        ours, theirs = (
            stored(tmp_path / run / "checkpoints" / f"{name}.npz") for run in ("killed", "whole")
        )
        for key in ours.keys() - {"state"}:
            np.testing.assert_array_equal(ours[key], theirs[key])


def test_a_profile_shows_some_steps_to_tensorboard(tmp_path, capsys):
    Small(tmp_path, {}).run(profile=True)
    (written,) = (tmp_path / "logs" / "plugins" / "profile").rglob("*.xplane.pb")
    assert b"MatMul" in written.read_bytes()
    Small(tmp_path / "short", {"epochs": 2}).run(profile=True)
    assert (
        "No profile: it shows what follows 10 batches, and there were 10."
        in capsys.readouterr().err
    )


def test_the_share_of_the_pipeline_and_the_memory_are_reported(tmp_path, capsys):
    small = Small(tmp_path, {})
    training = small.training()
    at = training.batches.at

    def slow(turn, index):
        tf.numpy_function(lambda: __import__("time").sleep(0.1), [], [])
        return at(turn, index)

    training.batches = type(training.batches)(training.batches.count, slow)
    training.run(False)
    found = training.measures
    assert found["steps"] == 20
    assert 0.2 < found["input_share"] <= 1  # also on a machine whose steps are slow
    assert found["peak_bytes"] > 50 * 2**20
    said = capsys.readouterr().err
    assert f"{WIDTH} weights in float32 on " in said
    assert f"{found['input_share']:.1%} of it waiting for batches" in said


def timed(monkeypatch, fast: bool):
    """Measured times that say that XLA is faster, or slower."""
    monkeypatch.setattr(jit, "WORTH", 0.0)
    monkeypatch.setattr(jit, "ROUNDS", 1)
    monkeypatch.setattr(jit.Times, "best", lambda self, xla: 1.0 if xla is fast else 2.0)


@pytest.mark.parametrize("fast", [True, False])
def test_auto_takes_the_faster_way_says_so_and_trains_nothing_twice(
    tmp_path, monkeypatch, capsys, fast
):
    told = []
    forced = Small(tmp_path / "forced", {})
    forced.run(xla=fast)
    timed(monkeypatch, fast)
    measured = Small(tmp_path / "measured", {})
    training = measured.run(xla=None, chosen=told.append)
    assert told == [fast]
    assert training.step.xla is fast
    assert measured.model.jit_compile is fast
    assert f"XLA {'on' if fast else 'off'}: " in capsys.readouterr().err
    np.testing.assert_array_equal(measured.judged, forced.judged)
    ours, theirs = (
        stored(tmp_path / name / "checkpoints" / "last.npz") for name in ("measured", "forced")
    )
    for key in ours.keys() - {"state"}:
        np.testing.assert_array_equal(ours[key], theirs[key])


def test_a_short_training_is_not_measured(tmp_path, capsys):
    Small(tmp_path / "a", {}).run(xla=None)
    assert "s of training are not worth measuring it." in capsys.readouterr().err
    Small(tmp_path / "b", {}).run(xla=None, max_minutes=1.9)
    assert "XLA off: so short a training" in capsys.readouterr().err


def test_batches_of_several_lengths_are_worth_measuring_in_longer_trainings_only():
    lengths = tf.constant([4, 7, 4, 7])
    ragged = Batches(4, lambda turn, index: (tf.zeros([2, lengths[index]]), tf.zeros([2])))
    assert jit.Times(None, ragged, {}, 3).shapes() == 2
    assert jit.Times(None, ragged, {}, 1).shapes() == 1
    model = keras.Sequential([keras.Input((None,)), keras.layers.Identity()])
    model.compile(loss="mse")
    found = jit.choose(model, ragged, {}, lambda step: 1.5 * jit.WORTH)  # no steps to measure
    assert found.why.endswith("so short a training is not worth measuring it.")
    assert found.compiling == 0


class Uncompilable(keras.layers.Layer):
    """What XLA cannot compile, as cuDNN's recurrence."""

    def __init__(self):
        super().__init__()
        self.supports_jit = False

    def call(self, x):
        return x


def test_xla_is_not_forced_on_what_it_cannot_compile(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keras.layers, "Dropout", lambda rate: Uncompilable())
    Small(tmp_path / "auto", {}).run(xla=None)
    assert "XLA off: a layer runs by cuDNN" in capsys.readouterr().err
    with pytest.raises(UserError, match="`jit` must be auto or off here"):
        Small(tmp_path / "on", {}).run(xla=True)
