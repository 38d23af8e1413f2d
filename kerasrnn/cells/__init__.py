"""One step of a recurrence: the slide's equation, a file per family."""

from kerasrnn.cells.base import GateCell
from kerasrnn.cells.gru import GRUCell
from kerasrnn.cells.lstm import LSTMCell
from kerasrnn.cells.simple import SimpleRNNCell

CELLS = {"simple_rnn": SimpleRNNCell, "lstm": LSTMCell, "gru": GRUCell}


def get(cell, units: int | None = None, **options):
    """Return a cell: by its name, of `units` and with `options`; or the given cell itself.

    Raises:
        ValueError: if the name is unknown, a name comes without units, or a cell with options.
    """
    if isinstance(cell, str):
        if cell not in CELLS:
            raise ValueError(f"`cell` must be one of {sorted(CELLS)} or a cell, got {cell!r}.")
        if units is None:
            raise ValueError(f"`units` must be given with a cell's name, got cell={cell!r} alone.")
        return CELLS[cell](units, **options)
    if isinstance(cell, type):
        return cell(units, **options)
    if options:
        raise ValueError(
            f"`options` go with a cell's name, got {sorted(options)} with the cell "
            f"{cell.name!r}; give them to the cell itself."
        )
    return cell


__all__ = ["CELLS", "GRUCell", "GateCell", "LSTMCell", "SimpleRNNCell", "get"]
