"""What several processes agree upon and refuse; tests/conformance/test_together.py has two real ones."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.errors import UserError
from kerasrnn.training.distribution import AgreedPace, Team, own
from kerasrnn.training.gathering import gathered
from kerasrnn.training.learning import LearningConfig
from kerasrnn.training.shared_step import SharedStep

HOSTS = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "got none"),
        ("{", "got '{'"),
        (json.dumps({"cluster": HOSTS}), "task"),
        (json.dumps({"cluster": HOSTS, "task": {"type": "worker", "index": 2}}), "out of range"),
        (json.dumps({"cluster": HOSTS, "task": {"type": "worker", "index": -1}}), "none of its"),
        (json.dumps({"cluster": HOSTS, "task": {"type": "ps", "index": 0}}), "ps"),
        (json.dumps({"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}), "others"),
        (json.dumps({"cluster": HOSTS, "task": FIRST | {"index": float("inf")}}), "infinity"),
        (json.dumps({"cluster": [], "task": FIRST}), "not lists of addresses"),
        (json.dumps({"cluster": "a:1", "task": FIRST}), "not lists of addresses"),
        (json.dumps({"cluster": {"worker": "host:1"}, "task": FIRST}), "not lists of addresses"),
        (json.dumps({"cluster": {"worker": {"a:1": 2}}, "task": FIRST}), "not lists of addresses"),
        (json.dumps({"cluster": {"worker": [1, 2]}, "task": FIRST}), "has 1, which is not host:p"),
        (json.dumps({"cluster": {"worker": ["a:1", "b"]}, "task": FIRST}), "has 'b', which is not"),
        (json.dumps({"cluster": {"worker": ["a:1", "b:x"]}, "task": FIRST}), "has 'b:x', which is"),
        (json.dumps({"cluster": {"worker": ["a:1", "a:1"]}, "task": FIRST}), "an address twice"),
        (json.dumps({"cluster": HOSTS | {"chief": ["b:2"]}, "task": FIRST}), "an address twice"),
        pytest.param("[" * 100_000, "recursion", id="deep"),
    ],
)
def test_an_environment_that_does_not_say_who_trains_is_refused(given, reason, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if given:
        monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(UserError, match=f"TF_CONFIG must say who trains.*{reason}"):
        gathered("multi-worker")


def test_one_worker_or_one_device_is_a_training_alone(monkeypatch):
    alone = {"cluster": {"worker": ["a:1"]}, "task": FIRST}
    monkeypatch.setenv("TF_CONFIG", json.dumps(alone))
    for way in ("none", "multi-worker", "mirrored:1"):
        team = gathered(way)
        assert type(team) is Team
        assert (team.part, team.parts, team.chief) == (0, 1, True)


@pytest.mark.parametrize("way", ["", "all", "mirrored:0", "mirrored:x", "mirrored:", "mirrored:-2"])
def test_there_are_no_other_ways(way, command, tmp_path):
    answer = command("train", "char_lm", "--out", tmp_path / "run", "--distribute", way)
    assert answer.code == 2
    assert answer.err.startswith("kerasrnn: `distribute` must be none, mirrored, mirrored:N or")
    assert not (tmp_path / "run").exists()


def test_several_processes_must_begin_before_tensorflow_does(command, tmp_path, monkeypatch):
    tf.constant(1) + 1
    task = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}}
    task |= {"task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    with pytest.raises(UserError, match="must begin before TensorFlow"):
        gathered("multi-worker")


class Heard:
    """A team whose chief's clock is told."""

    def __init__(self):
        self.clock, self.said = 0.0, []

    def say(self, seconds):
        self.said.append(seconds)


def test_every_process_ends_by_the_chiefs_clock_not_by_its_own():
    team = Heard()
    pace = AgreedPace(team, LearningConfig(), None, 10.0)
    pace.set_model(keras.Sequential([keras.layers.Dense(1)]))
    pace.model.compile(keras.optimizers.Adam())
    pace.on_epoch_begin(0)
    rates = []
    for clock in (0.0, 4.0, 9.0, 10.5):
        pace.model.stop_training = False
        pace.on_train_batch_begin(0)
        rates.append(float(pace.model.optimizer.learning_rate))
        team.clock = clock  # arrives with the step's gradients
        pace.on_train_batch_end(0)
    assert pace.elapsed == 10.5
    assert pace.model.stop_training
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True)
    assert max(team.said) < 5  # what this process's own clock shows


def test_rows_of_others_are_zero_and_the_sum_is_the_whole():
    rows = np.arange(1.0, 13.0).reshape(6, 2)
    parts = [own(rows, number, 3) for number in range(3)]
    np.testing.assert_array_equal(sum(parts), rows)
    np.testing.assert_array_equal(parts[1][[0, 1, 4, 5]], 0)


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


class OwnLoss(keras.Sequential):
    def compute_loss(self, *arguments, **options):
        return super().compute_loss(*arguments, **options)


@pytest.mark.parametrize(
    ("kind", "loss", "xla", "reason"),
    [
        (OwnStep, "mse", False, "OwnStep has a training step of its own"),
        (OwnLoss, "mse", False, "OwnLoss's is not known to be one"),
        (keras.Sequential, keras.losses.MeanSquaredError("sum"), False, "is sum"),
        (keras.Sequential, ["mse"], False, "is not known"),
        (keras.Sequential, "mse", True, "`jit` must be off here"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(kind, loss, xla, reason):
    layers = [keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    model = kind(layers)
    model.compile("sgd", loss)
    with pytest.raises(UserError, match=reason):
        SharedStep(Team(), model, xla)


def test_a_batch_that_does_not_divide_is_refused(samples, tmp_path):
    from kerasrnn.apps.char_lm import PRESETS
    from kerasrnn.learning import carried_out
    from kerasrnn.settings import to_json

    class Three(Team):
        parts = 3

    values = {"app": "char_lm", "config": to_json(PRESETS["tiny"])}
    with pytest.raises(UserError, match="multiple of their number, got 8 for 3"):
        carried_out(Three(), {"folder": str(tmp_path), "values": values})
