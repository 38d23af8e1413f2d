"""A recurrent network that writes down what is said, letter by letter (Deep Speech).

from kerasrnn.apps import deepspeech
run = deepspeech.train("clips/manifest.csv", preset="small", out="runs/deepspeech")
run.predict(["hello.wav"])
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="deepspeech",
    package=__name__,
    summary="speech recogniser: a recording in, letters out, by CTC",
    default_data="synthetic digits by espeak-ng or flite, where installed, else a toy of coded tones",
)
train, build, PRESETS = run.public_face(APP)
