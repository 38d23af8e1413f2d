"""From logits to an answer, as TensorFlow graphs that also run inside an exported SavedModel."""

from kerasrnn.decoders.draws import draws
from kerasrnn.decoders.sampling import generate, sample

__all__ = ["draws", "generate", "sample"]
