"""The exported graph: strings in, strings out."""

from kerasrnn.apps.char_lm.config import LONGEST, WIDEST, Config
from kerasrnn.apps.char_lm.data import Assets
from kerasrnn.apps.char_lm.decode import CharWriter
from kerasrnn.export.writing import writing_questions, writing_signatures


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export; `score` counts the characters after a text's first."""
    return writing_signatures(
        CharWriter(model, assets), longest=LONGEST, widest=WIDEST, counted="characters"
    )


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export, with known characters and unknown ones."""
    return writing_questions(["", assets.vocabulary[:5], assets.vocabulary[-1] + "\u2603"])
