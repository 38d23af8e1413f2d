"""Searches end with the best of their trials, whatever happens on the way."""

import json
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner import HyperParameters
from keras_tuner.errors import FailedTrialError

from kerasrnn import tuning
from kerasrnn.app import find_app
from kerasrnn.cli import tune
from kerasrnn.errors import UserError
from kerasrnn.settings import from_json, replace
from kerasrnn.tuning import hyper_app, isolated, report
from kerasrnn.tuning.search import UNSAID, _require_port, _resumed
from kerasrnn.tuning.trainer import Trainer

CHAR = find_app("char_lm")
SMALL = ("embedding_size=4", "epoch_steps=3")


@pytest.fixture
def few_units(monkeypatch):
    """A search space of small networks, in this process, so that a trial takes a second."""
    monkeypatch.setattr(hyper_app, "_leaves_memory", lambda: False)
    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", _space)


def _space(hp, config):
    return replace(
        config,
        units=(hp.Int("units", 2, 30, default=9),),
        learning_rate=hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"),
    )


@pytest.fixture
def text(tmp_path, samples):
    return str(samples["char_lm"].write(tmp_path))


def search(text, folder, **more):
    given = {"preset": "tiny", "settings": SMALL, "tuner": "random", "trials": 3, "epochs": 2}
    return tuning.search(CHAR, text, out=folder, **(given | more))


@pytest.mark.usefixtures("few_units")
def test_the_command_leaves_a_table_a_picture_a_preset_and_the_run_that_it_gives(
    text, tmp_path, command
):
    out = tmp_path / "tuned"
    words = ("--data", text, "--preset", "tiny", "--tuner", "bayesian", "--trials", 3)
    words += ("--epochs", 2, "--out", out, "--set", SMALL[0], "--set", SMALL[1], "--json")
    answer = command("tune", "char_lm", *words)
    assert answer.code == 0, answer.err
    found = answer.json
    scores = [trial["score"] for trial in found["trials"]]
    assert found["objective"] == "valid_nats_per_char"
    assert scores == sorted(scores)
    assert found["best"]["score"] == scores[0]
    assert (out / "plots" / "trials.png").stat().st_size > 5000
    assert len((out / "trials.csv").read_text().splitlines()) == 4
    history = (out / "best" / "history.csv").read_text().splitlines()
    kept = history[0].split(",").index("valid_nats_per_char")
    again = min(float(row.split(",")[kept]) for row in history[1:])
    assert again == pytest.approx(scores[0], rel=1e-4)
    best = command(
        "train", "char_lm", "--data", text, "--preset", out / "best.json", "--epochs", 1,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert best.code == 0, best.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert config["units"] == [found["best"]["values"]["units"]]


@pytest.mark.usefixtures("few_units")
def test_a_longer_search_trains_its_new_best_in_place_of_the_old_one(text, tmp_path, command):
    out, found = tmp_path / "tuned", []
    words = ("--data", text, "--preset", "tiny", "--tuner", "random", "--epochs", 1, "--out", out)
    words += ("--set", SMALL[0], "--set", SMALL[1])
    for more in (("--trials", 1), ("--trials", 3, "--resume")):
        answer = command("tune", "char_lm", *words, *more)
        assert answer.code == 0, answer.err
        found.append(json.loads((out / "best.json").read_text()))
        assert json.loads((out / "best" / "config.json").read_text())["config"] == found[-1]
        assert (out / "best" / "model.keras").is_file()
    assert found[0] != found[1]
    first, second = (from_json(type(CHAR.preset("tiny")), values) for values in found)
    assert tune._is_run_of(second, out / "best")
    assert not tune._is_run_of(first, out / "best")
    (out / "best" / "config.json").unlink()  # as when ended amid the old run's removal
    assert not tune._is_run_of(second, out / "best")


@pytest.mark.usefixtures("few_units")
def test_a_search_that_was_killed_does_its_trial_again_and_goes_on(text, tmp_path, monkeypatch):
    whole = search(text, tmp_path / "whole")
    fit, calls = Trainer.fit, []

    def killed(self, config, *more):
        calls.append(config)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(self, config, *more)

    monkeypatch.setattr(Trainer, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        search(text, tmp_path / "cut")
    with pytest.raises(UserError, match="must be new"):
        search(text, tmp_path / "cut")
    found = search(text, tmp_path / "cut", resume=True)
    assert [t.values for t in found.trials] == [t.values for t in whole.trials]
    np.testing.assert_allclose(
        [t.score for t in found.trials], [t.score for t in whole.trials], rtol=1e-4
    )
    assert len(calls) == 4
    assert calls[1] == calls[2]


@pytest.mark.usefixtures("few_units")
def test_a_search_goes_on_to_as_many_trials_as_were_begun_and_as_no_other(
    text, tmp_path, monkeypatch
):
    out, record = tmp_path / "x", tmp_path / "x" / "search.json"
    assert len(search(text, out, trials=1, epochs=1).trials) == 1

    def resumed(**given):
        return tuning.search(CHAR, out=out, resume=True, **given)

    assert len(resumed(trials=2).trials) == 2
    assert json.loads(record.read_text())["trials"] == 2
    monkeypatch.setattr(Trainer, "fit", None)  # there is nothing left to train
    assert len(resumed(tuner="random", epochs=1, preset="tiny", settings=SMALL).trials) == 2
    for given, said in (
        ({"tuner": "bayesian"}, "tuner=random, it cannot go on with bayesian"),
        ({"epochs": 3}, "epochs=1, it cannot go on with 3"),
        ({"seed": 7}, "seed=0, it cannot go on with 7"),
        ({"settings": ("units=4",)}, r"settings=\['.*'\], it cannot go on with \['units=4'\]"),
        ({"preset": "small"}, "preset=tiny, it cannot go on with small"),
        ({"max_minutes": 2.0}, "max_minutes=None, it cannot go on with 2.0"),
        ({"max_parameters": 9}, "max_parameters=None, it cannot go on with 9"),
        ({"data": tmp_path}, "data=.*, it cannot go on with "),
    ):
        with pytest.raises(UserError, match=said):
            resumed(**given)
    begun = json.loads(record.read_text())
    assert begun.pop("trials") == 2
    record.write_text(json.dumps(begun))  # as it was written before it held them
    assert _resumed(record, {}, ())["trials"] == 20


@pytest.mark.usefixtures("few_units")
def test_too_large_and_diverging_models_are_recorded_and_the_search_goes_on(
    text, tmp_path, monkeypatch
):
    fit, calls = Trainer.fit, []

    def sometimes(self, config, *more):
        calls.append(config)
        if len(calls) == 1:
            raise MemoryError("no room for it")
        return fit(self, config, *more)

    monkeypatch.setattr(Trainer, "fit", sometimes)
    found = search(text, tmp_path / "some", trials=5, max_parameters=4000)
    failures = [trial.failure for trial in found.trials if trial.failure]
    assert found.trials[0].score is not None
    assert any("no room for it" in failure for failure in failures)
    assert any("parameters, more than 4,000" in failure for failure in failures)
    report.draw(found, tmp_path / "trials.png")
    with pytest.raises(
        UserError, match=r"Every trial failed; the first with: The model has .* more than 10"
    ):
        search(text, tmp_path / "none", trials=2, max_parameters=10)


def test_a_loss_that_is_not_finite_fails_its_trial(text, tmp_path, monkeypatch):
    def space(hp, config):
        return replace(config, learning_rate=hp.Float("learning_rate", 1e38, 3e38))

    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", space)
    with pytest.raises(UserError, match=r"Every trial failed; the first with: .*must stay finite"):
        search(text, tmp_path / "nan", trials=1, settings=("optimizer=adamw",))


@pytest.mark.usefixtures("few_units")
def test_hyperband_goes_on_from_the_weights_of_its_best(text, tmp_path):
    found = search(text, tmp_path / "band", tuner="hyperband", trials=8, epochs=3, seed=1)
    kept = {t.number: t for t in found.trials}
    later = [
        json.loads(path.read_text())["hyperparameters"]["values"]
        for path in sorted((tmp_path / "band" / "trials").glob("trial_*/trial.json"))
    ]
    later = [values for values in later if values.get("tuner/initial_epoch")]
    assert later
    for values in later:
        before = kept[int(values["tuner/trial_id"])]
        after = min(t.score for t in found.trials if t.values == before.values)
        assert after < before.score


@pytest.mark.usefixtures("few_units")
@pytest.mark.parametrize("tuner", ["hyperband", "bayesian", "random"])
def test_the_first_trial_is_the_configuration_as_it_stands(text, tmp_path, tuner):
    found = search(text, tmp_path / tuner, tuner=tuner, trials=2, epochs=1)
    first, second = sorted(found.trials, key=lambda trial: trial.number)
    assert first.values == {"units": 9, "learning_rate": 1e-3}
    assert second.values != first.values


@pytest.mark.usefixtures("few_units")
def test_no_trial_that_failed_is_tried_again(text, tmp_path):
    found = search(text, tmp_path / "x", tuner="bayesian", trials=9, epochs=1, max_parameters=3500)
    failed = [tuple(trial.values.items()) for trial in found.trials if trial.failure]
    assert failed
    tried = [tuple(trial.values.items()) for trial in found.trials]
    assert len(set(tried)) == 9


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
        (child,) = eventually(lambda: children(begun.pid))
        eventually(lambda: "tensorflow" in Path(f"/proc/{child}/maps").read_text())
    finally:
        begun.kill()
        begun.wait()
    eventually(lambda: not Path(f"/proc/{child}").exists())


def children(process: int) -> list[int]:
    """Processes that `process` began."""
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def eventually(asked, seconds=60):
    end = time.monotonic() + seconds
    while not (answer := asked()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tuner": "grid"}, "A tuner must be one of bayesian, hyperband, random; got 'grid'"),
        ({"trials": 0}, "`trials` must be above 0, got 0"),
        ({"epochs": 0}, "`epochs` must be above 0, got 0"),
        ({"max_minutes": float("nan")}, "`max_minutes` must be above 0, got nan"),
        ({"max_parameters": -1}, "`max_parameters` must be above 0, got -1"),
        ({"seed": -1}, "`seed` must be from 0 to 4,294,967,294, got -1"),
        ({"settings": ("units=0",)}, "`units` must be above 0"),
        ({"settings": ("unitz=4",)}, "Did you mean 'units'"),
        ({"text": "gone.txt"}, "Cannot read .*gone.txt"),
    ],
)
def test_a_search_that_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(
    change, said, text, tmp_path
):
    with pytest.raises(UserError, match=said):
        search(**({"text": text, "folder": tmp_path / "made" / "x"} | change))
    assert not (tmp_path / "made").exists()


def process(monkeypatch, **given):
    """KerasTuner's variables, as `given`."""
    for name, value in given.items():
        monkeypatch.setenv(f"KERASTUNER_{name}", str(value))


@pytest.mark.parametrize(
    "given",
    [
        {"ORACLE_IP": "127.0.0.1"},
        {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1"},
        {"TUNER_ID": "worker0"},
        {"ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 7000},
        {"TUNER_ID": "chief", "ORACLE_IP": "", "ORACLE_PORT": 7000},
        {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": "http"},
        {"TUNER_ID": "worker0", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 70000},
        {"TUNER_ID": "worker0", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 0},
    ],
)
def test_an_environment_of_half_a_process_is_refused_and_leaves_nothing(
    given, text, tmp_path, monkeypatch
):
    process(monkeypatch, **given)
    with pytest.raises(UserError, match=r"needs KERASTUNER_TUNER_ID, .*; got .*: set all three"):
        search(text, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def listening():
    """A gRPC server that knows nothing, and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def test_a_chief_whose_port_is_anothers_is_refused_and_leaves_nothing(text, tmp_path, monkeypatch):
    server, port = listening()
    process(monkeypatch, TUNER_ID="chief", ORACLE_IP="127.0.0.1", ORACLE_PORT=port)
    with pytest.raises(UserError, match=f"must be able to listen at 127.0.0.1:{port}, but"):
        search(text, tmp_path / "made")
    assert not (tmp_path / "made").exists()
    server.stop(None).wait()
    assert _require_port() is _require_port() is None  # it is given back at once


@pytest.mark.usefixtures("few_units")
def test_a_worker_whose_chief_is_lost_says_so(text, tmp_path, monkeypatch):
    server, port = listening()
    process(monkeypatch, TUNER_ID="worker0", ORACLE_IP="127.0.0.1", ORACLE_PORT=port)
    with pytest.raises(UserError, match=r"holds no search.json; give the chief's --out"):
        search(text, tmp_path)
    begun = {"app": "char_lm", **UNSAID, "preset": "tiny", "tuner": "random", "epochs": 2}
    (tmp_path / "search.json").write_text(json.dumps(begun | {"settings": SMALL}))
    with pytest.raises(
        UserError, match=f"one at 127.0.0.1:{port} is lost .UNIMPLEMENTED.: start it"
    ):
        search(text, tmp_path)
    server.stop(None).wait()


def test_numbers_that_cannot_be_searched_and_a_damaged_record_are_refused(
    text, tmp_path, monkeypatch
):
    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", lambda hp, c: replace(c, units=(0,)))
    with pytest.raises(UserError, match="`units` must be above 0"):
        search(text, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    (tmp_path / "search.json").write_text("{")
    with pytest.raises(UserError, match=r"search.json must be of `kerasrnn tune`, but is damaged"):
        search(text, tmp_path, resume=True)
