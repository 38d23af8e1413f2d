"""Every number of the speech recogniser, with its unit."""

from dataclasses import dataclass

from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.data.speech import normalised
from kerasrnn.settings import check_numbers, choice, unit_interval, within
from kerasrnn.training.learning import LearningConfig

LABELS = ("auto", "stem")
ENGINES = ("kerasrnn", "flashlight")  # that search with known words
MOST_BEAMS = 1000  # that one recording may be searched with
MOST_NATS = 1000.0  # that a word is worth beside its sound, or loses
RATES = (100, 768_000)  # Hz
MOST_WINDOW, MOST_BANDS = 1.0, 1000  # seconds; bands


@dataclass(frozen=True)
class Config(LearningConfig):
    """A recogniser and how it is trained."""

    label: str = "auto"  # where transcripts are: auto (a list), or stem (the file's name up to _)
    split_by: str = "file"  # what a hash deals out: files, or transcripts with all their files
    alphabet: str = ""  # letters that are told apart; "" takes those of the training transcripts
    clips: int = 0  # at most so many training clips are used; 0 uses all
    longest: float = 35.0  # seconds of a recording that is learned from or judged
    skip: bool = False  # whether recordings that cannot be used are left out, or refused

    rate: int = 8000  # Hz, at which sound is heard
    window: float = 0.02  # seconds of a frame
    hop: float = 0.01  # seconds from one frame to the next
    bands: int = 40  # F, mel bands
    low: float = 60.0  # Hz, where the lowest band begins
    high: float = 3800.0  # Hz, where the highest band ends
    floor: float = 1e-6  # power that is added to each band's, so that silence is not -∞

    centre: float = 0.0  # seconds that 0 weighs in a clip's mean, which is removed; 0: none is
    context: int = 5  # C, frames on each side that the first layer sees
    stride: int = 3  # frames from one answer to the next
    filters: int = 0  # of a convolution over time and bands, twice as many of a second; 0 has none
    dense: tuple[int, ...] = (128, 128, 128)  # units of the layers below the recurrent ones
    cell: str = "lstm"  # a name of `kerasrnn.cell_names`; docs/cells.md tells what each is
    cell_options: tuple[str, ...] = ()  # key=value each, such as tau=4; see docs/cells.md
    units: tuple[int, ...] = (128,)  # H of each recurrent layer
    streaming: bool = False  # one way only, so that it hears on with `context` frames of delay
    last: int = 128  # units of the layer above the recurrent ones
    normalise: str = "layer"  # none, layer or batch: before each clipped ReLU
    dropout: float = 0.05  # share dropped behind each layer
    recurrent_dropout: float = 0.0  # share of h_{t-1} dropped inside them, alike at all steps
    blank_bias: float = -1.0  # of the blank's logit at the start, so that letters are tried out

    speed: float = 0.12  # share by which a training clip is faster or slower, at most
    shift: float = 0.1  # seconds of silence before a training clip, at most
    level: float = 10.0  # dB that it is made louder or softer by, at most
    noise: float = 0.3  # share of training clips that get noise
    snr: tuple[float, ...] = (5.0, 40.0)  # dB of that noise, from the worst to the best
    equaliser: float = 2.0  # dB by which smooth curves over the bands rise or fall, a deviation
    frequency_mask: int = 5  # bands that are hidden, at most, less one; 0 hides none
    time_mask: int = 8  # frames that are hidden, at most, less one; 0 hides none
    time_masks: int = 2  # times that frames are hidden

    buckets: int = 5  # groups of like lengths, of which a batch is drawn
    batch_size: int = 32  # B, clips of a step
    batch_seconds: float = 100.0  # of a step's clips with their padding: fewer rows of long ones
    epochs: int = 30  # reports; training ends after the last
    optimizer: str = "muon"  # adamw, or muon, which needs far fewer steps
    learning_rate: float = 1e-2  # at its highest
    weight_decay: float = 0.01  # decoupled, a step, times the learning rate
    beams: int = 16  # of the search in graph; 1 is greedy, and judges without a language model
    lm_order: int = 3  # n, of the n-gram model of the training transcripts' words; 0 makes none

    def __post_init__(self):
        super().__post_init__()
        choice("label", self.label, LABELS)
        choice("split_by", self.split_by, ("file", "transcript"))
        choice("cell", self.cell, CELL_NAMES)
        choice("normalise", self.normalise, ("none", "layer", "batch"))
        self._check_numbers()
        self._check_sound()
        self._check_network()
        if self.alphabet:
            object.__setattr__(self, "alphabet", "".join(sorted(set(self.alphabet.lower()))))

    def _check_numbers(self):
        above = ("units", "dense", "last", "rate", "window", "hop", "bands", "floor", "stride")
        zero = ("clips", "centre", "context", "filters", "shift", "level", "equaliser", "low")
        zero += ("lm_order", "frequency_mask", "time_mask", "time_masks")
        above += ("longest", "buckets", "batch_seconds", "beams")
        check_numbers(self, above, zero, ("dropout", "recurrent_dropout", "speed"))
        unit_interval("noise", self.noise, closed=True)
        within("beams", self.beams, 1, MOST_BEAMS)
        if len(self.snr) != 2 or self.snr[0] > self.snr[1]:
            raise ValueError(f"`snr` must be the worst and the best, in dB, got {self.snr}.")

    def _check_sound(self):
        within("rate", self.rate, *RATES)
        within("window", self.window, 0, MOST_WINDOW)
        within("bands", self.bands, 1, MOST_BANDS)
        if not self.low < self.high <= self.rate / 2:
            raise ValueError(
                f"`low` < `high` <= rate / 2 must hold, got {self.low}, {self.high} and rate {self.rate}."
            )
        if not 1 <= self.hop_samples <= self.window_samples:
            raise ValueError(
                f"`hop` <= `window` must hold, and both last a sample, got {self.hop} s and {self.window} s."
            )
        if self.alphabet and not normalised(self.alphabet, self.alphabet):
            raise ValueError(f"`alphabet` must name letters, got {self.alphabet!r}.")

    def _check_network(self):
        if self.cell == "output_rnn":
            raise ValueError("`cell` must leave the answer to the output; output_rnn does not.")
        if self.streaming and (self.centre or self.filters or self.normalise == "batch"):
            raise ValueError(
                "`streaming` needs centre=0, filters=0 and no batch normalisation, got "
                f"centre={self.centre}, filters={self.filters}, normalise={self.normalise}."
            )

    @property
    def window_samples(self) -> int:
        return round(self.window * self.rate)

    @property
    def hop_samples(self) -> int:
        return round(self.hop * self.rate)

    @property
    def batch_samples(self) -> int:
        """Of a batch, at most, but for a single recording."""
        return round(self.batch_seconds * self.rate)

    @property
    def step_samples(self) -> int:
        """From one answer to the next."""
        return self.hop_samples * self.stride

    @property
    def step_seconds(self) -> float:
        """From one answer to the next."""
        return self.step_samples / self.rate


PRESETS = {
    "tiny": Config(
        bands=16, context=2, dense=(16,), units=(16,), last=16, batch_size=8, epochs=2, epoch_steps=10,
        clips=60, buckets=2, beams=4, longest=10.0,
    ),
    "small": Config(),
    "base": Config(
        rate=16000, bands=80, high=7600.0, context=9, dense=(2048, 2048, 2048), cell="simple_rnn",
        units=(2048,), last=2048, dropout=0.1, buckets=12, learning_rate=1e-3,
        noise=0.5, equaliser=3.0, frequency_mask=8, time_mask=12,
    ),
}  # fmt: skip


DROPS = {"dropout": 0.1, "recurrent_dropout": 0.3}


def held_back(config: Config) -> dict:
    """What a training of minutes changes: without it, it learns the voices that it hears by heart.

    The mean of the last weights, after a linear fall, is for voices that were never heard: Cha et al. 2021,
    arXiv:2102.08604, where it helps on domains that were not. So is it to take each recording's own mean away,
    which a stream does not know yet.
    """
    changes = DROPS | {"speed": 0.2, "average": 0.998, "decay": "linear"}
    return changes if config.streaming else changes | {"centre": 0.5}


def long(config: Config) -> dict:
    """What a training of a quarter of an hour changes: without it, it learns a few hundred clips by heart."""
    changes = DROPS | {"noise": 0.5, "equaliser": 3.0, "frequency_mask": 8, "time_mask": 12}
    return changes if config.streaming else changes | {"filters": 8}


WITH_TIME = {"small": {4.0: held_back, 15.0: long}}


@dataclass(frozen=True)
class Options:
    """How letters are chosen: what `predict` takes besides the files."""

    beam: int = 0  # beams of the search; 0 takes those that the model is judged with, 1 is greedy
    best: int = 1  # answers for each recording, with their confidences
    lm: str = "none"  # language model: none, own (of the training transcripts), or an ARPA file
    lm_weight: tuple[float, ...] = ()  # nats for each nat of it; none: what validation chose
    word_bonus: tuple[float, ...] = ()  # nats for each word; none: what validation chose
    lexicon: str = ""  # a file of words, one a line: no others are written
    hot: tuple[str, ...] = ()  # words that are likelier here than anywhere, such as names
    hot_bonus: float = 5.0  # nats for each of those
    engine: str = "kerasrnn"  # of lm and lexicon: kerasrnn, or flashlight (C++; only known words)

    def __post_init__(self):
        choice("engine", self.engine, ENGINES)
        if self.engine == "flashlight" and (self.hot or (self.lm == "none" and not self.lexicon)):
            raise ValueError(
                "`engine` flashlight needs `lm` or `lexicon`, whose words it writes, and has no hot "
                f"words, got lm={self.lm}, lexicon={self.lexicon!r}, hot={self.hot}."
            )
        within("beam", self.beam, 0, MOST_BEAMS)
        within("best", self.best, 1, MOST_BEAMS)
        within("hot_bonus", self.hot_bonus, -MOST_NATS, MOST_NATS)
        for name, least in (("lm_weight", 0.0), ("word_bonus", -MOST_NATS)):
            values = getattr(self, name)
            if len(values) > 1:
                raise ValueError(f"`{name}` must be one number, got {values}.")
            for value in values:
                within(name, value, least, MOST_NATS)
