"""The signatures of a language model's export: strings in, strings out."""

import tensorflow as tf

from kerasrnn.decoders import draws


def _each(value: tf.Tensor, rows) -> tf.Tensor:
    """One value for each row, from a scalar or from (B,)."""
    return tf.broadcast_to(tf.reshape(value, [-1]), [rows])


def writing_signatures(writer, *, longest: int, widest: int, counted: str) -> dict:
    """What an app's `endpoint` returns for a `kerasrnn.decoders.Writer`.

    serving_default: prompt string (B,), length int32, temperature float32, top_k int32, top_p float32 and seed
        int32, each a scalar or (B,) → text string (B,), what follows each prompt. top_k 0 and top_p 1
        are off, temperature 0 is greedy. At most `longest` tokens are written. A row's text
        depends on its own inputs only.
    score: text string (B,) → log_probability float32 (B,), in nats, of every token that `writer.score`
        asks for, and int32 (B,), named `counted`, how many those are.
    """

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
        most = tf.clip_by_value(tf.reduce_max(tf.concat([length, [0]], 0)), 0, longest)
        tokens, lengths = writer.read(prompt)
        uniforms = draws(seed, most)
        written = writer.write(tokens, lengths, length, temperature, top_k, top_p, uniforms)
        return {"text": writer.spell(*written, prompt)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "prompt"),
            option("length", tf.int32),
            tf.TensorSpec([], tf.int32, "width"),
            option("alpha", tf.float32),
        ],
        autograph=False,
    )
    def beam(prompt, length, width, alpha):
        rows = tf.shape(prompt)[0]
        width = tf.clip_by_value(width, 1, widest)
        length = tf.minimum(_each(length, rows), longest // width)
        tokens, lengths = writer.read(prompt)
        alpha = tf.maximum(_each(alpha, rows), 0.0)
        beams = writer.search(tokens, lengths, length, alpha, width=width)
        text = writer.spell_beams(beams, prompt)
        return {"text": text, "score": beams.scores, "count": beams.counts}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False)
    def score(text):
        log_probability, tokens = writer.score(text)
        return {"log_probability": log_probability, counted: tokens}

    signatures = {"serving_default": serving_default, "beam": beam, "score": score}
    return signatures | {"module": writer}


def writing_questions(prompts: list[str]) -> list[dict]:
    """Requests that try the export: one row and several (three prompts), greedy, drawn and searched."""
    one = {"length": 20, "temperature": 0.8, "top_k": 0, "top_p": 1.0, "seed": 1}
    each = {"length": [8, 0, 30], "temperature": [0.0, 1.0, 0.7], "top_k": [0, 3, 5]}
    each |= {"top_p": [1.0, 0.9, 0.5], "seed": [0, -7, 123456]}
    search = {"length": [9, 0, 4], "width": 3, "alpha": 0.6}
    return [
        {"signature": "serving_default", "inputs": {"prompt": prompts[:1]} | one},
        {"signature": "serving_default", "inputs": {"prompt": prompts} | each},
        {"signature": "beam", "inputs": {"prompt": prompts} | search},
        {"signature": "score", "inputs": {"text": prompts}},
    ]
