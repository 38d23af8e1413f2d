"""Every number of the character model, with its unit."""

from dataclasses import dataclass

from kerasrnn.settings import choice
from kerasrnn.training.language import LONGEST, WIDEST, LanguageConfig, WritingOptions

__all__ = ["LONGEST", "PRESETS", "WIDEST", "WITH_TIME", "Config", "Options"]


@dataclass(frozen=True)
class Config(LanguageConfig):
    """A character model and how it is trained; a token is a character."""

    depth: str = "stacked"  # or stacked_shortcut: input and output touch every layer
    inputs: str = "one_hot"  # one_hot (the slide) or embedding
    xla: bool = False  # compile the whole training step: longer to begin, faster after

    def __post_init__(self):
        super().__post_init__()
        choice("depth", self.depth, ("stacked", "stacked_shortcut"))
        choice("inputs", self.inputs, ("one_hot", "embedding"))
        if self.cell == "output_rnn" and self.depth != "stacked":
            raise ValueError(
                f"`depth` must be stacked with cell=output_rnn, which answers by itself, got {self.depth}."
            )


PRESETS = {
    "tiny": Config(units=(32,), batch_size=8, steps=32, epochs=3, epoch_steps=50, max_chars=20_000),
    "small": Config(units=(256,), dropout=0.25, epochs=10, epoch_steps=400),
    "base": Config(
        units=(512, 512, 512),
        dropout=0.5,
        batch_size=100,
        steps=100,
        epochs=50,
        learning_rate=1e-2,
        weight_decay=0.1,
    ),
}
LARGER = {
    "units": (256, 256),
    "depth": "stacked_shortcut",
    "dropout": 0.4,
    "weight_decay": 0.1,
    "xla": True,
}
WITH_TIME = {"small": {4.0: lambda config: {} if config.cell == "output_rnn" else LARGER}}


@dataclass(frozen=True)
class Options(WritingOptions):
    """How characters are drawn: what `predict` takes besides the prompts."""
