"""A search of small networks, which a test changes."""

from kerasrnn import tuning
from kerasrnn.app import find_app

CHAR = find_app("char_lm")
SMALL = ("embedding_size=4", "epoch_steps=3")


def search(text, folder, **more):
    given = {"preset": "tiny", "settings": SMALL, "tuner": "random", "trials": 3, "epochs": 2}
    return tuning.search(CHAR, text, out=folder, **(given | more))
