"""Configurations: frozen dataclasses that are read from text and written to JSON.

A field's type is one of int, float, str, bool, or a tuple of one of them.
"""

import dataclasses
import difflib
import math
import typing

from kerasrnn.errors import UserError

MOST = 2**31  # below which every integer is
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


def _parse_scalar(text: str, kind: type):
    if kind is bool:
        return _WORDS[text.strip().lower()]
    value = kind(text)
    if kind is float and not math.isfinite(value):
        raise ValueError(text)
    return value


def _parse(name: str, text: str, kind):
    """`text` as a value of the field's type; tuples are written with commas."""
    try:
        if typing.get_origin(kind) is tuple:
            element = typing.get_args(kind)[0]
            return tuple(_parse_scalar(part, element) for part in text.split(",") if part.strip())
        return _parse_scalar(text, kind)
    except (ValueError, KeyError):
        wanted = str(kind) if typing.get_origin(kind) else kind.__name__
        raise UserError(f"`{name}` must be of type {wanted}, got {text!r}.") from None


def _require_small(name: str, value: int) -> None:
    if abs(value) >= MOST:
        raise UserError(f"`{name}` must be below {MOST:,}, got one of {len(str(value))} digits.")


def _fields(config) -> dict[str, type]:
    return typing.get_type_hints(config if isinstance(config, type) else type(config))


def known(name: str, names, what: str) -> str:
    """`name` if it is one of `names`; otherwise a UserError that lists them and guesses."""
    names = sorted(names)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    raise UserError(f"{what} must be one of {', '.join(names)}; got {name!r}.{guess}")


def with_settings(config, settings: typing.Iterable[str]):
    """`config` with each "key=value" of `settings` applied.

    Raises:
        UserError: for a key that the configuration lacks or a value of the wrong type.
    """
    kinds = _fields(config)
    changes = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"A setting must be written key=value, got {setting!r}.")
        known(key, kinds, "A setting's key")
        changes[key] = value = _parse(key, text, kinds[key])
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int):
                _require_small(key, number)
    return replace(config, **changes)


def replace(config, **changes):
    """`dataclasses.replace` whose complaints are the user's to mend."""
    try:
        return dataclasses.replace(config, **changes)
    except ValueError as error:
        raise UserError(str(error)) from None


def to_json(config) -> dict:
    return dataclasses.asdict(config)


def from_json(kind: type, values: dict):
    """A configuration of class `kind` from what `to_json` gave.

    Raises:
        UserError: for an unknown key or a value of the wrong type.
    """
    kinds = _fields(kind)
    changes = {}
    for key, value in values.items():
        known(key, kinds, "A configuration's key")
        changes[key] = _checked(key, value, kinds[key])
    try:
        return kind(**changes)
    except ValueError as error:
        raise UserError(str(error)) from None


def _checked(name: str, value, kind):
    if type(value) is int:
        _require_small(name, value)
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        if isinstance(value, list | tuple):
            return tuple(_checked(name, item, element) for item in value)
    elif kind is float and type(value) in (int, float):
        return float(value)
    elif type(value) is kind:
        return value
    raise UserError(f"`{name}` must be of type {kind}, got {value!r}.")


def choice(name: str, value, names) -> None:
    if value not in names:
        raise ValueError(f"`{name}` must be one of {', '.join(names)}; got {value!r}.")


def positive(name: str, value: float, or_zero: bool = False) -> None:
    if not (0 < value < math.inf or (or_zero and value == 0)):
        raise ValueError(f"`{name}` must be {'at least' if or_zero else 'above'} 0, got {value!r}.")


def require_limits(**limits: float | None) -> None:
    """Refuse a limit that is not above 0; None is no limit.

    Raises:
        UserError: that names it.
    """
    for name, value in limits.items():
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"`{name}` must be above 0, got {value}.")


def within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        least, most, value = (
            f"{x:,}" if isinstance(x, int) else f"{x:,g}" for x in (least, most, value)
        )
        raise ValueError(f"`{name}` must be from {least} to {most}, got {value}.")


def unit_interval(name: str, value: float, closed: bool = False) -> None:
    if not 0 <= value <= 1 or (value == 1 and not closed):
        raise ValueError(f"`{name}` must be in [0, 1{']' if closed else ')'}, got {value!r}.")


def check_numbers(config, above=(), or_zero=(), shares=()) -> None:
    """The fields called `above` must be above 0, those of `or_zero` 0 or more, `shares` in [0, 1).

    Each number of a tuple, such as the units of layers, is looked at, and there must be one.
    """
    for names, zero in ((above, False), (or_zero, True)):
        for name in names:
            value = getattr(config, name)
            if value == ():
                raise ValueError(f"`{name}` must name at least one layer, got none.")
            for number in value if isinstance(value, tuple) else (value,):
                positive(name, number, or_zero=zero)
    for name in shares:
        unit_interval(name, getattr(config, name))
