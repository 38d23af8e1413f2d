"""What a search tried, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_tuner.errors import FailedTrialError

from kerasrnn.errors import UserError


@dataclass(frozen=True)
class Trial:
    """One choice of numbers and what came of it.

    Attributes:
        number: from 0, in the order in which they began.
        values: what was chosen, by the names in the app's tune.py.
        score: the objective at its best; None where the trial failed or has not ended.
        epochs: after which it was best, with those of the trial that it went on from; None as above.
        failure: why it failed, in one line; None where it did not.
    """

    number: int
    values: dict
    score: float | None
    epochs: int | None
    failure: str | None


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        objective: name of what the trials were judged by, on the validation split.
        direction: "min" or "max".
        trials: all, the best first and the failed last.
        config: of the best.
    """

    objective: str
    direction: str
    trials: list[Trial]
    config: object


def values_of(trial) -> dict:
    """What was chosen for a trial of KerasTuner, by name."""
    return {n: v for n, v in trial.hyperparameters.values.items() if not n.startswith("tuner/")}


def short(value) -> str:
    """A chosen value, to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def trial_of(trial) -> Trial:
    """KerasTuner's record of a trial, as ours."""
    ended = trial.status == "COMPLETED"
    failure = None
    if trial.status in ("FAILED", "INVALID"):
        failure = (trial.message or "its score is no number").strip().splitlines()[-1]
        failure = failure.removeprefix(f"{FailedTrialError.__module__}.FailedTrialError: ")
    before = trial.hyperparameters.values.get("tuner/initial_epoch", 0)
    steps = trial.best_step + 1 + before if ended else None
    score = trial.score if ended else None
    return Trial(int(trial.trial_id), values_of(trial), score, steps, failure)


def found_by(oracle, config: Callable) -> Found:
    """What an oracle's trials came to.

    Args:
        oracle: of KerasTuner, after its search.
        config: the app's configuration of a trial's hyper-parameters.
    Raises:
        UserError: if every trial failed.
    """
    objective = oracle.objective
    turn = -1 if objective.direction == "max" else 1
    pairs = [(trial_of(trial), trial.hyperparameters) for trial in oracle.trials.values()]
    pairs.sort(key=lambda p: (p[0].score is None, turn * (p[0].score or 0), p[0].number))
    trials = [trial for trial, _ in pairs]
    if trials[0].score is None:
        raise UserError(f"Every trial failed; the first with: {trials[0].failure}")
    return Found(objective.name, objective.direction, trials, config(pairs[0][1]))
