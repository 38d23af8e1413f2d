"""A recurrent network that hears right whales' up-calls.

from kerasrnn.apps import whale
run = whale.train("whale_data/", preset="small", out="runs/whale")
run.predict(["clip.aiff"])
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="whale",
    package=__name__,
    summary="right-whale detector: hears up-calls in clips and in recordings of hours",
    default_data="synthetic clips: up-calls and what is taken for them, in ocean noise",
)
train, build, PRESETS = run.public_face(APP)
