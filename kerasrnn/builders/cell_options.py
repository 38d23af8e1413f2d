"""What a user sets of a named cell, as text."""

import random
from collections.abc import Iterable

from kerasrnn.builders.recurrent import get
from kerasrnn.errors import UserError

WORDS = {"true": True, "false": False, "none": None}


def cell_options(cell: str, settings: Iterable[str], units: Iterable[int] = (4,)) -> dict:
    """The options of the cell called `cell` from "key=value" each, such as "tau=4": docs/cells.md has them.

    A value is a whole number, a number, true, false, none, or a text; several are written "1|2|4". That they
    are tried changes no later draw of a seed.

    Args:
        units: of the layers, on each of which they are tried.
    Raises:
        UserError: if the cell does not take them.
    """
    options = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"Each of `cell_options` must be written key=value, got {setting!r}.")
        options[key.strip()] = _value(text.strip())
    drawn = random.getstate()  # from which Keras seeds what has no seed of its own
    try:
        for width in units:
            get(cell, width, **options)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"`cell_options` must be such as {cell} takes: {reason}") from None
    finally:
        random.setstate(drawn)
    return options


def _value(text: str):
    if "|" in text:
        return tuple(_value(part.strip()) for part in text.split("|"))
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
