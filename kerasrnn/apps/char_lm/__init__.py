"""A recurrent network that reads characters and predicts the next one.

from kerasrnn.apps import char_lm
run = char_lm.train("book.txt", preset="small", out="runs/book")
run.predict(["Once upon a time"])
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="char_lm",
    package=__name__,
    summary="character language model: reads any text, writes more of it",
    default_data="the source text of this Python's standard library",
)
train, build, PRESETS = run.public_face(APP)
