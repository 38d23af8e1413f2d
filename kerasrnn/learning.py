"""A training from its settings to the run folder that it leaves behind."""

from pathlib import Path

from kerasrnn.app import App, find_app
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file
from kerasrnn.notice import tell
from kerasrnn.settings import from_json, known, require_limits, to_json, with_settings
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.resume import refuse_another, refuse_to_overwrite, resumed

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
HALVES = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}  # weights stay in float32
JIT = {"on": True, "off": False}


def decided(app: App, folder: RunFolder, data, numbers, limits: dict, own: dict, resume) -> dict:
    """All that decides a training, as config.json holds it.

    Args:
        numbers: the preset's name, a configuration in its place or None, and changes to either.
        limits: "epochs" and "max_minutes", each a number or None.
        own: "seed", "precision", "jit" and "deterministic".
        resume: whether an interrupted run's own is taken, where there is one.
    Raises:
        UserError: for anything that the caller can mend.
    """
    preset, config, settings = numbers
    minutes = limits["max_minutes"]
    growth = {} if config or resume else app.growth(preset, minutes, settings)
    values = resumed(app, folder) if resume else None
    if values is not None:
        values["config"] |= refuse_another(
            values, folder, data, config or app.preset(preset), settings
        )
    if values is None:
        refuse_to_overwrite(folder)
        given = with_settings(config, settings) if config else None
        config = given or app.preset(preset, minutes, settings)
        place = None if data is None else str(Path(data).absolute())
        values = {"app": app.name, "preset": preset, "data": place}
        own = own | {"precision": HALVES.get(own["precision"], own["precision"])}
        values |= own | {"config": to_json(config)}
    if any(limit is not None for limit in limits.values()):
        values |= limits
    _check(values)
    if values["data"] is None:
        tell(f"No --data: training on {app.default_data}.")
    if growth:
        changes = ", ".join(f"{key}={value}" for key, value in growth.items())
        tell(f"With {minutes:g} minutes, {preset} has {changes}.")
    return values


def _check(values: dict) -> None:
    """Refuse what Keras would refuse later."""
    known(values["precision"], PRECISIONS, "`precision`")
    known(values["jit"], ("auto", *JIT), "`jit`")
    if values["deterministic"] and values["jit"] == "on":
        raise UserError("`jit` must be auto or off with --deterministic, got on.")
    if not 0 <= values["seed"] < 2**32:
        raise UserError(f"`seed` must be from 0 to 2**32 - 1, got {values['seed']}.")
    require_limits(epochs=values.get("epochs"), max_minutes=values.get("max_minutes"))


def carried_out(team, plan: dict) -> None:
    """Train; the chief of `team` writes the run folder.

    Args:
        plan: "folder", the "values" that were `decided`, "resume" and "profile".
    """
    values, folder = plan["values"], RunFolder(Path(plan["folder"]))
    app = find_app(values["app"])
    config = from_json(app.file("config").Config, values["config"])
    if config.batch_size % team.parts:
        raise UserError(
            f"`batch_size`, of all processes together, must be a multiple of their number, got "
            f"{config.batch_size} for {team.parts}."
        )
    source = app.file("data").open_source(values["data"], config)
    assets = app.file("data").prepare(source, config)
    if team.chief and hasattr(app.file("data"), "read"):
        app.file("data").read(source)
    training = _prepared(team, app, folder, values, config, source, assets)
    training.profile = plan["profile"]
    training.run(plan["resume"])
    if team.chief:
        _finish(app, folder, training, config, assets, source)


def _prepared(team, app, folder, values, config, source, assets):
    """Model, batches and judge in place, and the run folder begun."""
    import keras
    import tensorflow as tf

    from kerasrnn import recurrence
    from kerasrnn.training.fit import Training
    from kerasrnn.training.penalties import Penalties

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
    Penalties.of(config).require(model, team.parts)
    judge = preview = None
    if team.chief:
        folder.write_config(values)
        assets.save(folder.assets)
        judge = app.file("judge").judge(model, config, assets, source, "valid")
        preview = app.file("decode").preview(model, config, assets, source)
    objective = app.file("judge").OBJECTIVE
    training = Training(model, config, batches, judge, preview, objective, folder, team=team)
    training.epochs, training.max_minutes = values.get("epochs"), values.get("max_minutes")
    if training.epochs is None and training.max_minutes is None:
        training.epochs = config.epochs
    training.xla = JIT.get(values["jit"], values.get("xla"))
    training.seed = values["seed"]
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
