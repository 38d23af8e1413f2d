"""What stands around a step: the recurrent layers."""

from kerasrnn.layers.packed import GRU, LSTM, SimpleRNN
from kerasrnn.layers.recurrent import Recurrent

__all__ = ["GRU", "LSTM", "Recurrent", "SimpleRNN"]
