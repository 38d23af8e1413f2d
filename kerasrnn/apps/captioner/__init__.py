"""A recurrent network that says what an image shows.

from kerasrnn.apps import captioner
run = captioner.train("flickr8k/", preset="small", out="runs/captioner")
run.predict(["dog.jpg"])
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="captioner",
    package=__name__,
    summary="image captions: a convolutional network looks, a recurrent one says what it sees",
    default_data="synthetic scenes: coloured shapes, and five sentences of each",
)
train, build, PRESETS = run.public_face(APP)
