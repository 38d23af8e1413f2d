"""The models of a folder: the newest version that loads is served; a look takes note of what has changed."""

import gc
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kerasrnn.errors import UserError
from kerasrnn.serving.model import DAMAGE, Signature, Version
from kerasrnn.serving.refusal import Refusal, invalid


@dataclass(frozen=True)
class State:
    """What became of a version.

    Attributes:
        name: START, LOADING, AVAILABLE, UNLOADING or END, TF Serving's names.
        code, message: why it ended, "OK" and "" where it was replaced or removed.
    """

    name: str
    code: str = "OK"
    message: str = ""


class Shelf:
    """Models by name.

    Args:
        folder: <name>/<version>/saved_model.pb, or <version>/saved_model.pb of one model, named as the folder.
        say: called with a line on what was loaded, unloaded or found damaged.
    Raises:
        UserError: if it holds no model.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self._folder, self._say = folder, say
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder of models, <name>/<version>/saved_model.pb.")
        if (folder / "saved_model.pb").is_file():
            raise UserError(f"{folder} is one version of a model; give {folder.absolute().parent}.")
        self._single = bool(_versions(folder))
        if not self._paths():
            raise UserError(
                f"{folder} must hold models, <name>/<version>/saved_model.pb, and holds none; "
                "`kerasrnn export` writes them."
            )
        self._served: dict[str, Version] = {}
        self._stamps: dict[Path, tuple] = {}  # of what was last tried to load
        self._states: dict[str, dict[int, State]] = {}

    def _paths(self) -> dict[str, dict[int, Path]]:
        """Every version that is there, by model."""
        if self._single:
            models = {self._folder.resolve().name: self._folder} if self._folder.is_dir() else {}
        else:
            models = {path.name: path for path in _folders(self._folder)}
        return {name: found for name, path in models.items() if (found := _versions(path))}

    def look(self) -> None:
        """Serve the newest version of each model that loads; unload what has gone.

        A version that does not load is said to be damaged, once for each state of its files, and the one
        before it goes on, or is loaded.
        """
        paths = self._paths()
        for name, found in sorted(paths.items()):
            self._choose(name, found)
        for name in self._served.keys() - paths.keys():
            self._replace(name, None, "its folder has gone")

    def _choose(self, name: str, found: dict[int, Path]) -> None:
        for number in sorted(found, reverse=True):
            path, stamp = found[number], _stamp(found[number])
            if self._stamps.get(path) == stamp:
                served = self._served.get(name)
                if served is not None and served.number == number:
                    return
                if self._states[name][number].code != "OK":  # damaged, and not touched since
                    continue
            self._stamps[path] = stamp
            if self._load(name, path):
                return
            served = self._served.get(name)
            if served is not None and served.number == number:
                return  # its files were changed for worse: what is in memory goes on
        served = self._served.get(name)
        if served is not None and served.number not in found:
            self._replace(name, None, "its folder has gone")

    def _load(self, name: str, path: Path) -> bool:
        number = int(path.name)
        states = self._states.setdefault(name, {})
        before = states.get(number)
        if before is None or before.name != "AVAILABLE":
            states[number] = State("LOADING")
        try:
            version = Version(path)
        except DAMAGE as error:
            reason = " ".join(str(error).split())[:500] or type(error).__name__
            self._say(f"{name} {number} is damaged and not served: {reason}")
            if states[number].name != "AVAILABLE":
                states[number] = State("END", "UNKNOWN", reason)
            return False
        self._replace(name, version, f"{number} takes over")
        self._say(f"{name} {number} is served; {version.batching}.")
        return True

    def _replace(self, name: str, version: Version | None, reason: str) -> None:
        """Serve `version` in place of what is; requests that are under way end on the old one.

        Others ask meanwhile, from their threads: the old one is there until the new one is.
        """
        old = self._served.get(name)
        if version is not None:
            self._served[name] = version
            self._states[name][version.number] = State("AVAILABLE")
        else:
            self._served.pop(name, None)
        if old is not None and (version is None or version.number != old.number):
            self._states[name][old.number] = State("END")
            self._say(f"{name} {old.number} is unloaded: {reason}.")
        del old
        gc.collect()

    def find(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        """A model's version that is served.

        Raises:
            Refusal: if there is none.
        """
        if label:
            raise invalid(f"Unrecognized servable version label: {label}; a folder gives none.")
        version = self._served.get(name)
        if version is None or number not in (None, version.number):
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            raise Refusal("NOT_FOUND", f"Servable not found for request: {wanted}")
        return version

    def states(self, name: str, number: int | None = None) -> dict[int, State]:
        """What became of a model's versions, newest first.

        Raises:
            Refusal: if nothing is known of them.
        """
        states = self._states.get(name, {})
        if not states:
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {name}")
        if number is None:
            return dict(sorted(states.items(), reverse=True))
        if number not in states:
            raise Refusal("NOT_FOUND", f"Could not find version {number} of model {name}")
        return {number: states[number]}

    def names(self) -> list[str]:
        """The models that are served."""
        return sorted(self._served)

    def signatures(self) -> dict[str, dict[str, Signature]]:
        """Every signature that is served, by model."""
        return {name: version.signatures for name, version in self._served.items()}


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    except OSError:  # gone meanwhile
        return []


def _versions(folder: Path) -> dict[int, Path]:
    """Numbered folders that hold a graph; a number is an int64, as the protocols have it."""
    numbered = [path for path in _folders(folder) if re.fullmatch("[0-9]{1,18}", path.name)]
    return {int(path.name): path for path in numbered if (path / "saved_model.pb").is_file()}


def _stamp(path: Path) -> tuple:
    """Names, sizes and times of a version's files, to see that they changed."""
    try:
        files = [path / "saved_model.pb", *sorted((path / "variables").glob("*"))]
        stats = [(file.name, file.stat()) for file in files]
    except OSError:  # going or coming: the next look sees it
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)
