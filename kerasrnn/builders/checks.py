"""What the builders require of a knob, said in one way."""


def require_size(name: str, value, hint: str) -> None:
    """Require `value` to be a positive int; `hint` says what for.

    Raises:
        ValueError: otherwise.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a positive int, got {value!r}; {hint}.")


def require_one_of(name: str, value, choices: tuple, hint: str = "") -> None:
    """Require `value` to be one of `choices`; `hint` is a clause, said after the value that came.

    Raises:
        ValueError: otherwise.
    """
    if value not in choices:
        hint = f"; {hint}" if hint else ""
        raise ValueError(f"`{name}` must be one of {choices}, got {value!r}{hint}.")


def require_share(name: str, value) -> None:
    """Require `value` to be in [0, 1).

    Raises:
        ValueError: otherwise.
    """
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` must be a share in [0, 1), got {value!r}.")


def require_plain(name: str, value, plain, why: str) -> None:
    """Require `value` to be `plain`; `why` is a clause.

    Raises:
        ValueError: otherwise.
    """
    if value != plain:
        raise ValueError(f"`{name}` must be {plain!r} {why}, got {value!r}.")
