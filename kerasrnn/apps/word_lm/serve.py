"""The exported graph: strings in, strings out."""

from kerasrnn.apps.word_lm.config import LONGEST, WIDEST, Config
from kerasrnn.apps.word_lm.data import Assets
from kerasrnn.apps.word_lm.decode import WordWriter
from kerasrnn.export.writing import writing_questions, writing_signatures


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export; `score` counts a text's tokens and the line end after them."""
    return writing_signatures(
        WordWriter(model, assets), longest=LONGEST, widest=WIDEST, counted="words"
    )


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export, with known words and unknown ones."""
    return writing_questions(
        ["", " ".join(assets.vocabulary[2:6]), assets.vocabulary[-1] + " \u2603\n"]
    )
