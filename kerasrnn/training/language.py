"""The numbers that every language model has: how it learns from a stream of tokens, how it writes.

A token is what the app makes of a text: a character, a word.
"""

from dataclasses import dataclass

from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.settings import check_numbers, choice, positive, unit_interval
from kerasrnn.training.learning import LearningConfig

LONGEST = 100_000  # tokens that one answer may hold, all beams together
WIDEST = 100  # beams that a search may keep


@dataclass(frozen=True)
class LanguageConfig(LearningConfig):
    """A language model and how it is trained."""

    cell: str = "lstm"  # a name of `kerasrnn.cell_names`; docs/cells.md tells what each is
    cell_options: tuple[str, ...] = ()  # key=value each, such as tau=4; see docs/cells.md
    units: tuple[int, ...] = (256,)  # H of each layer, from the input up
    embedding_size: int = 64  # numbers a token, where it is read as a row of a table
    dropout: float = 0.0  # share dropped between layers and before the output
    max_chars: int = 0  # characters of text that are read; 0 reads all

    batch_size: int = 32  # B, strips of the text read side by side
    steps: int = 64  # T, tokens between two truncations of back-propagation
    optimizer: str = "muon"  # adamw, or muon, which needs far fewer steps
    learning_rate: float = 2e-2  # at its highest

    def __post_init__(self):
        super().__post_init__()
        choice("cell", self.cell, CELL_NAMES)
        if self.cell == "output_rnn" and (len(self.units) > 1 or self.dropout):
            raise ValueError(
                "`units` must name one layer and `dropout` be 0 with cell=output_rnn, which answers "
                f"by itself, got units={self.units}, dropout={self.dropout}."
            )
        check_numbers(self, ("units", "embedding_size", "steps"), ("max_chars",), ("dropout",))


@dataclass(frozen=True)
class WritingOptions:
    """How tokens are drawn: what `predict` takes besides the prompts."""

    length: int = 300  # tokens to add to a prompt
    temperature: float = 0.8  # divides the logits; 0 takes the likeliest token
    top_k: int = 0  # draw among the k likeliest; 0 among all
    top_p: float = 1.0  # draw among the likeliest that hold this much of the mass
    greedy: bool = False  # always the likeliest token
    stop: str = ""  # end with this text, the first time that it is written
    seed: int = 0  # the same seed and prompt give the same text
    beam: int = 0  # texts that a search for the likeliest keeps alive; 0 draws instead
    alpha: float = 0.0  # with beam: ln P / ((5 + tokens) / 6)^alpha is what counts
    best: int = 0  # with beam: answer with so many texts, and scores; 0: with the likeliest text
    no_repeat: int = 0  # with beam: no text holds the same so many tokens twice; 0 is off

    def __post_init__(self):
        for name in ("length", "temperature", "top_k", "beam", "alpha", "best", "no_repeat"):
            positive(name, getattr(self, name), or_zero=True)
        most = LONGEST // max(self.beam, 1)
        if self.length > most:
            each = f" with beam={self.beam}" if self.beam else ""
            raise ValueError(f"`length` must be at most {most:,}{each}, got {self.length:,}.")
        if self.beam > WIDEST:
            raise ValueError(f"`beam` must be at most {WIDEST}, got {self.beam}.")
        if self.best > self.beam or (self.no_repeat and not self.beam):
            raise ValueError(
                "`beam` must be at least `best`, and above 0 with no_repeat, got "
                f"beam={self.beam}, best={self.best}, no_repeat={self.no_repeat}."
            )
        if self.beam and (self.greedy or self.top_k or self.top_p != 1):
            raise ValueError(
                "`beam` must be 0 with greedy, top_k or top_p: a search draws nothing."
            )
        unit_interval("top_p", self.top_p, closed=True)
        if self.top_p == 0:
            raise ValueError("`top_p` must be above 0, got 0.")
