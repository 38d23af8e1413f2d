"""KerasTuner searches over any app: `HyperApp` for a tuner of one's own, `search` for the whole of it."""

from kerasrnn.tuning.hyper_app import HyperApp
from kerasrnn.tuning.search import search
from kerasrnn.tuning.trials import Found, Trial

__all__ = ["Found", "HyperApp", "Trial", "search"]
