"""An app as any tuner of KerasTuner has it, and trials in processes of their own."""

import subprocess
import sys
import time
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner import HyperParameters
from keras_tuner.errors import FailedTrialError

from kerasrnn import tuning
from kerasrnn.settings import replace
from kerasrnn.tuning import isolated
from kerasrnn.tuning.isolated import CHILD
from tests.tuning.searches import CHAR, SMALL


@pytest.mark.usefixtures("few_units")
def test_any_tuner_of_kerastuner_takes_an_app(text, tmp_path):
    hyper = tuning.HyperApp("char_lm", text, preset="tiny", settings=SMALL)
    tuner = keras_tuner.RandomSearch(
        hyper, hyper.objective, max_trials=1, directory=str(tmp_path), project_name="own"
    )
    tuner.search(epochs=1, verbose=0)
    (hp,) = tuner.get_best_hyperparameters()
    assert hyper.config(hp).units == (hp.get("units"),)
    (model,) = tuner.get_best_models()
    assert model.count_params() == hyper.build(hp).count_params()


def char_hyper(text, *settings, **more):
    return tuning.HyperApp("char_lm", text, preset="tiny", settings=(*SMALL, *settings), **more)


def trained(hyper, stopped_after):
    """Scores of a trial's epochs, what a callback is told of them, and the weights that it leaves."""
    told = []

    class Seen(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            told.append((epoch, logs["loss"], self.model.get_weights()[0].sum()))
            self.model.stop_training |= epoch + 1 == stopped_after

    model = hyper.build(HyperParameters())
    found = hyper.fit(HyperParameters(), model, epochs=4, initial_epoch=1, callbacks=[Seen()])
    assert [epoch for epoch, *_ in told] == found.epoch
    return found.history["valid_nats_per_char"], told, model.get_weights()


@pytest.mark.parametrize(("stopped_after", "epochs"), [(9, 3), (2, 1)])
def test_a_trial_in_a_process_of_its_own_is_the_same_trial(text, stopped_after, epochs):
    own, here = (
        trained(char_hyper(text, "units=5", "dropout=0.2", isolated=alone, seed=3), stopped_after)
        for alone in (True, False)
    )
    assert len(own[0]) == epochs
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), own, here
    )


@pytest.mark.parametrize("given", [{}, {"tuner/epochs": 2}])
def test_the_state_of_the_optimizer_comes_with_the_weights_where_another_trial_may_go_on(
    text, given
):
    def state(isolated):
        hyper, hp = char_hyper(text, "units=5", isolated=isolated), HyperParameters()
        hp.values |= given
        model = hyper.build(hp)
        hyper.fit(hp, model, epochs=2)
        return [np.asarray(v) for v in model.optimizer.variables]

    own, here = state(True), state(False)
    assert len(own) == (len(here) if given else 2), "else its steps and its rate alone"
    assert own[0] == here[0] == 2 * 3
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), own, here[: len(own)]
    )


@pytest.mark.parametrize(("how", "said"), [("kill", "ended by SIGKILL"), ("leave", "exit code 3")])
def test_a_trial_whose_process_is_ended_has_failed(text, how, said, monkeypatch):
    end = {"kill": "os.kill(os.getpid(), 9)", "leave": "os._exit(3)"}[how]
    monkeypatch.setattr(isolated, "CHILD", f"import os; {end}")
    hyper = char_hyper(text)
    with pytest.raises(FailedTrialError, match=said):
        hyper.fit(HyperParameters(), hyper.build(HyperParameters()), epochs=1)


def test_what_fails_in_a_process_of_its_own_is_told(text, monkeypatch):
    def space(hp, config):
        return replace(config, learning_rate=3e38)

    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", space)
    hyper = char_hyper(text, "optimizer=adamw")
    with pytest.raises(FailedTrialError, match="must stay finite, got nan"):
        hyper.fit(HyperParameters(), hyper.build(HyperParameters()), epochs=1)


def test_a_trial_ends_with_the_search_that_began_it(text, tmp_path):
    words = ("tune", "char_lm", "--data", text, "--preset", "tiny", "--out", str(tmp_path / "x"))
    words += ("--set", "epoch_steps=100000", "--trials", "1")
    command = [sys.executable, "-c", "from kerasrnn.cli import main; main()", *words]
    begun = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        (child,) = eventually(lambda: list(filter(learning, children(begun.pid))))
    finally:
        begun.kill()
        begun.wait()
    eventually(lambda: not Path(f"/proc/{child}").exists())


def learning(process: int) -> bool:
    """Whether a process is a trial that has TensorFlow; others, which look at the machine, end soon."""
    place = Path(f"/proc/{process}")
    try:
        begun = CHILD in (place / "cmdline").read_text()
        return begun and "tensorflow" in (place / "maps").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(process: int) -> list[int]:
    """Processes that `process` began."""
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def eventually(asked, seconds=60):
    end = time.monotonic() + seconds
    while not (answer := asked()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer
