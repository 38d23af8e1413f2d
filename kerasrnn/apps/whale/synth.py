"""Synthetic clips and recordings, nothing of them recorded: up-calls and their rivals in ocean noise.

Levels are in dB against the ambient noise between 50 and 250 Hz: a call at SNR s has, while it sounds,
10^(s/10) times that noise's power. HIGH, MEDIUM and LOW are 6, 0 and -6 dB; training draws from -9 to 12 dB, so
that all three lie inside. These are ours to choose; what each sound is made of has its source in sounds.py.
"""

import numpy as np

from kerasrnn.apps.whale.sounds import BAND, RATE, RIVALS, SECONDS, Sea, ambient, upcall

__all__ = ["BAND", "HIGH", "HOME", "LOW", "MEDIUM", "RATE", "SECONDS", "SHIFTED", "TRAINING", "Sea"]
__all__ += ["clips", "recording", "scene"]

HIGH, MEDIUM, LOW = 6.0, 0.0, -6.0  # dB
TRAINING = (-9.0, 12.0)  # dB, of a training call
LEVEL = 0.02  # of the ambient noise, root mean square at full scale 1

HOME = Sea()
SHIFTED = Sea(slope=(-3.0, 1.0), ripple=5.0, swell=0.9, gain=(-6.0, 6.0), speed=1.3)


def scene(rng, samples: int, calls: list[tuple[int, float]], sea: Sea) -> np.ndarray:
    """Noise, rivals and calls as a recorder hears them, float32 (samples,), full scale ±1.

    Args:
        calls: where each begins, in samples (before 0 or past the end it is cut off), and its SNR in dB.

    In every two seconds there may be a rival or two; their middles lie there, and a clip cuts off what is
    past its ends. Ours to choose: rivals have -6 to 15 dB of mean power against the ambient band, so that many
    are louder than the calls; one in twenty scenes is so loud that it is clipped.
    """
    heard = ambient(rng, samples, sea)
    clip = round(SECONDS * RATE)
    for first in range(0, samples, clip):
        for _ in range(int(rng.integers(1, 3)) if rng.random() < sea.rivals else 0):
            rival = RIVALS[rng.integers(len(RIVALS))](rng)
            rival *= 10 ** (rng.uniform(-6, 15) / 20) / np.sqrt(np.mean(rival**2))
            _lay(heard, rival, first + int(rng.integers(clip)) - len(rival) // 2)
    for begin, snr in calls:
        _lay(heard, 10 ** (snr / 20) * upcall(rng, sea.speed), begin)
    heard *= LEVEL * 10 ** (rng.uniform(*sea.gain) / 20)
    if rng.random() < 0.05:
        heard *= rng.uniform(1.2, 4) / np.abs(heard).max()
    return np.clip(heard, -1, 1).astype(np.float32)


def _lay(ground: np.ndarray, sound: np.ndarray, at: int) -> None:
    """Add `sound` to `ground` from `at` on, as far as the two overlap."""
    begin, end = max(at, 0), min(at + len(sound), len(ground))
    if begin < end:
        ground[begin:end] += sound[begin - at : end - at]


def clips(count: int, snr: tuple[float, float], sea: Sea, seed: int):
    """Clips of which about half hold one call, wholly but for the echoes of a long one that begins late.

    Args:
        snr: dB, least and most.
    Returns:
        int16 (count, samples) and bool (count,).
    """
    rng = np.random.default_rng([seed, count])
    samples = round(SECONDS * RATE)
    made, labels = np.empty((count, samples), np.int16), rng.random(count) < 0.5
    for row, label in zip(made, labels, strict=True):
        calls = []
        if label:
            calls = [(int(rng.integers(0, round(0.7 * RATE))), rng.uniform(*snr))]
        row[:] = np.round(scene(rng, samples, calls, sea) * 32767)
    return made, labels


def recording(seconds: float, calls_an_hour: float, snr: tuple[float, float], sea: Sea, seed: int):
    """A long recording, minute by minute, with calls at random times.

    Yields:
        float32 (samples,) of a minute, and the calls in it: [(begin, end)] in seconds from the recording's
        start, each taken to last as long as the middle one, 1 s over the sea's speed. No call crosses from one
        minute to the next.
    """
    rng = np.random.default_rng([seed, 1])
    minutes = max(1, round(seconds / 60))
    for minute in range(minutes):
        times = np.sort(rng.uniform(1, 56, rng.poisson(calls_an_hour / 60)))
        times = times[np.diff(times, prepend=-9.0) > 3]
        calls = [(int(time * RATE), rng.uniform(*snr)) for time in times]
        sound = scene(rng, 60 * RATE, calls, sea)
        yield (
            sound,
            [(60 * minute + float(t), 60 * minute + float(t) + 1 / sea.speed) for t in times],
        )
