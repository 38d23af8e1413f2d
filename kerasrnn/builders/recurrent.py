"""The recurrent layers that the builders are made of: the one place that says whose they are."""

from kerasrnn.cells import CELLS
from kerasrnn.layers import GRU, LSTM, Bidirectional, Recurrent, SimpleRNN

LAYERS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}

__all__ = ["CELLS", "LAYERS", "Bidirectional", "Recurrent"]
