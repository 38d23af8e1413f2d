"""The recurrent layers that the builders are made of: the one place that says whose they are."""

from keras.layers import Bidirectional

from kerasrnn.cells import CELLS
from kerasrnn.layers import GRU, LSTM, Recurrent, SimpleRNN

LAYERS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}

__all__ = ["CELLS", "LAYERS", "Bidirectional", "Recurrent"]
