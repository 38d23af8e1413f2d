"""A character language model from a text to a SavedModel, step by step (about a minute on two cores).

    python apps/char_lm.py [TEXT]

TEXT is a UTF-8 file or a folder of them; without it, the source text of Python's standard library.
"""

import sys
import tempfile
from pathlib import Path

import tensorflow as tf

from kerasrnn.apps import char_lm

text = sys.argv[1] if len(sys.argv) > 1 else None
folder = Path(tempfile.mkdtemp(prefix="char_lm-"))

# 1. Train. A preset is a set of numbers; any of them can be changed. The run folder keeps the model, its
#    vocabulary, every number, the learning curve and a checkpoint after each epoch.
run = char_lm.train(
    text,
    preset="small",
    settings=("units=128", "epoch_steps=200"),
    max_minutes=0.5,
    out=folder / "run",
)

# 2. Judge it on text that it has not seen: nats and bits per character, perplexity.
print(run.evaluate(split="test"))

# 3. Write. The same seed and prompt give the same text.
print(run.predict(["The "], length=200, temperature=0.7, seed=1)[0])

# 4. Export, and ask the export. It holds the vocabulary, the network and the sampler: strings in, strings out.
version = run.export(folder / "char_lm")
served = tf.saved_model.load(str(version))
answer = served.signatures["serving_default"](
    prompt=tf.constant(["The "]),
    length=tf.constant(200),
    temperature=tf.constant(0.7),
    top_k=tf.constant(0),
    top_p=tf.constant(1.0),
    seed=tf.constant(1),
)
print(answer["text"][0].numpy().decode())
print(f"Everything lies in {folder}")
