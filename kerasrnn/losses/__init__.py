"""What a network is trained to make small, where Keras has none that fits."""

from kerasrnn.losses.ctc import ctc

__all__ = ["ctc"]
