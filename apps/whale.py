"""A right-whale detector from clips to a selection table and a SavedModel, in steps (minutes on two cores).

    python apps/whale.py [CLIPS [RECORDING]]

CLIPS is a folder: the Kaggle challenge's layout (train.csv with clip_name,label, and the clips), or a folder of
clips for each label. RECORDING is an audio file of any length. Without them, synthetic sounds.
"""

import sys
import tempfile
from pathlib import Path

import soundfile
import tensorflow as tf

from kerasrnn.apps import whale
from kerasrnn.apps.whale import detect, synth

clips, recording = (*sys.argv[1:3], None, None)[:2]
folder = Path(tempfile.mkdtemp(prefix="whale-"))

# 1. Train: mel bands under PCEN, two convolutions, a GRU, attention. The folder keeps the model, the bands'
#    mean and deviation, every number, the ROC curve and a sheet of clips with what the model says of them.
run = whale.train(clips, preset="small", max_minutes=1, out=folder / "run")

# 2. Judge it on clips that it has not heard: AUC with its 95 % interval, average precision. The synthetic clips
#    have splits more: calls at 0 dB and at -6 dB, and another sea.
print("test:", run.evaluate(split="test"))
if clips is None:
    for split in ("medium", "low", "shifted"):
        print(f"{split}:", run.evaluate(split=split))

# 3. Take a long recording.
if recording is None:
    recording = folder / "hour.flac"
    with soundfile.SoundFile(recording, "w", synth.RATE, 1, subtype="PCM_16") as file:
        for minute, _ in synth.recording(3600, 30, (0.0, 6.0), synth.HOME, seed=1):
            file.write(minute)

# 4. Find the calls in a long recording: a stream, whose state runs on; a table for Raven, a CSV, a picture.
threshold = detect.chosen_threshold(run, precision=0.99)
alarms = detect.alarms_an_hour(run, threshold)
print(f"{alarms:.1f} false alarms an hour on the validation's clips without a call")
((found,), _) = detect.search(run, [recording], folder / "found", threshold.score, picture=True)
print(f"{len(found['detections'])} detections in {found['files'][0]}")

# 5. Export, and ask the export: bytes of a WAV file in, a probability out. Its signature "stream" takes a piece
#    of sound and a state, and gives probabilities and the next state.
version = run.export(folder / "whale")
sound, rate = soundfile.read(recording, frames=4 * synth.RATE)
soundfile.write(folder / "first.wav", sound, rate)
served = tf.saved_model.load(str(version))
answer = served.signatures["serving_default"](tf.constant([(folder / "first.wav").read_bytes()]))
print("a call in the first seconds:", float(answer["probability"][0]))
print(f"Everything lies in {folder}")
