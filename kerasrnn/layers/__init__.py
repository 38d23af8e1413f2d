"""What stands around a step: the recurrent layers."""

from kerasrnn.layers.bidirectional import Bidirectional
from kerasrnn.layers.packed import GRU, LSTM, SimpleRNN
from kerasrnn.layers.recurrent import Recurrent
from kerasrnn.layers.stacked import Stacked

__all__ = ["GRU", "LSTM", "Bidirectional", "Recurrent", "SimpleRNN", "Stacked"]
