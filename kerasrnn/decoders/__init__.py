"""From logits to an answer, as TensorFlow graphs that also run inside an exported SavedModel."""

from kerasrnn.decoders.ahead import step_ahead
from kerasrnn.decoders.beam import Beams, beam_search
from kerasrnn.decoders.draws import draws
from kerasrnn.decoders.sampling import generate, sample
from kerasrnn.decoders.writer import Writer, show_answer

__all__ = [
    "Beams",
    "Writer",
    "beam_search",
    "draws",
    "generate",
    "sample",
    "show_answer",
    "step_ahead",
]
