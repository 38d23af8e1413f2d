"""A recurrent network that reads words and predicts the next one.

from kerasrnn.apps import word_lm
run = word_lm.train("book.txt", preset="small", out="runs/book")
run.predict(["Once upon a"], length=20)
"""

from kerasrnn import run
from kerasrnn.app import App

APP = App(
    name="word_lm",
    package=__name__,
    summary="word language model: reads any text, writes more of it, ranks sentences",
    default_data="the reference manual that this Python holds for its help()",
)
train, build, PRESETS = run.public_face(APP)
