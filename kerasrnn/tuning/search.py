"""A search for an app's best numbers that a kill does not lose."""

import contextlib
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import keras
import keras_tuner
from keras_tuner.errors import FailedTrialError
from keras_tuner.src import config as keras_tuner_config

from kerasrnn.app import App
from kerasrnn.errors import UserError
from kerasrnn.files import write_text
from kerasrnn.notice import tell
from kerasrnn.settings import known, require_limits
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.resume import refuse_to_overwrite
from kerasrnn.tuning.hyper_app import HyperApp
from kerasrnn.tuning.oracles import ORACLES, oracle_of
from kerasrnn.tuning.trials import Found, found_by, short, trial_of, values_of

# what a new search is where nothing else is given
UNSAID = {"data": None, "tuner": "hyperband", "trials": 20, "preset": "small", "settings": []}
UNSAID |= {"epochs": None, "max_minutes": None, "max_parameters": None, "seed": 0}
LARGEST_SEED = 2**32 - 1  # the oracle's is one more
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
WAIT = 60  # seconds that a worker waits for its chief

# a failure is told in a line; its traceback is in the trial's file
keras_tuner_config.DEBUG = False


def search(
    app: App,
    data: str | Path | None = None,
    *,
    out: str | Path,
    tuner: str | None = None,
    trials: int | None = None,
    preset: str | None = None,
    settings: tuple[str, ...] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    max_parameters: int | None = None,
    seed: int | None = None,
    resume: bool = False,
) -> Found | None:
    """Search the numbers of an app's tune.py.

    KerasTuner's environment variables make this process the chief of a search by many, or one of its workers
    (KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT); `out` is then a folder that all see.

    Args:
        data, preset, settings, seed: as of `kerasrnn.run.train`.
        out: a folder for the search; what each trial did lies in its `trials`.
        tuner: "hyperband", the default, "bayesian" or "random".
        trials: in all, 20 unless given. Hyperband counts each round of a model as a trial.
        epochs: reports of the longest trial; the preset's own number unless given.
        max_minutes: of one trial's training.
        max_parameters: a larger model is a failed trial.
        resume: go on with the search in `out`; it keeps its own settings and cannot go on with others, but
            may get more trials. A worker's settings are its chief's likewise; its data may lie elsewhere.
    Returns:
        What was found; None for a worker, whose chief has it.
    Raises:
        UserError: for anything that the caller can mend, or if every trial failed.
    """
    given = {
        "app": app.name, "data": None if data is None else str(Path(data).absolute()),
        "tuner": tuner, "trials": trials, "preset": preset, "settings": list(settings),
        "epochs": epochs, "max_minutes": max_minutes, "max_parameters": max_parameters, "seed": seed,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value not in (None, [])}
    begun = UNSAID | given
    _refuse_unsound(begun)
    folder, role = Path(out), _role()
    worker, record = role == "worker", folder / "search.json"
    if role == "chief":
        _require_port()
    going_on = resume and not worker and record.is_file()
    if worker:
        _await_chief(record)
        begun = _resumed(record, given, ("trials", "data"))
    elif going_on:
        begun = _resumed(record, given, ("trials",))
    else:
        refuse_to_overwrite(RunFolder(folder))
    if begun["data"] is None:
        tell(f"No --data: searching on {app.default_data}.")
    hyper = HyperApp(
        app, begun["data"], preset=begun["preset"], settings=tuple(begun["settings"]),
        max_minutes=begun["max_minutes"], seed=begun["seed"],
    )  # fmt: skip
    if not (worker or going_on):
        _refuse_unbuilt(hyper)
    if not worker:
        write_text(record, json.dumps(begun, indent=2) + "\n")
    oracle = _searched(hyper, begun, folder)
    return None if worker else found_by(oracle, hyper.config)


def _searched(hyper: HyperApp, begun: dict, folder: Path):
    """The oracle, after its search."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # KerasTuner talks there
            searching = _Search(oracle_of(hyper, begun), hyper, begun, folder)
            searching.search(epochs=begun["epochs"] or hyper.base.epochs)
    except grpc.RpcError as error:
        raise UserError(
            f"A worker needs its chief, but the one at {_place()} is lost ({error.code().name}): start it "
            "again with --resume, then its workers."
        ) from None
    return searching.oracle


def _role() -> str:
    """What this process is: "alone", a "chief" or a "worker".

    Raises:
        UserError: if KerasTuner's variables do not go together.
    """
    given = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    if not given:
        return "alone"
    name, _, port = (given.get(variable, "") for variable in VARIABLES)
    is_port = re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 2**16
    if not (is_port and len(given) == len(VARIABLES) and all(given.values())):
        got = ", ".join(f"{variable}={value!r}" for variable, value in given.items())
        raise UserError(
            f"A search by many processes needs {', '.join(VARIABLES)}, a port from 1 to 65,535; got {got}: set "
            "all three, or none."
        )
    return "chief" if "chief" in name else "worker"


def _place() -> str:
    """The chief's address."""
    return ":".join(os.environ[variable] for variable in VARIABLES[1:])


def _require_port() -> None:
    """Refuse a chief's address that it cannot have; gRPC would share a port with another search's chief."""
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    try:
        server.add_insecure_port(_place())
        server.start()
    except RuntimeError:
        raise UserError(
            f"A chief must be able to listen at {_place()}, but the port is taken or the address is another "
            "machine's; choose another."
        ) from None
    finally:
        server.stop(None).wait()


def _await_chief(record: Path) -> None:
    """Wait for a chief, which has then written `record`.

    KerasTuner's own worker would wait for an hour, also for a chief whose search has ended.
    """
    try:
        with grpc.insecure_channel(_place()) as channel:
            grpc.channel_ready_future(channel).result(timeout=WAIT)
    except grpc.FutureTimeoutError:
        raise UserError(
            f"A worker needs its chief, but none answers at {_place()}: start it, unless its search has ended."
        ) from None
    if not record.is_file():
        raise UserError(
            f"A worker and its chief share a folder, but {record.parent} holds no search.json; give the "
            "chief's --out."
        )


def _refuse_unsound(begun: dict) -> None:
    """Refuse numbers that no search can have."""
    known(begun["tuner"], ORACLES, "A tuner")
    require_limits(
        **{key: begun[key] for key in ("trials", "epochs", "max_minutes", "max_parameters")}
    )
    if not 0 <= begun["seed"] < LARGEST_SEED:
        raise UserError(f"`seed` must be from 0 to {LARGEST_SEED - 1:,}, got {begun['seed']}.")


def _resumed(record: Path, given: dict, free: tuple[str, ...]) -> dict:
    """The settings of the search whose search.json `record` is; those that are `free` as `given`, if they are.

    Raises:
        UserError: if it is damaged, or another setting is given than its own.
    """
    try:
        kept = {"trials": UNSAID["trials"]}  # which an older search.json lacks
        kept |= json.loads(record.read_text("utf-8"))
        begun = {key: kept[key] for key in ("app", *UNSAID)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{record} must be of `kerasrnn tune`, but is damaged: {error}.") from None
    for key, value in given.items():
        if key in free:
            begun[key] = value
        elif value != begun[key]:
            raise UserError(
                f"{record.parent} searches with {key}={begun[key]}, it cannot go on with {value}; leave it "
                "out, or begin another with --out."
            )
    return begun


def _refuse_unbuilt(hyper: HyperApp) -> None:
    """Refuse data and settings of which no first model can be made, before anything is written."""
    try:
        hyper.build(keras_tuner.HyperParameters())
    except FailedTrialError as error:
        raise UserError(str(error)) from None


class _Search(keras_tuner.Tuner):
    """A tuner with any oracle: one that asks for epochs and weights of an earlier trial gets them.

    No model is ever in this process where each trial has its own.
    """

    def __init__(self, oracle, hyper: HyperApp, values: dict, folder: Path):
        try:
            super().__init__(oracle, hyper, directory=str(folder), project_name="trials")
        except FailedTrialError as error:
            raise UserError(str(error)) from None
        self._largest = values["max_parameters"]

    def run_trial(self, trial, *, epochs: int) -> keras.callbacks.History:
        chosen = trial.hyperparameters
        before = chosen.values.get("tuner/trial_id")
        arguments = (
            self.hypermodel.config(chosen),
            chosen.values.get("tuner/epochs", epochs),
            chosen.values.get("tuner/initial_epoch", 0),
            self._weights(before) if before else None,
            self._weights(trial.trial_id),
            self._largest,
        )
        history = keras.callbacks.History()
        history.history = self.hypermodel.call(self.hypermodel.trainer.trial, *arguments)
        return history

    def _weights(self, trial_id: str) -> Path:
        """Of the best epoch of a trial."""
        return Path(self.get_trial_dir(trial_id)) / "best.weights.h5"

    def on_trial_begin(self, trial):
        chosen = "  ".join(f"{n}={short(v)}" for n, v in values_of(trial).items())
        print(f"trial {int(trial.trial_id)}: {chosen}", flush=True)
        super().on_trial_begin(trial)

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        done = trial_of(self.oracle.get_trial(trial.trial_id))
        name = self.oracle.objective.name
        said = f"{name} {done.score:.4f}" if done.score is not None else f"failed: {done.failure}"
        print(f"trial {done.number}: {said}", flush=True)
