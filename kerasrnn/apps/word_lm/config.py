"""Every number of the word model, with its unit."""

from dataclasses import dataclass

from kerasrnn.settings import positive
from kerasrnn.training.language import LONGEST, WIDEST, LanguageConfig, WritingOptions

__all__ = ["LONGEST", "PRESETS", "WIDEST", "Config", "Options"]


@dataclass(frozen=True)
class Config(LanguageConfig):
    """A word model and how it is trained; a token is a word, a punctuation mark or a line's end."""

    embedding_size: int = 128  # numbers a word
    vocabulary: int = 10_000  # words told apart, the commonest; the rest is <unk>
    min_count: int = 2  # times that a word of the vocabulary stands in the training text, at least
    lowercase: bool = False  # whether the text is read, and written, without capitals
    tied: bool = True  # whether the output layer's weights are the table of the words that are read

    def __post_init__(self):
        super().__post_init__()
        positive("min_count", self.min_count)
        if self.cell == "output_rnn":
            raise ValueError(
                "`cell` must leave the answer to the table of words; output_rnn does not."
            )
        if self.vocabulary < 3:
            raise ValueError(f"`vocabulary` must be at least 3, got {self.vocabulary}.")


PRESETS = {
    "tiny": Config(
        units=(32,),
        embedding_size=32,
        vocabulary=300,
        batch_size=8,
        steps=16,
        epochs=3,
        epoch_steps=30,
        max_chars=30_000,
    ),
    "small": Config(units=(200,), embedding_size=200, dropout=0.5, steps=32, epochs=8),
    "base": Config(
        units=(650, 650),
        embedding_size=650,
        vocabulary=50_000,
        dropout=0.5,
        batch_size=64,
        steps=35,
        epochs=40,
        learning_rate=1e-2,
        weight_decay=0.1,
    ),
}


@dataclass(frozen=True)
class Options(WritingOptions):
    """How words are drawn, or sentences ranked: what `predict` takes besides the inputs."""

    length: int = 60  # words, marks and line ends to add to a prompt
    nbest: bool = False  # inputs are files of hypotheses, which are ranked; see README.md
    weight: float = 1.0  # of ln P(sentence) beside the score that a hypothesis has, with nbest
    word_bonus: float = 0.0  # added for each word of a hypothesis, with nbest

    def __post_init__(self):
        super().__post_init__()
        if self.nbest and self.beam:
            raise ValueError("`beam` must be 0 with nbest, which ranks and writes nothing.")
