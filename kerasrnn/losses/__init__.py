"""What a network is trained to make small, where Keras has none that fits."""

from kerasrnn.losses.ctc import ctc
from kerasrnn.losses.mixture_of_logistics import MixtureOfLogistics

__all__ = ["MixtureOfLogistics", "ctc"]
