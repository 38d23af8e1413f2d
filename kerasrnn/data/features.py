"""Waveforms become features: graph-safe functions of stock TensorFlow operations.

    audio (B, S) ─→ |STFT|² ─→ mel bands ─→ ln ──→ DCT: MFCC ─→ deltas
                                   └──────→ PCEN

Training, judging, streaming and the exported graph call the same functions.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.files import write_text

FLOOR = 1e-10  # power that counts as silence; -100 dB of full scale
BLOCK = 64  # frames that PCEN's smoother takes at once


def power_spectrogram(
    audio: tf.Tensor, frame_length: int, frame_step: int, fft_length: int
) -> tf.Tensor:
    """|STFT|² under a periodic Hann window, only of frames that lie wholly in the signal.

    Args:
        audio: float32 (B, S), full scale ±1.
        frame_length, frame_step: samples.
        fft_length: samples, at least `frame_length`; what is missing is 0.
    Returns:
        float32 (B, T, fft_length // 2 + 1), T = 1 + (S - frame_length) // frame_step, 0 if S is less.
    """
    spectrum = tf.signal.stft(audio, frame_length, frame_step, fft_length, pad_end=False)
    return tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2


def mel_bands(power: tf.Tensor, rate: int, bands: int, low: float, high: float) -> tf.Tensor:
    """Power in triangular bands that are equally wide in mel.

    Args:
        power: (B, T, F), of a signal at `rate` Hz.
        bands: how many.
        low, high: Hz, of the lowest band's and the highest band's outer edge.
    Returns:
        (B, T, bands).
    Source: the HTK mel scale, 1127 ln(1 + f / 700).
    """
    weights = tf.signal.linear_to_mel_weight_matrix(bands, power.shape[-1], rate, low, high)
    return tf.tensordot(power, weights, 1)


def log_power(power: tf.Tensor) -> tf.Tensor:
    """ln(power + 1e-10): silence is -23, not -∞."""
    return tf.math.log(power + FLOOR)


def mfcc(log_mel: tf.Tensor, coefficients: int) -> tf.Tensor:
    """Mel-frequency cepstral coefficients (B, T, coefficients) of `log_power` of mel bands (B, T, bands).

    c_k = √(2/N) Σ_n m_n cos(π k (n + ½) / N), k = 0 …, as HTK has them.
    """
    return tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., :coefficients]


def deltas(features: tf.Tensor, reach: int = 2) -> tf.Tensor:
    """How features change: the slope of a line through 2 `reach` + 1 frames; the edges are repeated.

    d_t = Σ_n n (x_{t+n} - x_{t-n}) / (2 Σ_n n²), n = 1 … reach. (B, T, F) → (B, T, F).
    """
    steps = tf.shape(features)[1]
    padded = tf.concat(
        [
            tf.repeat(features[:, :1], reach, axis=1),
            features,
            tf.repeat(features[:, -1:], reach, axis=1),
        ],
        axis=1,
    )
    slope = tf.zeros_like(features)
    for n in range(1, reach + 1):
        later = padded[:, reach + n : reach + n + steps]
        slope += n * (later - padded[:, reach - n : reach - n + steps])
    return slope / (2 * sum(n * n for n in range(1, reach + 1)))


@dataclass(frozen=True)
class PCEN:
    """Per-channel energy normalisation: an automatic gain for each band, then a root.

        M_t = (1 - s) M_{t-1} + s E_t                          (1)
        y_t = (E_t / (ε + M_t)^α + δ)^r - δ^r                  (2)

    M_{-1} is E_0 where nothing came before, so M_0 = E_0. M_T is the state that a stream carries on.

    Attributes:
        smoothing: s, from the time constant T in frames by `smoothing_of`.
        gain: α.
        bias: δ.
        root: r.
        floor: ε, in units of E.
    Source: Wang et al. 2017, arXiv:1607.05666, eqs. 1-2; Lostanlen et al. 2019, IEEE Signal Processing
    Letters 26(1), 39-43 (what T, α, δ and r do outdoors).
    """

    smoothing: float
    gain: float = 0.98
    bias: float = 2.0
    root: float = 0.5
    floor: float = FLOOR

    def __call__(self, energy: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """E (B, T, bands) and M_{-1} (B, bands) → y (B, T, bands) and M_T (B, bands)."""
        mean = smoothed(energy, before, self.smoothing)  # (1)
        gained = energy / _power(self.floor + mean, self.gain)
        return _power(gained + self.bias, self.root) - self.bias**self.root, mean[:, -1]  # (2)


def _power(x: tf.Tensor, exponent: float) -> tf.Tensor:
    """x^e of x ≥ 0, faster on a CPU than `tf.pow`."""
    return tf.exp(exponent * tf.math.log(x))


def smoothing_of(frames: float) -> float:
    """s of a first-order smoother whose time constant is `frames`: (√(1 + 4 T²) - 1) / 2 T²."""
    return float((np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2))


def smoothed(x: tf.Tensor, before: tf.Tensor, s: float) -> tf.Tensor:
    """m_t = (1 - s) m_{t-1} + s x_t over (B, T, F) from m_{-1} (B, F): one product for each 64 steps."""
    lag = np.arange(BLOCK)[:, None] - np.arange(BLOCK)
    kernel = np.where(lag >= 0, s * (1 - s) ** np.maximum(lag, 0), 0).astype(np.float32)
    fade = ((1 - s) ** np.arange(1, BLOCK + 1)).astype(np.float32)[:, None]
    steps = tf.shape(x)[1]
    blocks = -(-steps // BLOCK)
    padded = tf.pad(x, [[0, 0], [0, blocks * BLOCK - steps], [0, 0]])
    padded = tf.reshape(padded, [-1, blocks, BLOCK, x.shape[-1]])
    own = tf.einsum("ts,bnsf->nbtf", kernel, padded)  # what each block makes of itself
    own = tf.ensure_shape(own, [None, before.shape[0], BLOCK, x.shape[-1]])
    whole = tf.scan(
        lambda last, one: one + fade * last[:, -1:], own, before[:, None] * np.ones_like(fade)
    )
    return tf.reshape(tf.transpose(whole, [1, 0, 2, 3]), [-1, blocks * BLOCK, x.shape[-1]])[
        :, :steps
    ]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and deviation of each feature over training data, float32 (F,) each."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """(…, F) with mean 0 and deviation 1."""
        return (features - self.mean) / self.deviation

    @classmethod
    def of(cls, batches) -> "Statistics":
        """Over arrays (…, F), one after the other; a feature that never changes has deviation 1.

        Raises:
            ValueError: if there are none.
        """
        count, total, squares = 0, 0.0, 0.0
        for batch in batches:
            rows = np.asarray(batch, np.float64).reshape(-1, batch.shape[-1])
            count += len(rows)
            total, squares = total + rows.sum(0), squares + (rows**2).sum(0)
        if not count:
            raise ValueError("`batches` must hold at least one row, got none.")
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        deviation = np.where(deviation > 1e-6 * np.maximum(np.abs(mean), 1e-6), deviation, 1.0)
        return cls(mean.astype(np.float32), deviation.astype(np.float32))

    def save(self, path: Path) -> None:
        values = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_text(path, json.dumps(values))

    @classmethod
    def load(cls, path: Path) -> "Statistics":
        values = json.loads(path.read_text("utf-8"))
        mean, deviation = (np.array(values[name], np.float32) for name in ("mean", "deviation"))
        if mean.ndim != 1 or mean.shape != deviation.shape or not (deviation > 0).all():
            raise ValueError(f"mean and deviation must be two lists of one length, in {path}")
        return cls(mean, deviation)
