"""A model of a stream's next token: its loss, and how well it does on a split."""

from collections.abc import Callable

import keras

from kerasrnn.data.batching import Batches
from kerasrnn.data.streams import JUDGING_ROWS
from kerasrnn.training.truncated import TruncatedBPTT


def compiled(model: TruncatedBPTT, by="sgd") -> TruncatedBPTT:
    """`model` with the loss: nats a token, weighted by what is text and not padding."""
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="nats")
    model.compile(by, loss=loss, weighted_metrics=[metric])
    return model


def judge_stream(model: TruncatedBPTT, batches: Batches, predictions: int, metrics: Callable):
    """A function that judges `model`, as it is when called, on a stream.

    Args:
        batches: `stream_batches` without a seed.
        predictions: tokens that the stream predicts.
        metrics: nats a token -> metrics by name.
    Returns:
        () -> (predictions, metrics).
    """
    data = batches.one_pass()
    judged = compiled(TruncatedBPTT(model.model, JUDGING_ROWS))

    def ask() -> tuple[int, dict[str, float]]:
        logs = judged.evaluate(data, verbose=0, return_dict=True)
        return predictions, metrics(float(logs["nats"]))

    return ask
