"""A word language model from a text to a SavedModel, beside a 5-gram (about two minutes on two cores).

    python apps/word_lm.py [TEXT]

TEXT is a UTF-8 file or a folder of them; without it, the texts of Python's help().
"""

import sys
import tempfile
from pathlib import Path

import tensorflow as tf

from kerasrnn.apps import word_lm
from kerasrnn.apps.word_lm.data import open_source, words
from kerasrnn.apps.word_lm.decode import WordWriter
from kerasrnn.baselines import kneser_ney, read_arpa, write_arpa
from kerasrnn.decoders.rescoring import Hypothesis, rescore

text = sys.argv[1] if len(sys.argv) > 1 else None
folder = Path(tempfile.mkdtemp(prefix="word_lm-"))

# 1. Train. A preset is a set of numbers; any of them can be changed.
run = word_lm.train(
    text,
    preset="small",
    settings=("units=128", "embedding_size=128", "epoch_steps=100"),
    max_minutes=1,
    out=folder / "run",
)

# 2. Judge it on text that it has not seen, and write.
print(run.evaluate(split="test"))
print(run.predict(["The"], length=60, temperature=0.7, seed=1)[0])

# 3. A 5-gram with Kneser-Ney smoothing of the same text and the same words, by way of an ARPA file, which any
#    speech recogniser reads. A line is a sentence.
lines = [
    words([line], lowercase=False)
    for document in open_source(text, run.config).splits["train"]
    for line in document.splitlines()
]
write_arpa(kneser_ney(lines, 5, vocabulary=run.assets.vocabulary[2:]), folder / "5-gram.arpa")
grams = read_arpa(folder / "5-gram.arpa")
print(grams.score(words(["The value of the expression"], lowercase=False)))

# 4. Rank the sentences that a recogniser could not decide between: its score, and ln P by the network.
heard = [
    Hypothesis("the result off this is a string", -20.0),
    Hypothesis("the result of this is a string", -20.5),
]
for best in rescore([heard], WordWriter(run.model, run.assets).log_probabilities)[0]:
    print(f"{best.score:8.2f}  {best.sentence}")

# 5. Export, and ask the export.
served = tf.saved_model.load(str(run.export(folder / "word_lm")))
print(
    served.signatures["score"](
        text=tf.constant(["The result is a string.", "Result string a the is."])
    )
)
print(f"Everything lies in {folder}")
