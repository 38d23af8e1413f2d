"""What a search tells of its trials, from KerasTuner's records of them."""

import csv
import traceback
from types import SimpleNamespace

import pytest
from keras_tuner.errors import FailedTrialError

from kerasrnn.errors import UserError
from kerasrnn.tuning import report
from kerasrnn.tuning.trials import found_by


def record(number, score=None, status="COMPLETED", step=0, message=None, **values):
    """A trial as KerasTuner keeps it."""
    chosen = SimpleNamespace(values={name.replace("__", "/"): v for name, v in values.items()})
    return SimpleNamespace(
        trial_id=f"{number:04d}", score=score, status=status, best_step=step, message=message,
        hyperparameters=chosen,
    )  # fmt: skip


def found(direction, *records):
    objective = SimpleNamespace(name="valid_auc", direction=direction)
    oracle = SimpleNamespace(objective=objective, trials={one.trial_id: one for one in records})
    return found_by(oracle, lambda chosen: ("config", chosen.values["units"]))


RECORDS = (
    record(0, status="FAILED", message="Traceback …\nValueError: too wide\n", units=9),
    record(1, 0.7, step=2, units=4, rate=0.123456),
    record(2, 0.9, step=3, units=8, rate=0.5, tuner__initial_epoch=3),
    record(3, status="RUNNING", units=5, rate=0.1),
    record(4, 0.8, units=6, rate=0.25),
)


@pytest.mark.parametrize(
    ("direction", "order", "best"),
    [("max", [2, 4, 1, 0, 3], 8), ("min", [1, 4, 2, 0, 3], 4)],
)
def test_the_best_come_first_and_those_without_a_score_last(direction, order, best):
    made = found(direction, *RECORDS)
    assert [trial.number for trial in made.trials] == order
    assert made.config == ("config", best)


def test_a_trial_that_goes_on_from_another_counts_its_epochs_too():
    epochs = {trial.number: trial.epochs for trial in found("max", *RECORDS).trials}
    assert epochs == {0: None, 1: 3, 2: 7, 3: None, 4: 1}


def test_a_search_of_which_every_trial_failed_says_why():
    with pytest.raises(UserError, match="Every trial failed; the first with: ValueError: too wide"):
        found("max", RECORDS[0])


def test_a_failure_of_ours_is_told_without_the_name_of_its_class():
    try:
        raise FailedTrialError("the loss is gone")
    except FailedTrialError:
        one = record(0, status="FAILED", message=traceback.format_exc(), units=9)
    (trial,) = found("max", one, RECORDS[1]).trials[1:]
    assert trial.failure == "the loss is gone"


def test_table_and_file_tell_each_trial_with_what_was_chosen(tmp_path):
    made = found("max", *RECORDS)
    columns = [list(column.cells) for column in report.table(made).columns]
    assert columns == [
        ["2", "4", "1", "0", "3"],
        ["0.9000", "0.8000", "0.7000", "failed", "–"],
        ["7", "1", "3", "", ""],
        ["8", "6", "4", "9", "5"],
        ["0.5", "0.25", "0.1235", "", "0.1"],
    ]
    report.write_csv(made, tmp_path / "trials.csv")
    with open(tmp_path / "trials.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["trial", "valid_auc", "epochs", "failure", "units", "rate"]
    assert list(rows[2].values()) == ["1", "0.7", "3", "", "4", "0.123456"]
    assert list(rows[3].values()) == ["0", "", "", "ValueError: too wide", "9", ""]
