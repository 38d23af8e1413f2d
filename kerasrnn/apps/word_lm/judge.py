"""How well the model predicts a text: perplexity, a word's, with line ends and <unk> among the words."""

from kerasrnn.apps.word_lm.config import Config
from kerasrnn.apps.word_lm.data import Assets, Source, batches
from kerasrnn.metrics.perplexity import perplexity
from kerasrnn.training.next_token import judge_stream
from kerasrnn.training.truncated import TruncatedBPTT

OBJECTIVE = ("perplexity", "min")


def judge(model: TruncatedBPTT, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split.

    Returns:
        () -> (tokens predicted, metrics).
    """
    predictions = sum(len(assets.encode(text)) - 1 for text in source.splits[split])
    stream = batches(source, config, split, assets)
    return judge_stream(model, stream, predictions, lambda nats: {"perplexity": perplexity(nats)})
