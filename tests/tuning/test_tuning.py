"""Searches end with the best of their trials, whatever happens on the way."""

import json

import numpy as np
import pytest

from kerasrnn import tuning
from kerasrnn.cli import tune
from kerasrnn.errors import UserError
from kerasrnn.settings import from_json, replace
from kerasrnn.tuning import report
from kerasrnn.tuning.search import _resumed
from kerasrnn.tuning.trainer import Trainer
from tests.tuning.searches import CHAR, SMALL, search


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
