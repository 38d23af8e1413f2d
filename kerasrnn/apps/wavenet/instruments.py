"""Generated instruments, nothing of them recorded: plucked string, flute, violin, brass, drum.

Each is the textbook synthesis of its kind, with a pitch, a loudness and an age of its own, and a little noise;
a model trained on them alone has not heard an instrument.
"""

from collections.abc import Callable

import numpy as np

RATE = 32_000  # Hz, at which a note is made before it is brought to a model's rate
SECONDS = 0.75  # of a note
LOWEST, HIGHEST = 220.0, 440.0  # Hz, an octave
NOISE = -55.0  # dB of full scale, under every note
COUNTS = {"train": 3000, "valid": 60, "test": 120}  # notes
PARTIALS_BELOW = 3600.0  # Hz, so that none is lost at 8 kHz


def pluck(rng, pitch: float, t: np.ndarray) -> np.ndarray:
    """Karplus & Strong 1983 (Computer Music Journal 7(2), 43-55): noise in a loop that averages neighbours.

    The loop is as long as a period; a loss of up to 1 % a round stands for what Jaffe & Smith 1983 call decay
    shortening.
    """
    period = round(RATE / pitch)
    wave = rng.uniform(-1, 1, period)
    wave -= wave.mean()
    rounds, loss = [wave], rng.uniform(0.99, 1.0)
    for _ in range(len(t) // period):
        last = rounds[-1]
        rounds.append(
            loss * (last + np.concatenate([rounds[-2][-1:] if rounds[1:] else [0], last[:-1]])) / 2
        )
    return np.concatenate(rounds)[: len(t)]


def vibrato(rng, t: np.ndarray, cents: tuple[float, float]) -> np.ndarray:
    """A factor of the pitch: 5 to 6.5 Hz, fading in; Prame 1994 (J. Acoust. Soc. Am. 96, 1979-1984) measured
    5 to 7 Hz."""
    depth = rng.uniform(*cents) * np.clip(t / 0.3, 0, 1)
    swing = np.sin(2 * np.pi * rng.uniform(5.0, 6.5) * t + rng.uniform(0, 2 * np.pi))
    return 2 ** (depth * swing / 1200)


def partials(pitch, t: np.ndarray, weights: Callable) -> np.ndarray:
    """Σ_n w_n(t) sin(n φ(t)), φ' = 2π `pitch` (a number, or one for each t), up to 3.6 kHz."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, t.shape)) / RATE
    count = max(1, int(PARTIALS_BELOW / np.max(pitch)))
    return sum(weights(n) * np.sin(n * phase) for n in range(1, count + 1))


def swell(t: np.ndarray, attack: float, release: float = 0.1) -> np.ndarray:
    """An envelope from 0 to 1 and back, in seconds."""
    return np.clip(t / attack, 0, 1) * np.clip((SECONDS - t) / release, 0, 1)


def flute(rng, pitch: float, t: np.ndarray) -> np.ndarray:
    """Few partials, breath around them: Fletcher & Rossing, The Physics of Musical Instruments, chapter 16."""
    second, third = rng.uniform(0.1, 0.3), rng.uniform(0.02, 0.1)
    tone = partials(
        pitch * vibrato(rng, t, (5, 15)), t, lambda n: (0, 1, second, third, 0.01)[min(n, 4)]
    )
    breath = np.convolve(rng.standard_normal(len(t)), np.ones(8) / 8, "same")
    return swell(t, rng.uniform(0.06, 0.12)) * (tone + rng.uniform(0.03, 0.08) * breath)


def violin(rng, pitch: float, t: np.ndarray) -> np.ndarray:
    """The bowed string's sawtooth, partials 1/n (Helmholtz 1863), under three resonances of a body; vibrato."""
    bodies = np.array([290.0, 550.0, 2400.0]) * rng.uniform(0.97, 1.03, 3)

    def weight(n: int) -> float:
        gain = 0.4 + sum(np.exp(-((np.log2(n * pitch / body) / 0.35) ** 2)) for body in bodies)
        return gain / n

    tone = partials(pitch * vibrato(rng, t, (12, 30)), t, weight)
    bow = 0.02 * rng.standard_normal(len(t))
    return swell(t, rng.uniform(0.08, 0.16)) * (tone + bow)


def brass(rng, pitch: float, t: np.ndarray) -> np.ndarray:
    """Chowning 1973 (J. Audio Eng. Soc. 21(7), 526-534): frequency modulation whose index follows the loudness,
    so that louder is brighter, as Risset & Mathews 1969 found."""
    loud = swell(t, rng.uniform(0.03, 0.06), 0.12) * (0.8 + 0.2 * np.exp(-t / 0.1))
    phase = 2 * np.pi * pitch * t
    return loud * np.sin(phase + rng.uniform(2.5, 4.0) * loud * np.sin(phase))


def drum(rng, pitch: float, t: np.ndarray) -> np.ndarray:
    """A skin whose pitch falls as it comes to rest, and rattling wires: noise; both die away in a tenth of a
    second or two. After Risset's Introductory Catalogue of Computer Synthesized Sounds, 1969."""
    low = pitch / 2 * (1 + 0.6 * np.exp(-t / 0.03))
    skin = np.sin(2 * np.pi * np.cumsum(low) / RATE) * np.exp(-t / rng.uniform(0.06, 0.12))
    wires = rng.standard_normal(len(t)) * np.exp(-t / rng.uniform(0.04, 0.08))
    return skin + rng.uniform(0.25, 0.5) * wires


INSTRUMENTS = {"brass": brass, "drum": drum, "flute": flute, "pluck": pluck, "violin": violin}


def note(rng, instrument: str, rate: int) -> np.ndarray:
    """A note of an instrument, float64 (samples,) at `rate` Hz, its peak at 0.25 to 0.9 of full scale."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    pitch = LOWEST * (HIGHEST / LOWEST) ** rng.random()
    sound = lowered(INSTRUMENTS[instrument](rng, pitch, t), rate)
    sound *= rng.uniform(0.25, 0.9) / np.abs(sound).max()
    return np.clip(sound + 10 ** (NOISE / 20) * rng.standard_normal(len(sound)), -1, 1)


def lowered(sound: np.ndarray, rate: int) -> np.ndarray:
    """From RATE to `rate` Hz: what lies above half of `rate` is left out."""
    count = round(len(sound) * rate / RATE)
    return np.fft.irfft(np.fft.rfft(sound)[: count // 2 + 1], count) * count / len(sound)


def notes(split: str, rate: int, count: int | None = None) -> tuple[list[np.ndarray], list[str]]:
    """Notes of a split, each of one of the instruments in turn, and the instruments' names."""
    rng = np.random.default_rng([7, list(COUNTS).index(split)])
    names = [list(INSTRUMENTS)[k % len(INSTRUMENTS)] for k in range(count or COUNTS[split])]
    return [note(rng, name, rate) for name in names], names
