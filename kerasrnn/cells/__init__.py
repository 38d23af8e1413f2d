"""One step of a recurrence: the slide's equation, a file per family.

`CELLS` holds every cell by its name; docs/cells.md says what each computes, and whose it is.
"""

from functools import partial

from kerasrnn.cells.base import GateCell
from kerasrnn.cells.delayed import DelayedCell
from kerasrnn.cells.gru import GRUCell
from kerasrnn.cells.leaky import LeakyCell
from kerasrnn.cells.lstm import LSTMCell
from kerasrnn.cells.lstm_variants import FullGateLSTMCell, LSTMVariantCell
from kerasrnn.cells.output_recurrent import OutputRecurrentCell
from kerasrnn.cells.simple import SimpleRNNCell
from kerasrnn.cells.structured import StructuredCell
from kerasrnn.cells.time_delay import TimeDelayCell
from kerasrnn.cells.unbounded import UnboundedCell
from kerasrnn.initializers import Identity, IdentityMixture, PositiveDefinite


def projected_lstm(units: int, projection: int | None = None, **options) -> LSTMVariantCell:
    """An LSTM whose h is `projection` wide, by default half of its c."""
    return LSTMVariantCell(units, projection=projection or max(1, units // 2), **options)


CELLS = {
    "simple_rnn": SimpleRNNCell,
    "relu_rnn": partial(SimpleRNNCell, activation="relu"),
    "sigmoid_rnn": partial(SimpleRNNCell, activation="sigmoid"),
    "irnn": partial(
        SimpleRNNCell,
        activation="relu",
        kernel_initializer={"class_name": "RandomNormal", "config": {"stddev": 0.001}},
        recurrent_initializer=Identity,
    ),
    "mixture_rnn": partial(SimpleRNNCell, recurrent_initializer=IdentityMixture),
    "np_rnn": partial(SimpleRNNCell, activation="relu", recurrent_initializer=PositiveDefinite),
    "leaky_rnn": LeakyCell,
    "delayed_rnn": DelayedCell,
    "structured_rnn": StructuredCell,
    "output_rnn": OutputRecurrentCell,
    "time_delay": TimeDelayCell,
    "unbounded": UnboundedCell,
    "gru": GRUCell,
    "gru_reset_before": partial(GRUCell, reset_after=False),
    "lstm": LSTMCell,
    "projected_lstm": projected_lstm,
    "peephole_lstm": LSTMVariantCell,
    "lstm_nig": partial(LSTMVariantCell, without=("input",)),
    "lstm_nfg": partial(LSTMVariantCell, without=("forget",)),
    "lstm_nog": partial(LSTMVariantCell, without=("output",)),
    "lstm_niaf": partial(LSTMVariantCell, activation="linear"),
    "lstm_noaf": partial(LSTMVariantCell, output_activation="linear"),
    "lstm_cifg": partial(LSTMVariantCell, coupled=True),
    "lstm_fgr": FullGateLSTMCell,
}


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


__all__ = [
    "CELLS",
    "DelayedCell",
    "FullGateLSTMCell",
    "GRUCell",
    "GateCell",
    "LSTMCell",
    "LSTMVariantCell",
    "LeakyCell",
    "OutputRecurrentCell",
    "SimpleRNNCell",
    "StructuredCell",
    "TimeDelayCell",
    "UnboundedCell",
    "get",
]
