"""The exported graph: strings in, strings out."""

import tensorflow as tf

from kerasrnn.apps.char_lm.config import LONGEST, Config
from kerasrnn.apps.char_lm.data import Assets
from kerasrnn.apps.char_lm.decode import Writer
from kerasrnn.decoders import draws


def _each(value: tf.Tensor, rows) -> tf.Tensor:
    """One value for each row, from a scalar or from (B,)."""
    return tf.broadcast_to(tf.reshape(value, [-1]), [rows])


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: prompt string (B,), length int32, temperature float32, top_k int32, top_p float32 and seed
        int32, each a scalar or (B,) → text string (B,), what follows each prompt. top_k 0 and top_p 1
        are off, temperature 0 is greedy. At most 100,000 characters are written. A row's text
        depends on its own inputs only.
    score: text string (B,) → log_probability float32 (B,), in nats, of every character after the
        first, and characters int32 (B,), how many those are.
    """
    writer = Writer(model, assets)

    def option(name, dtype):
        return tf.TensorSpec(None, dtype, name)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "prompt"),
            option("length", tf.int32),
            option("temperature", tf.float32),
            option("top_k", tf.int32),
            option("top_p", tf.float32),
            option("seed", tf.int32),
        ],
        autograph=False,
    )
    def serving_default(prompt, length, temperature, top_k, top_p, seed):
        rows = tf.shape(prompt)[0]
        length, temperature, top_k, top_p, seed = (
            _each(value, rows) for value in (length, temperature, top_k, top_p, seed)
        )
        longest = tf.clip_by_value(tf.reduce_max(tf.concat([length, [0]], 0)), 0, LONGEST)
        tokens, lengths = writer.read(prompt, assets.start)
        uniforms = draws(seed, longest)
        written = writer.write(tokens, lengths, length, temperature, top_k, top_p, uniforms)
        return {"text": writer.spell(*written)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False)
    def score(text):
        log_probability, characters = writer.score(text)
        return {"log_probability": log_probability, "characters": characters}

    return {"serving_default": serving_default, "score": score, "module": writer}


def questions(assets: Assets) -> list[dict]:
    """Requests that try the export: one row and several, greedy and drawn, known characters and not."""
    prompts = ["", assets.vocabulary[:5], assets.vocabulary[-1] + "\u2603"]
    one = {"length": 20, "temperature": 0.8, "top_k": 0, "top_p": 1.0, "seed": 1}
    each = {"length": [8, 0, 30], "temperature": [0.0, 1.0, 0.7], "top_k": [0, 3, 5]}
    each |= {"top_p": [1.0, 0.9, 0.5], "seed": [0, -7, 123456]}
    return [
        {"signature": "serving_default", "inputs": {"prompt": prompts[:1]} | one},
        {"signature": "serving_default", "inputs": {"prompt": prompts} | each},
        {"signature": "score", "inputs": {"text": prompts}},
    ]
