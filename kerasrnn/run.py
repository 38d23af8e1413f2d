"""A trained application: train it, load it, and ask it for metrics, answers or an export."""

import functools
import zipfile
from pathlib import Path

from kerasrnn.app import App, find_app
from kerasrnn.errors import UserError
from kerasrnn.files import DAMAGES
from kerasrnn.settings import from_json, known
from kerasrnn.training.folder import RunFolder


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
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
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
        if not zipfile.is_zipfile(self.folder.model):
            raise UserError(
                f"The model {self.folder.model} cannot be loaded: it is damaged, no .keras file; train anew."
            )
        try:
            return keras.models.load_model(self.folder.model, safe_mode=True)
        except DAMAGES as error:
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
        questions = serve.questions(self.assets, endpoint)
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
    distribute: str = "none",
) -> Run | None:
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
        precision: a Keras dtype policy: float32, mixed_bfloat16 or mixed_float16, also without "mixed_".
        deterministic: every operation gives the same bits each time, also on a GPU, for the rest of this
            process; slower, and without XLA around the whole step.
        profile: write a profile of a few steps for TensorBoard.
        distribute: "none", or by several processes: "mirrored", "mirrored:N" or "multi-worker", see
            `kerasrnn.training.gathering`. Only the first of them, the chief, looks at the other arguments.
    Returns:
        The run; None in a process that is not the chief.
    Raises:
        UserError: for anything that the caller can mend.
    """
    from kerasrnn.learning import carried_out, decided
    from kerasrnn.training.gathering import gathered

    with gathered(distribute) as team:
        plan = None
        if team.chief:
            folder = RunFolder(Path(out or Path("runs") / app.name))
            limits = {"epochs": epochs, "max_minutes": max_minutes}
            own = {"seed": seed, "precision": precision, "jit": jit, "deterministic": deterministic}
            values = decided(app, folder, data, (preset, config, settings), limits, own, resume)
            plan = {"folder": str(folder.path), "values": values}
            plan |= {"resume": resume, "profile": profile}
        plan = team.told(plan)
        carried_out(team, plan)
    return Run(plan["folder"]) if team.chief else None


def public_face(app: App):
    """(train, build, PRESETS) of an app, for its package to offer."""
    return functools.partial(train, app), app.build, app.presets
