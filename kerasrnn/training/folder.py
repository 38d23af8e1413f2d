"""The run folder: where everything that a training makes lies, and how it is laid out."""

import csv
import importlib.metadata
import io
import json
import platform
from dataclasses import dataclass
from pathlib import Path

from kerasrnn.errors import UserError
from kerasrnn.files import read_json, write_text

KINDS = {"app": str, "config": dict, "data": str | None, "seed": int, "precision": str}
KINDS |= {"jit": str, "deterministic": bool}  # of what config.json must hold
UNSAID = {"data": None, "seed": 0, "precision": "float32", "jit": "auto", "deterministic": False}
PACKAGES = ("tensorflow", "keras", "tensorflow-text", "numpy", "kerasrnn")


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run's files, and the small ones' reading and writing."""

    path: Path

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def assets(self) -> Path:
        return self.path / "assets"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoints" / "last.npz"

    @property
    def best(self) -> Path:
        """The weights of the best report."""
        return self.path / "checkpoints" / "best.npz"

    @property
    def bad_batch(self) -> Path:
        """The batch that ended a training."""
        return self.path / "checkpoints" / "bad_batch.npz"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def plot(self, name: str) -> Path:
        return self.path / "plots" / f"{name}.png"

    def write_config(self, values: dict) -> None:
        versions = {"python": platform.python_version()}
        for package in PACKAGES:
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                versions[package] = None
        self._write_json("config.json", values | {"versions": versions})

    def read_config(self) -> dict:
        """What `write_config` wrote.

        Raises:
            UserError: if this is not a run folder.
        """
        try:
            values = read_json(self.path / "config.json")
            if not isinstance(values, dict):
                raise ValueError("it holds no JSON object")
            values = UNSAID | values
            for key, kind in KINDS.items():
                if not isinstance(values.get(key), kind):
                    raise ValueError(f"it lacks `{key}`, or has one of another kind")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"A run folder holds a config.json written by `kerasrnn train`, but {self.path} does "
                f"not ({reason})."
            ) from None
        return values

    def write_metrics(self, values: dict) -> None:
        self._write_json("metrics.json", values)

    def read_metrics(self) -> dict:
        """What `write_metrics` wrote: the kept weights' metrics, "seconds" of training, "steps" and the rest
        that `Training.measures` gives; {} before."""
        path = self.path / "metrics.json"
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}

    def read_history(self) -> list[dict]:
        """What `write_history` wrote, its numbers as numbers."""
        with open(self.path / "history.csv", newline="", encoding="utf-8") as file:
            return [
                {key: _number(text) for key, text in row.items()} for row in csv.DictReader(file)
            ]

    def write_history(self, rows: list[dict]) -> None:
        """history.csv: a line for each report, with every column that any report has."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "history.csv", text.getvalue())

    def _write_json(self, name: str, values: dict) -> None:
        write_text(self.path / name, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
