"""Ask an exported character model for text, with TensorFlow and nothing of kerasrnn.

    python apps/ask_saved_model.py saved_models/char_lm/1 "Once upon a time" --length 200

This is all that a client of the SavedModel has to know: strings in, strings out.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("model", help="a version's folder, such as saved_models/char_lm/1")
parser.add_argument("prompt", nargs="+")
parser.add_argument("--length", type=int, default=200, help="characters to write")
parser.add_argument("--temperature", type=float, default=0.6)
parser.add_argument("--top-k", type=int, default=0, help="0 draws among all characters")
parser.add_argument("--top-p", type=float, default=1.0)
parser.add_argument("--seed", type=int, default=0)
asked = parser.parse_args()

model = tf.saved_model.load(asked.model)
answer = model.signatures["serving_default"](
    prompt=tf.constant(asked.prompt),
    length=tf.constant(asked.length),
    temperature=tf.constant(asked.temperature),
    top_k=tf.constant(asked.top_k),
    top_p=tf.constant(asked.top_p),
    seed=tf.constant(asked.seed),
)
for prompt, text in zip(asked.prompt, answer["text"].numpy(), strict=True):
    print(prompt + text.decode())
