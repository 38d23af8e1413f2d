"""A speech recogniser from recordings to a SavedModel, in steps (minutes on two cores).

    python apps/deepspeech.py [RECORDINGS]

RECORDINGS is a manifest (CSV or TSV with a path and a transcript column), a LibriSpeech or Common Voice folder.
Without it, synthetic voices say digits.
"""

import sys
import tempfile
from pathlib import Path

import soundfile
import tensorflow as tf

from kerasrnn.apps import deepspeech
from kerasrnn.apps.deepspeech.data import open_source

recordings = sys.argv[1] if len(sys.argv) > 1 else None
folder = Path(tempfile.mkdtemp(prefix="deepspeech-"))

# 1. Train: mel bands, three layers, a recurrent layer both ways, one more layer, CTC. The folder keeps the
#    model, the alphabet, every number, and pictures: CTC's spikes over spectrograms, letters that are confused.
run = deepspeech.train(recordings, preset="small", max_minutes=3, out=folder / "run")

# 2. Judge it on recordings that it has not heard: word error rate with its 95 % interval, character error rate.
print("test:", run.evaluate(split="test"))

# 3. Ask: what is said in a file, how sure that is, when each word is heard; and what else it could be.
utterances = open_source(recordings, run.config).splits["test"]
file = folder / "asked.wav"
soundfile.write(file, utterances.sounds[0], run.config.rate)
(answer,) = run.predict([file], best=3)
print(f"{utterances.texts[0]!r} is said;", answer)

# 4. Export, and ask the export: bytes of a WAV file in, a transcript with its letters' times out.
version = run.export(folder / "deepspeech")
served = tf.saved_model.load(str(version))
found = served.signatures["serving_default"](tf.constant([file.read_bytes()]))
print("served:", found["transcript"].numpy()[0].decode(), float(found["confidence"][0]))
print(f"Everything lies in {folder}")
