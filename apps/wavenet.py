"""Raw sound, sample by sample: WaveNet beside a recurrent network, step by step (minutes on two cores).

    python apps/wavenet.py [SOUNDS]

SOUNDS is a folder of audio files; the names of its subfolders, if it has some, are classes. Without it, drum
recordings where Debian's hydrogen-drumkits is installed, otherwise generated instruments.
"""

import sys
import tempfile
from pathlib import Path

import tensorflow as tf

from kerasrnn.app import find_app
from kerasrnn.apps import wavenet
from kerasrnn.comparison import columns, compare

sounds = sys.argv[1] if len(sys.argv) > 1 else None
folder = Path(tempfile.mkdtemp(prefix="wavenet-"))

# 1. Train. Sound becomes 256 µ-law codes; dilated causal convolutions foretell each from the 2,047 before it.
run = wavenet.train(sounds, preset="small", max_minutes=2, out=folder / "run")

# 2. Judge it on sounds that it has not heard: bits a sample, beside two baselines'.
print(run.evaluate(split="test"))

# 3. Write sound: each layer keeps the queue of its past, so a step costs the layers and not what they see.
print(run.predict([""], seconds=1.0, seed=1, count=3, out=str(folder / "new.wav")))

# 4. The same by a recurrent network over frames of 16 samples, with as many parameters and as much time.
variants = {"wavenet": ("network=wavenet",), "gru": ("network=sample_rnn",)}
answer = compare(find_app("wavenet"), variants, folder / "both", data=sounds, max_minutes=1)
for row in columns(answer):
    print(row)

# 5. Export, and ask the export: a seed in, a WAV file out, all in the graph.
version = run.export(folder / "wavenet")
served = tf.saved_model.load(str(version))
kind = {"class_name": tf.constant(run.assets.classes[:1])} if run.assets.classes else {}
answer = served.signatures["serving_default"](
    seed=tf.constant([1]), samples=tf.constant(4000), temperature=tf.constant(1.0), **kind
)
(folder / "served.wav").write_bytes(answer["audio_bytes"][0].numpy())
print(f"Everything lies in {folder}; its plots/ hold real and generated sound beside each other.")
