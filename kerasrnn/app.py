"""The contract that every application fulfils.

An app is a folder of files with fixed names; `App` finds in them, by name, what others ask for:

    config.py   Config, PRESETS, Options                        what the numbers are
    data.py     open_source, prepare, Assets, dataset, batches  files → batches
    model.py    build                                           compiled keras.Model
    decode.py   predict, show, preview                          logits → answers
    judge.py    judge, OBJECTIVE                                answers → metrics
    serve.py    endpoint, questions                             the exported graph, and requests to try it with
    tune.py     hyperparameters                                 a search space over Config

A config.py may also hold WITH_TIME, {preset: {minutes: (config) -> changes}}: what a preset becomes where it is
given at least that many minutes, since more time is worth a larger network, or one that is held back more;
what the user sets stays. A judge.py may hold settle(model, config, assets, source, folder), which chooses on
validation what answers need besides the trained network, and writes it beside the assets. A data.py may hold
read(source), which reads what only the end of a training needs before it begins, so that it does not fail then.

An app may have a pictures.py: draw(model, config, assets, source, history, folder) puts its own pictures into
a run's folder. One that finds events in long recordings has a detect.py, which the verb of that name asks:
chosen_threshold(run, precision), alarms_an_hour(run, threshold), search(run, recordings, folder, threshold,
picture). One with more to compare than its metric has a traits.py: traits(run) gives {column: number or text}.
A decode.py may hold ALONE, the inputs that stand for none.

Nothing outside an app's folder knows an app by name.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import ModuleType

from kerasrnn.errors import UserError
from kerasrnn.settings import known, replace, with_settings


@dataclass(frozen=True)
class App:
    """One application.

    Attributes:
        name: the folder's name.
        package: the folder's dotted path.
        summary: what it does, in one line.
        default_data: what its embedded default is, in one line.
    """

    name: str
    package: str
    summary: str
    default_data: str
    _files: dict[str, ModuleType] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self):
        return type(self), (self.name, self.package, self.summary, self.default_data)

    def file(self, name: str) -> ModuleType:
        """The app's file `name`.py, imported when first asked for."""
        if name not in self._files:
            self._files[name] = importlib.import_module(f"{self.package}.{name}")
        return self._files[name]

    def has(self, name: str) -> bool:
        """Whether there is a file `name`.py."""
        return importlib.util.find_spec(f"{self.package}.{name}") is not None

    @property
    def presets(self) -> dict:
        return self.file("config").PRESETS

    def preset(self, name: str, minutes: float | None = None, settings: Iterable[str] = ()):
        """The configuration called `name`, with "key=value" `settings`, as it is for a training of `minutes`.

        Raises:
            UserError: if there is none of that name, or for a setting as `with_settings`.
        """
        plain = self.presets[known(name, self.presets, f"{self.name}'s preset")]
        config = with_settings(plain, settings)
        return replace(config, **self.growth(name, minutes, settings))

    def growth(self, name: str, minutes: float | None, settings: Iterable[str] = ()) -> dict:
        """What a training of `minutes` changes in the preset called `name`, but for what `settings` name."""
        steps = getattr(self.file("config"), "WITH_TIME", {}).get(name, {})
        reached = [least for least in steps if minutes is not None and minutes >= least]
        if not reached:
            return {}
        changes = steps[max(reached)](with_settings(self.presets[name], settings))
        named = {setting.partition("=")[0] for setting in settings}
        return {key: value for key, value in changes.items() if key not in named}

    def build(self, config, assets):
        """A compiled keras.Model: builder, loss and metrics."""
        return self.file("model").build(config, assets)


APPS = "kerasrnn.apps"


def app_names() -> list[str]:
    """Every application, in alphabetical order, without importing any."""
    return sorted(
        part.name for part in pkgutil.iter_modules(importlib.import_module(APPS).__path__)
    )


def find_app(name: str) -> App:
    """The application called `name`.

    Raises:
        UserError: if there is none of that name.
    """
    known(name, app_names(), "An app")
    module = importlib.import_module(f"{APPS}.{name}")
    if not isinstance(getattr(module, "APP", None), App):
        raise UserError(f"kerasrnn.apps.{name} does not define APP.")
    return module.APP
