"""What a comparison shows of a run besides its metric: how fast it learned and writes, how far it sees."""

import time

import numpy as np
import tensorflow as tf

from kerasrnn.apps.wavenet.config import Config
from kerasrnn.decoders import draws
from kerasrnn.decoders.sounds import BLOCK

ROUNDS = 3  # blocks that are timed, after one to compile and one to warm up


def generation_rate(model, config: Config) -> float:
    """Samples a second of one sound."""
    from kerasrnn.apps.wavenet.decode import conditions, writer

    made = writer(model)
    given = made.over(conditions(config, [0], BLOCK))(0, BLOCK)
    state, uniforms, spent = made.start(1), draws([0], BLOCK), []
    for _ in range(2 + ROUNDS):
        begun = time.perf_counter()
        written, *_ = made.write_fast(*state, uniforms, tf.constant(1.0), *given)
        written.numpy()
        spent.append(time.perf_counter() - begun)
    return BLOCK / float(np.median(spent[2:]))


def traits(run) -> dict:
    """{column: number or text} of a run: samples learned and written a second, and the receptive field."""
    far, milliseconds = run.app.file("model").receptive_field(run.config)
    learned = run.measures["steps"] * run.config.batch_size * run.config.window
    return {
        "trained samples/s": learned / run.measures["seconds"],
        "written samples/s": generation_rate(run.model, run.config),
        "receptive field": "all before" if far is None else f"{far:,} ({milliseconds:.1f} ms)",
    }
