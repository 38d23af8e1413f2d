"""KerasTuner's oracles, which choose what is tried next, as a search of ours wants them."""

import json
from pathlib import Path

from keras_tuner import oracles

from kerasrnn.files import write_text
from kerasrnn.tuning.hyper_app import HyperApp

MANY = 1000  # iterations of Hyperband, which the number of trials ends


class _Begun:
    """An oracle whose first trial is the configuration as it stands: the defaults of the app's tune.py."""

    def _random_values(self):
        if self._tried_so_far:
            return super()._random_values()
        return dict(self.get_space().values)


class _Kept:
    """What an oracle and its trials know, in files that are written whole: KerasTuner writes in place."""

    def save(self):
        write_text(Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def _save_trial(self, trial):
        folder = Path(self._get_trial_dir(trial.trial_id))
        write_text(folder / "trial.json", json.dumps(trial.get_state()))


class Hyperband(_Begun, _Kept, oracles.HyperbandOracle):
    pass


class RandomSearch(_Begun, _Kept, oracles.RandomSearchOracle):
    pass


class Bayesian(_Begun, _Kept, oracles.BayesianOptimizationOracle):
    """Learns nothing from a failed trial and would propose it again and again: then it draws by chance."""

    def populate_space(self, trial_id):
        chosen = super().populate_space(trial_id)
        if chosen["values"] is not None and self._duplicate(chosen["values"]):
            return self._random_populate_space()
        return chosen


ORACLES = {"hyperband": Hyperband, "bayesian": Bayesian, "random": RandomSearch}


def oracle_of(hyper: HyperApp, begun: dict):
    """The oracle of a search.

    Args:
        begun: the search's settings, of which "tuner", "trials", "epochs" and "seed" are read.
    """
    trials = begun["trials"]
    own = {"max_trials": trials}
    if begun["tuner"] == "hyperband":
        own = {"max_epochs": begun["epochs"] or hyper.base.epochs, "hyperband_iterations": MANY}
    if begun["tuner"] == "bayesian":  # KerasTuner draws three times as many as there are numbers
        own["num_initial_points"] = max(3, trials // 3)
    oracle = ORACLES[begun["tuner"]](
        hyper.objective,
        seed=begun["seed"] + 1,  # 0 would be drawn by chance
        max_consecutive_failed_trials=trials + 1,
        **own,
    )
    oracle.max_trials, oracle.verbose = trials, 0
    return oracle
