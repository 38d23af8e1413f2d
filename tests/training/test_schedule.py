"""The learning rate by progress, and the clock that progress is read from."""

import math
from types import SimpleNamespace

import pytest

from kerasrnn.training import schedule
from kerasrnn.training.schedule import Pace, learning_rate


def config(**values):
    return SimpleNamespace(**({"learning_rate": 2.0, "warmup": 0.2, "decay": "cosine"} | values))


@pytest.mark.parametrize(
    ("decay", "progress", "rate"),
    [
        ("cosine", 0.0, 0.02),
        ("cosine", 0.1, 1.0),
        ("cosine", 0.2, 2.0),
        ("cosine", 0.4, 2.0 * (1 + math.cos(math.pi / 4)) / 2),
        ("cosine", 0.6, 1.0),
        ("cosine", 1.0, 0.002),
        ("cosine", 1.7, 0.002),
        ("linear", 0.1, 1.0),
        ("linear", 0.4, 1.5),
        ("linear", 0.8, 0.5),
        ("linear", 1.0, 0.002),
        ("constant", 0.1, 1.0),
        ("constant", 0.2, 2.0),
        ("constant", 1.0, 2.0),
    ],
)
def test_the_rate_rises_and_then_decays_as_configured(decay, progress, rate):
    assert learning_rate(config(decay=decay), progress) == pytest.approx(rate)


def test_without_a_warmup_the_rate_begins_at_its_highest():
    assert learning_rate(config(warmup=0.0), 0.0) == 2.0


def paced(monkeypatch, *, total=None, seconds=None, **start):
    """A pace over a clock that the test moves, and a model that only holds what pace sets."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(schedule.time, "perf_counter", lambda: clock.now)
    pace = Pace(config(decay="linear", warmup=0.0), total, seconds, **start)
    pace.set_model(SimpleNamespace(optimizer=SimpleNamespace(), stop_training=False))

    def batch(duration):
        pace.on_train_batch_begin(0)
        clock.now += duration
        pace.on_train_batch_end(0)
        return pace.model.optimizer.learning_rate

    return pace, clock, batch


def test_the_last_step_ends_the_training_and_sets_the_rates_between(monkeypatch):
    pace, _, batch = paced(monkeypatch, total=4, step=1)
    pace.on_epoch_begin(0)
    rates = []
    while not pace.model.stop_training:
        rates.append(batch(9.0))
    assert rates == pytest.approx([1.5, 1.0, 0.5])
    assert pace.step == 4


def test_the_clock_leaves_out_the_first_batch_and_what_lies_between_epochs(monkeypatch):
    pace, clock, batch = paced(monkeypatch, seconds=10.0, elapsed=2.0)
    pace.on_epoch_begin(0)
    batch(60.0)  # compiles
    assert pace.elapsed == 2.0
    batch(1.5)
    clock.now += 500.0  # judging
    pace.on_epoch_begin(1)
    assert batch(2.5) == pytest.approx(2.0 * 0.65)
    assert pace.elapsed == pytest.approx(6.0)
    assert not pace.model.stop_training
    batch(4.0)
    assert pace.model.stop_training


def test_progress_is_the_larger_of_steps_and_time(monkeypatch):
    pace, _, batch = paced(monkeypatch, total=100, seconds=10.0)
    pace.on_epoch_begin(0)
    batch(1.0)
    assert pace.progress == 0.01
    batch(5.0)
    assert pace.progress == 0.5
