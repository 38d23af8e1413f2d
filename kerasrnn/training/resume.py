"""Whether a run folder may be begun, or gone on with, and with what."""

from pathlib import Path

from kerasrnn.app import App
from kerasrnn.errors import UserError
from kerasrnn.files import clear_parts, holds_something, require_place
from kerasrnn.notice import tell
from kerasrnn.settings import from_json, to_json, with_settings
from kerasrnn.training.folder import RunFolder

CHANGEABLE = ("learning_rate", "clip_norm", "patience")  # what a run may go on with another of


def resumed(app: App, folder: RunFolder) -> dict | None:
    """The interrupted run's own settings; None where nothing was begun."""
    if not (folder.path / "config.json").exists():
        if folder.path.is_dir() and holds_something(folder.path):
            raise UserError(
                f"There is no run to go on with in {folder.path}, and it is not empty; choose another with "
                "--out."
            )
        clear_parts(folder.path)
        tell(f"There is no run to go on with in {folder.path}: starting a new one.")
        return None
    values = folder.read_config()
    if values["app"] != app.name:
        raise UserError(f"{folder.path} holds a run of {values['app']}, not of {app.name}.")
    clear_parts(folder.path)
    return values


def refuse_another(values: dict, folder: RunFolder, data, preset, settings) -> dict:
    """Refuse data or settings that are not those of the run that is gone on with.

    Returns:
        What it may go on with another of, and does.
    """
    if data is not None and str(Path(data).absolute()) != values["data"]:
        raise UserError(f"{folder.path} learns from {values['data']}, not from {data}.")
    kept, changes = to_json(from_json(type(preset), values["config"])), {}
    for key, value in to_json(with_settings(preset, settings)).items():
        if any(setting.startswith(f"{key}=") for setting in settings) and value != kept[key]:
            if key not in CHANGEABLE:
                raise UserError(
                    f"{folder.path} has {key}={kept[key]}; it cannot go on with {value}."
                )
            changes[key] = value
    return changes


def refuse_to_overwrite(folder: RunFolder) -> None:
    require_place(folder.path)
    if folder.path.exists() and holds_something(folder.path):
        raise UserError(
            f"The run folder must be new, but {folder.path} exists; choose another with --out, or go on "
            "with it by --resume."
        )
