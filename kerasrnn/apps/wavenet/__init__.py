"""Raw sound, sample by sample: WaveNet's dilated convolutions, or a recurrent network over frames.

from kerasrnn.apps import wavenet
run = wavenet.train("sounds/", preset="small", out="runs/sounds")
run.predict([""], seconds=2.0, seed=1, out="new.wav")
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="wavenet",
    package=__name__,
    summary="raw sound: learns from any folder of audio, writes more of it, sample by sample",
    default_data="the drums of hydrogen-drumkits where it is installed, otherwise generated instruments",
)
train, build, PRESETS = run.public_face(APP)
