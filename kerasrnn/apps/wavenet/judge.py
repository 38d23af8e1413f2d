"""How well a model foretells each sample: bits, beside what comes for nothing."""

import math

import numpy as np
import tensorflow as tf

from kerasrnn.apps.wavenet.config import Config
from kerasrnn.apps.wavenet.data import Assets, Source, batches

OBJECTIVE = ("bits_per_sample", "min")


def judge(model, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split; in training, on part of "valid".

    Returns:
        () -> (samples, metrics): bits_per_sample, and on the same samples those of the codes' frequencies
        (unigram_bits_per_sample) and of a linear predictor of the 16 before (linear_bits_per_sample).
    """
    most = config.judged if split == "valid" else 0
    data = batches(source, config, split, assets, most=most).one_pass()
    beside = assets.baseline.bits((x["samples"].numpy(), w.numpy()) for x, _, w in data)

    @tf.function(reduce_retracing=True, autograph=False)
    def nats(x, y, weights):
        each = tf.cast(model.loss(y, model(x, training=False), weights), tf.float32)
        return each * tf.reduce_sum(weights), tf.reduce_sum(weights)

    def ask() -> tuple[int, dict[str, float]]:
        sums = np.sum([[float(one) for one in nats(*batch)] for batch in data], axis=0)
        metrics = {"bits_per_sample": float(sums[0] / sums[1] / math.log(2))}
        return int(sums[1]), metrics | beside

    return ask
