"""kerasrnn predict: answers of a run to inputs of the app's kind."""

import dataclasses
import json
import typing
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand


class Verbatim(TyperCommand):
    """Hands "--" on to the verb, which takes all that follows it for inputs, and tells of them."""

    def parse_args(self, ctx, args):
        at = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*args[:at], "--", *args[at:]])

    def collect_usage_pieces(self, ctx):
        return [*super().collect_usage_pieces(ctx), "[INPUT]… [the app's own options]"]


def register(app: typer.Typer) -> None:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(
        "predict",
        cls=Verbatim,
        context_settings=settings,
        epilog="Example: kerasrnn predict runs/book 'Once upon' --length 200 --temperature 0.7 --seed 1. "
        "The app's own options are listed by `kerasrnn predict RUN --options`.",
    )(run)


def run(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    options: Annotated[
        bool, typer.Option("--options", help="List the app's own options and end.")
    ] = False,
) -> None:
    """Answer each INPUT: a prompt, a file; whatever the app takes."""
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError
    from kerasrnn.run import Run

    load_tensorflow()
    trained = Run(folder)
    kind = trained.app.file("config").Options
    if options:
        for field in dataclasses.fields(kind):
            print(f"--{_spelled(field.name):16} default {field.default!r}")
        return
    inputs, settings = _own_options(context.args, kind)
    inputs = inputs or list(getattr(trained.app.file("decode"), "ALONE", ()))
    if not inputs:
        raise UserError("`kerasrnn predict RUN` must be given at least one input, got none.")
    answers = trained.predict(inputs, **settings)
    if as_json:
        pairs = [{"input": i, "answer": a} for i, a in zip(inputs, answers, strict=True)]
        print(json.dumps({"app": trained.app.name, "predictions": pairs}, ensure_ascii=False))
        return
    show = trained.app.file("decode").show
    for given, answer in zip(inputs, answers, strict=True):
        print(show(given, answer))


def _own_options(arguments: list[str], kind: type) -> tuple[list[str], dict]:
    """Split what is left of the command line into inputs and fields of the app's Options."""
    from kerasrnn.errors import UserError
    from kerasrnn.settings import known, to_json, with_settings

    kinds = typing.get_type_hints(kind)
    names = {_spelled(name): name for name in kinds}
    inputs, settings, rest = [], [], list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            inputs += rest
            break
        if not word.startswith("--"):
            inputs.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = known(_spelled(name), names, "An option of the app")
        name = names[name]
        if not equals and kinds[name] is bool:
            value = "true"
        elif not equals:
            if not rest:
                raise UserError(f"--{_spelled(name)} must be followed by a value, got none.")
            value = rest.pop(0)
        settings.append(f"{name}={value}")
    return inputs, to_json(with_settings(kind(), settings))


def _spelled(name: str) -> str:
    """A field as the command line has it: class_, a word that Python keeps for itself, is class."""
    return name.rstrip("_").replace("_", "-")
