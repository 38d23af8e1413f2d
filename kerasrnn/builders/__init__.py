"""The slides as functions: each returns an uncompiled `keras.Model` in the functional API.

| builder | slide | reads | answers |
|---|---|---|---|
| `one_to_one` | one to one | x (B, D) | (B, C) |
| `one_to_many` | one to many | x (B, D), the target (B, T, C) | (B, T, C) |
| `many_to_one` | many to one | x (B, T, D) | (B, C) |
| `many_to_many` | many to many, aligned | x (B, T, D) | (B, T, C) |
| `encoder_decoder` | many to many, delayed | x (B, T, D), the target (B, L, C) | (B, L, C) |
| `wavenet` | WaveNet | samples (B, T) int | of each sample, from those before it, (B, T, P) |
| `sample_rnn` | the same, by any cell | samples (B, T) int | the same |

Sequences may be tokens instead, (B, T) or (B, L) int: see `sequence_input`. The recurrent layers
take the keywords of `StackKnobs`, which `Stack` explains. Masks are inputs (`masked=True`).
"""

from kerasrnn.builders.budget import widths_for
from kerasrnn.builders.encoder_decoder import encoder_decoder
from kerasrnn.builders.inputs import sequence_input
from kerasrnn.builders.knobs import StackKnobs
from kerasrnn.builders.many import many_to_many, many_to_one
from kerasrnn.builders.one import one_to_many, one_to_one
from kerasrnn.builders.sample_rnn import SampleRNN, sample_rnn
from kerasrnn.builders.stack import Stack
from kerasrnn.builders.wavenet import WaveNet, wavenet

__all__ = [
    "SampleRNN",
    "Stack",
    "StackKnobs",
    "WaveNet",
    "encoder_decoder",
    "many_to_many",
    "many_to_one",
    "one_to_many",
    "one_to_one",
    "sample_rnn",
    "sequence_input",
    "wavenet",
    "widths_for",
]
