"""What stands around a step: the recurrent layers, attention, causal convolutions."""

from kerasrnn.layers.attention import HardAttention, SoftAttention
from kerasrnn.layers.bias import Bias
from kerasrnn.layers.bidirectional import Bidirectional
from kerasrnn.layers.companding import dequantise, mu_law, mu_law_inverse, quantise
from kerasrnn.layers.context import AtEachStep
from kerasrnn.layers.dilated import CausalConvolution, receptive_field
from kerasrnn.layers.dropout import Dropout
from kerasrnn.layers.gated_residual import GatedResidual
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
    "CausalConvolution",
    "Dropout",
    "GatedResidual",
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
    "dequantise",
    "mu_law",
    "mu_law_inverse",
    "quantise",
    "receptive_field",
]
