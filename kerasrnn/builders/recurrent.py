"""The recurrent layers that the builders are made of: the one place that says whose they are."""

from kerasrnn.cells import CELLS, OutputRecurrentCell, TimeDelayCell, get
from kerasrnn.layers import (
    GRU,
    LSTM,
    AtEachStep,
    Bidirectional,
    Dropout,
    OutputRecurrent,
    Recurrent,
    SimpleRNN,
    TimeDelay,
)

LAYERS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
OF_A_CELL = {OutputRecurrentCell: OutputRecurrent, TimeDelayCell: TimeDelay}


def layer_over(cell, **arguments) -> Recurrent:
    """The layer that runs `cell` best."""
    return OF_A_CELL.get(type(cell), Recurrent)(cell, **arguments)


def gives_answers(cell) -> bool:
    """Whether the output of `cell`, a name or a cell, is the network's answer."""
    kind = CELLS.get(cell) if isinstance(cell, str) else cell
    return getattr(kind, "answers", False)


__all__ = [
    "CELLS",
    "LAYERS",
    "AtEachStep",
    "Bidirectional",
    "Dropout",
    "get",
    "gives_answers",
    "layer_over",
]
