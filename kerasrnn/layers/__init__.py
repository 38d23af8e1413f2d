"""What stands around a step: the recurrent layers."""

from kerasrnn.layers.attention import HardAttention, SoftAttention
from kerasrnn.layers.bias import Bias
from kerasrnn.layers.bidirectional import Bidirectional
from kerasrnn.layers.context import AtEachStep
from kerasrnn.layers.dropout import Dropout
from kerasrnn.layers.grid import GridLSTM, GridRNN
from kerasrnn.layers.output_recurrent import OutputRecurrent
from kerasrnn.layers.packed import GRU, LSTM, SimpleRNN
from kerasrnn.layers.recurrent import Recurrent
from kerasrnn.layers.stacked import Stacked
from kerasrnn.layers.teacher_forcing import TeacherForcing
from kerasrnn.layers.time_delay import TimeDelay

__all__ = [
    "GRU",
    "LSTM",
    "AtEachStep",
    "Bias",
    "Bidirectional",
    "Dropout",
    "GridLSTM",
    "GridRNN",
    "HardAttention",
    "OutputRecurrent",
    "Recurrent",
    "SimpleRNN",
    "SoftAttention",
    "Stacked",
    "TeacherForcing",
    "TimeDelay",
]
