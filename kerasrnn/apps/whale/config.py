"""Every number of the whale detector, with its unit."""

from dataclasses import dataclass

from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.settings import check_numbers, choice, unit_interval
from kerasrnn.training.learning import LearningConfig

NETWORKS = ("recurrent", "cnn", "logistic")
POOLS = ("last", "mean", "attention")


@dataclass(frozen=True)
class Config(LearningConfig):
    """A detector and how it is trained."""

    positive: str = ""  # name of the folder whose clips hold the call; "" finds 1, call, whale, …
    clips: int = 0  # training clips used, at most; of synthetic ones, in each split; 0 uses all
    rate: int = 2000  # Hz, at which sound is heard
    seconds: float = 2.0  # of a clip, and of the window that a long recording is heard through
    hop: float = 0.25  # seconds from one such window to the next

    frame_length: int = 256  # samples, 128 ms at 2 kHz
    frame_step: int = 50  # samples, 25 ms at 2 kHz
    fft_length: int = 512  # samples, frame_length and zeros; 3.9 Hz a bin at 2 kHz
    bands: int = 40  # F, mel bands
    low: float = 30.0  # Hz, where the lowest band begins
    high: float = 450.0  # Hz, where the highest band ends
    features: str = "pcen"  # pcen (each band's own automatic gain), or log
    pcen_seconds: float = 1.0  # T, time constant of PCEN's smoother
    pcen_gain: float = 0.98  # α of PCEN
    pcen_bias: float = 2.0  # δ of PCEN
    pcen_root: float = 0.5  # r of PCEN

    network: str = "recurrent"  # recurrent, or what it is compared with: cnn, logistic
    filters: int = 16  # of the first convolution, twice as many of the second; 0 has neither
    cell: str = "gru"  # a name of `kerasrnn.cell_names`; docs/cells.md tells what each is
    cell_options: tuple[str, ...] = ()  # key=value each, such as tau=4; see docs/cells.md
    units: tuple[int, ...] = (64,)  # H of each recurrent layer
    bidirectional: bool = False  # whether a window is read from its end, too
    pool: str = "attention"  # what answers for a window: the last state, the mean, attention
    attention_units: int = 32  # of the layer that weighs each state
    dropout: float = 0.2  # share dropped before the output and between layers

    shift: float = 0.2  # seconds that a training clip is turned by, at most
    level: float = 6.0  # dB that it is made louder or softer by, at most
    noise: float = 0.3  # share of training clips that get pink noise, at 0 to 20 dB
    frequency_mask: int = 6  # bands that are hidden, at most, less one; 0 hides none
    time_mask: int = 10  # frames that are hidden, at most, less one; 0 hides none

    epochs: int = 12  # reports; training ends after the last
    weight_decay: float = 0.01  # decoupled, a step, times the learning rate

    def __post_init__(self):
        super().__post_init__()
        choice("features", self.features, ("pcen", "log"))
        choice("network", self.network, NETWORKS)
        choice("cell", self.cell, CELL_NAMES)
        choice("pool", self.pool, POOLS)
        self._check_numbers()
        self._check_times()
        if self.cell == "output_rnn":
            raise ValueError("`cell` must leave the answer to the pool; output_rnn does not.")

    def _check_numbers(self):
        above = ("units", "rate", "seconds", "hop", "frame_length", "frame_step", "bands", "high")
        above += ("attention_units", "pcen_seconds", "pcen_gain", "pcen_bias", "pcen_root")
        zero = ("clips", "low", "filters", "shift", "level", "frequency_mask", "time_mask")
        check_numbers(self, above, zero, ("dropout",))
        unit_interval("noise", self.noise, closed=True)

    def _check_times(self):
        if not self.low < self.high <= self.rate / 2:
            raise ValueError(
                f"`low` < `high` <= rate / 2 must hold, got {self.low}, {self.high} and rate {self.rate}."
            )
        if not self.frame_step < self.frame_length <= self.fft_length:
            raise ValueError(
                "`frame_step` < `frame_length` <= `fft_length` must hold, got "
                f"{self.frame_step}, {self.frame_length}, {self.fft_length}."
            )
        if self.hop_samples < self.frame_length:
            raise ValueError(f"`hop` must last a frame at least, got {self.hop} s.")
        for name, samples, unit in (
            ("hop", self.hop * self.rate, self.frame_step),
            ("seconds", self.seconds * self.rate, self.hop_samples),
        ):
            if abs(samples / unit - round(samples / unit)) > 1e-6:
                raise ValueError(
                    f"`{name}` must be a whole multiple of {unit / self.rate:g} s, got "
                    f"{getattr(self, name)}."
                )

    @property
    def samples(self) -> int:
        """Of a window."""
        return round(self.seconds * self.rate)

    @property
    def hop_samples(self) -> int:
        """From one window to the next."""
        return round(self.hop * self.rate)

    @property
    def frames(self) -> int:
        """T, of a window."""
        return self.samples // self.frame_step

    @property
    def hop_frames(self) -> int:
        """From one window to the next."""
        return self.hop_samples // self.frame_step


PRESETS = {
    "tiny": Config(
        bands=16, filters=4, units=(8,), attention_units=4, batch_size=16, epochs=2, epoch_steps=10,
        clips=160,
    ),
    "small": Config(),
    "base": Config(filters=32, units=(128, 128), bidirectional=True, epochs=40, dropout=0.3),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What `predict` takes besides the files."""

    threshold: float = 0.5  # probability from which on a clip is said to hold a call

    def __post_init__(self):
        unit_interval("threshold", self.threshold, closed=True)
