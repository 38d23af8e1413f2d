"""How well the model predicts a text: nats and bits a character, perplexity."""

import math

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.apps.char_lm.data import Assets, Source, batches
from kerasrnn.metrics.perplexity import perplexity
from kerasrnn.training.next_token import judge_stream
from kerasrnn.training.truncated import TruncatedBPTT

OBJECTIVE = ("nats_per_char", "min")


def metrics(nats_per_char: float) -> dict[str, float]:
    return {
        "nats_per_char": nats_per_char,
        "bits_per_char": nats_per_char / math.log(2),
        "perplexity": perplexity(nats_per_char),
    }


def judge(model: TruncatedBPTT, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split.

    Returns:
        () -> (characters predicted, metrics). The first character of each document is given, not predicted.
    """
    stream = batches(source, config, split, assets)
    predictions = sum(max(len(text) - 1, 0) for text in source.splits[split])
    return judge_stream(model, stream, predictions, metrics)
