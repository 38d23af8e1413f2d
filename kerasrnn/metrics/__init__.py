"""How good answers are, beside those that people gave."""

from kerasrnn.metrics.captions import judge_captions

__all__ = ["judge_captions"]
