"""A trained application: train it, load it, and ask it for metrics, answers or an export."""

import functools
import math
import zipfile
from pathlib import Path

from kerasrnn.app import App, find_app
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file
from kerasrnn.notice import tell
from kerasrnn.settings import from_json, known, to_json, with_settings
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.resume import refuse_another, refuse_to_overwrite, resumed

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
JIT = {"on": True, "off": False}


class Run:
    """What a training left behind in its folder.

    Args:
        folder: a run folder that holds a model.
    Raises:
        UserError: if the folder is not one, or its files are damaged.
    """

    def __init__(self, folder: str | Path):
        self.folder = RunFolder(Path(folder))
        values = self.folder.read_config()
        if not self.folder.model.is_file():
            raise UserError(
                f"A run holds model.keras, but {self.folder.path} does not: its training has not ended; "
                "go on with `kerasrnn train --resume`."
            )
        self.app = find_app(values["app"])
        self.config = from_json(self.app.file("config").Config, values["config"])
        self.data = values.get("data")
        try:
            self.assets = self.app.file("data").Assets.load(self.folder.assets)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"The assets in {self.folder.assets} are damaged: {error}.") from None

    @functools.cached_property
    def measures(self) -> dict:
        """What its training left in metrics.json: the kept weights' metrics, and `Training.measures`."""
        return self.folder.read_metrics()

    @functools.cached_property
    def model(self):
        """The trained keras.Model."""
        import keras

        self.app.file("model")  # so that Keras knows the classes that the file names
        try:
            return keras.models.load_model(self.folder.model, safe_mode=True)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"The model {self.folder.model} cannot be loaded: {reason[:300]}"
            ) from None

    def judge(self, data: str | None = None, split: str = "test") -> tuple[int, dict[str, float]]:
        """Number of examples and metrics on a split of `data` (of the training's own data unless given)."""
        files = self.app.file("data"), self.app.file("judge")
        source = files[0].open_source(data or self.data, self.config)
        known(split, source.splits, "A split")
        return files[1].judge(self.model, self.config, self.assets, source, split)()

    def evaluate(self, data: str | None = None, split: str = "test") -> dict[str, float]:
        """Metrics on "train", "valid", "test", "all" or what more splits `data` has, by name."""
        return self.judge(data, split)[1]

    def predict(self, inputs, **options) -> list:
        """An answer for each input; `options` are fields of the app's `Options`."""
        options = self.app.file("config").Options(**options)
        return self.app.file("decode").predict(
            self.model, self.config, self.assets, list(inputs), options
        )

    def export(self, target: str | Path, add_version: bool = False) -> Path:
        """Write a SavedModel to `target`/1 (or the next version) and try it without kerasrnn.

        Returns:
            The version's folder.
        Raises:
            UserError: if `target` holds a version already and `add_version` is not set.
        """
        from kerasrnn.export.saved_model import export

        serve = self.app.file("serve")
        endpoint = serve.endpoint(self.model, self.config, self.assets)
        questions = serve.questions(self.assets)
        return export(endpoint, questions, Path(target), add_version=add_version)


def load(folder: str | Path) -> Run:
    """The run in `folder`, with its model."""
    run = Run(folder)
    _ = run.model
    return run


def train(
    app: App,
    data: str | Path | None = None,
    *,
    preset: str = "small",
    out: str | Path | None = None,
    config=None,
    settings: tuple[str, ...] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    resume: bool = False,
    seed: int = 0,
    jit: str = "auto",
    precision: str = "float32",
    deterministic: bool = False,
    profile: bool = False,
) -> Run:
    """Train `app` on `data` and keep everything in a run folder.

    Args:
        data: what the app reads; its embedded default unless given.
        preset: name of a preset, or `config` itself.
        out: the run folder; runs/<app> unless given.
        settings: "key=value" changes to the preset.
        epochs: reports before the end; with `max_minutes` alone, the time decides.
        max_minutes: of training time, without start-up, compilation and judging.
        resume: go on with the run in `out`; all but the two limits is its own, and so are these unless
            one is given. `settings` may change what `kerasrnn.training.resume.CHANGEABLE` names.
        seed: of the weights, the dropout and the order of the data.
        jit: XLA around the whole training step: "on", "off", or "auto", which measures both where the
            training is long enough, see `kerasrnn.training.jit`.
        precision: a Keras dtype policy.
        deterministic: every operation gives the same bits each time, also on a GPU, for the rest of this
            process; slower, and without XLA around the whole step.
        profile: write a profile of a few steps for TensorBoard.
    Raises:
        UserError: for anything that the caller can mend.
    """
    folder = RunFolder(Path(out or Path("runs") / app.name))
    growth = {} if config or resume else app.growth(preset, max_minutes)
    values = resumed(app, folder) if resume else None
    if values is not None:
        values["config"] |= refuse_another(
            values, folder, data, config or app.preset(preset), settings
        )
    if values is None:
        refuse_to_overwrite(folder)
        config = with_settings(config or app.preset(preset, max_minutes), settings)
        values = {
            "app": app.name,
            "preset": preset,
            "data": None if data is None else str(Path(data).absolute()),
            "seed": seed,
            "precision": precision,
            "jit": jit,
            "deterministic": deterministic,
            "config": to_json(config),
        }
    if epochs is not None or max_minutes is not None:
        values |= {"epochs": epochs, "max_minutes": max_minutes}
    _check(values)
    config = from_json(app.file("config").Config, values["config"])
    limits = _limits(config, values.get("epochs"), values.get("max_minutes"))
    if values["data"] is None:
        tell(f"No --data: training on {app.default_data}.")
    source = app.file("data").open_source(values["data"], config)
    if growth:
        changes = ", ".join(f"{key}={value}" for key, value in growth.items())
        tell(f"{max_minutes:g} minutes are worth a larger {preset}: {changes}.")
    assets = app.file("data").prepare(source, config)
    training = _prepared(app, folder, values, config, source, assets)
    training.epochs, training.max_minutes = limits
    training.profile = profile
    training.run(resume)
    _finish(app, folder, training, config, assets, source)
    return Run(folder.path)


def _check(values: dict) -> None:
    """Refuse what Keras would refuse later."""
    known(values["precision"], PRECISIONS, "`precision`")
    known(values["jit"], ("auto", *JIT), "`jit`")
    if values["deterministic"] and values["jit"] == "on":
        raise UserError("`jit` must be auto or off with --deterministic, got on.")
    if not 0 <= values["seed"] < 2**32:
        raise UserError(f"`seed` must be from 0 to 2**32 - 1, got {values['seed']}.")


def _limits(config, epochs, max_minutes):
    for name, value in (("epochs", epochs), ("max_minutes", max_minutes)):
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"`{name}` must be above 0, got {value}.")
    if epochs is None and max_minutes is None:
        epochs = config.epochs
    return epochs, max_minutes


def _prepared(app, folder, values, config, source, assets):
    """Model, batches and judge in place, and the run folder begun."""
    import keras
    import tensorflow as tf

    from kerasrnn import recurrence
    from kerasrnn.training.fit import Training

    if values["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(values["seed"])
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(values["precision"])
    try:
        batches = app.file("data").batches(source, config, "train", assets, seed=values["seed"])
        with recurrence.compiled(values["jit"] == "on"):
            model = app.build(config, assets)
    finally:
        keras.config.set_dtype_policy(previous)
    folder.write_config(values)
    assets.save(folder.assets)
    judge = app.file("judge").judge(model, config, assets, source, "valid")
    preview = app.file("decode").preview(model, config, assets, source)
    objective = app.file("judge").OBJECTIVE
    training = Training(model, config, batches, judge, preview, objective, folder)
    training.xla = JIT.get(values["jit"], values.get("xla"))
    training.chosen = lambda xla: folder.write_config(values | {"xla": xla})
    return training


def _finish(app: App, folder: RunFolder, training, config, assets, source) -> None:
    """Write the trained model, its metrics and its pictures."""
    from kerasrnn.training.pictures import learning_curve

    history = training.history
    folder.write_history(history)
    if hasattr(app.file("judge"), "settle"):
        app.file("judge").settle(training.model, config, assets, source, folder.assets)
    with whole_file(folder.model) as temporary:
        training.model.save(temporary)
    judged = {k: value for k, value in training.kept_row.items() if k.startswith("valid_")}
    folder.write_metrics(judged | training.measures)
    objective, direction = app.file("judge").OBJECTIVE
    learning_curve(
        history,
        objective,
        folder.plot("learning_curve"),
        f"{app.name}: {folder.path.name}",
        largest=direction == "max",
    )
    if app.has("pictures"):
        app.file("pictures").draw(training.model, config, assets, source, history, folder)


def public_face(app: App):
    """(train, build, PRESETS) of an app, for its package to offer."""
    return functools.partial(train, app), app.build, app.presets
