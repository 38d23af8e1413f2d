"""The recurrent layers that the builders are made of: the one place that says whose they are."""

from keras.layers import GRU, LSTM, Bidirectional, GRUCell, LSTMCell, SimpleRNN, SimpleRNNCell
from keras.layers import RNN as Recurrent

LAYERS = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
CELLS = {"simple_rnn": SimpleRNNCell, "lstm": LSTMCell, "gru": GRUCell}

__all__ = ["CELLS", "LAYERS", "Bidirectional", "Recurrent"]
