"""Every number of the sample-level models, with its unit."""

from dataclasses import dataclass

from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.settings import check_numbers, choice, positive, within
from kerasrnn.training.learning import LearningConfig

NETWORKS = ("wavenet", "sample_rnn")
DEFAULTS = ("auto", "drumkits", "instruments")
ORDER = 16  # of the linear predictor that the models are compared with
LONGEST = 80_000  # samples that one answer of the export holds
RATES = (100, 768_000)  # Hz
MOST = {"stacks": 100, "dilations": 20, "kernel_size": 100, "layers": 100}  # more is a mistake
MOST_SOUNDS = 64  # that `predict` writes side by side


@dataclass(frozen=True)
class Config(LearningConfig):
    """A model of sound and how it is trained."""

    default: str = "auto"  # without data: drumkits, instruments (generated), or auto: what is there
    rate: int = 8000  # Hz, at which sound is read and written
    seconds: float = 0.0  # of sound that is used of each split, at most; 0 uses all

    network: str = "wavenet"  # or sample_rnn
    parameters: int = 100_000  # of the network, to 2 %; channels or units follow from it
    outputs: str = "softmax"  # over 256 µ-law codes; or logistics, a mixture over the same codes
    components: int = 10  # of that mixture
    class_size: int = 16  # numbers that stand for a class
    timed: bool = False  # local conditioning: each sample knows when its sound began and will end

    stacks: int = 2  # of WaveNet: how often its dilations begin again
    dilations: int = 10  # of WaveNet: 1, 2, 4, …, so many a stack
    kernel_size: int = 2  # of WaveNet: taps of a convolution

    cell: str = "gru"  # of sample_rnn: a name of `kerasrnn.cell_names`
    cell_options: tuple[str, ...] = ()  # key=value each, such as tau=4; see docs/cells.md
    layers: int = 1  # of sample_rnn: recurrent layers
    frame: int = 16  # samples a step of the recurrence, and that each sample sees inside a frame
    embedding_size: int = 16  # numbers a sample, inside a frame

    window: int = 2048  # samples of an example that are learned from or judged
    context: int = 1024  # samples before it that are only heard; silence before a sound begins
    strays: float = 0.0  # share of examples that begin in another sound, to find back to their own
    judged: int = 150  # examples that a report in training judges, at most; 0 judges all
    xla: bool = False  # compile the whole training step

    batch_size: int = 4  # B, examples of a step
    optimizer: str = "muon"  # adamw, or muon, which needs far fewer steps
    learning_rate: float = 2e-2  # at its highest
    epochs: int = 8  # reports; training ends after the last
    clip_norm: float = 1.0  # largest norm of the whole gradient

    def __post_init__(self):
        super().__post_init__()
        choice("default", self.default, DEFAULTS)
        choice("network", self.network, NETWORKS)
        choice("outputs", self.outputs, ("softmax", "logistics"))
        choice("cell", self.cell, CELL_NAMES)
        if self.cell == "output_rnn":
            raise ValueError("`cell` must leave the answer to the samples; output_rnn does not.")
        above = ("rate", "parameters", "components", "class_size", "stacks", "dilations", "frame")
        above += ("kernel_size", "layers", "embedding_size", "window")
        check_numbers(self, above, ("seconds", "judged"), ("strays",))
        within("rate", self.rate, *RATES)
        for name, most in MOST.items():
            within(name, getattr(self, name), 1, most)
        if self.context < ORDER:
            raise ValueError(f"`context` must be at least {ORDER} samples, got {self.context}.")


PRESETS = {
    "tiny": Config(
        parameters=12_000, stacks=1, dilations=4, frame=4, embedding_size=4, window=256, context=32,
        batch_size=4, epochs=2, epoch_steps=10, judged=8, seconds=2.0,
    ),
    "small": Config(epoch_steps=450, xla=True),
    "base": Config(
        rate=16_000, parameters=1_500_000, stacks=3, window=16_384, context=3072, batch_size=8,
        epochs=100, xla=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How sound is written: what `predict` takes besides the files that it goes on from."""

    seconds: float = 2.0  # of each sound
    seed: int = 0  # of the first sound; the next have the next
    class_: str = ""  # --class: one of the model's; without, the seed chooses
    count: int = 1  # sounds after each input
    temperature: float = 1.0  # divides the logits; 0 takes the likeliest sample
    out: str = "generated.wav"  # the file; of several, numbers follow its name

    def __post_init__(self):
        positive("seconds", self.seconds)
        positive("temperature", self.temperature, or_zero=True)
        if not 1 <= self.count <= MOST_SOUNDS:
            raise ValueError(f"`count` must be from 1 to {MOST_SOUNDS}, got {self.count}.")
