"""What is to be heard under water, made of numbers: noise, up-calls and what is taken for them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RATE = 2000  # Hz, of the Kaggle challenge's clips
SECONDS = 2.0  # of a clip
BAND = (50.0, 250.0)  # Hz, in which levels are measured


@dataclass(frozen=True)
class Sea:
    """What a recording's place and day are like.

    Attributes:
        slope: dB an octave, of the ambient noise: least and most. Wenz 1962 (J. Acoust. Soc. Am. 34,
            1936-1956): -5 to -6 with the wind between 500 Hz and 25 kHz, steeper and shaped by traffic below.
        ripple: dB, deviation of broad hills in that spectrum, as distant traffic makes them; ours to choose.
        swell: deepest modulation of the noise, 0 to 1, at 0.05 to 0.3 Hz, waves of 3 to 20 s; its depth is
            ours to choose.
        gain: dB, the recorder's, least and most; ours to choose.
        speed: of calls; at 1.3 they are 30 % faster.
        rivals: how likely a clip holds one or two of them, with a call and without; ours to choose, many.
    """

    slope: tuple[float, float] = (-8.0, -3.0)
    ripple: float = 2.0
    swell: float = 0.5
    gain: tuple[float, float] = (-3.0, 3.0)
    speed: float = 1.0
    rivals: float = 0.7


def ambient(rng, samples: int, sea: Sea) -> np.ndarray:
    """Gaussian noise whose band of 50 to 250 Hz has power 1, float64 (samples,)."""
    bins = np.fft.rfftfreq(samples, 1 / RATE)
    octaves = np.log2(np.maximum(bins, 8.0) / 100)
    decibels = rng.uniform(*sea.slope) * octaves
    for k in range(1, 4):
        decibels += rng.normal(0, sea.ripple / k) * np.cos(k * octaves + rng.uniform(0, 2 * np.pi))
    white = np.fft.rfft(rng.standard_normal(samples))
    noise = np.fft.irfft(white * 10 ** (decibels / 20) * (bins > 4), samples)
    t = np.arange(samples) / RATE
    waves = np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * t + rng.uniform(0, 2 * np.pi))
    noise *= 1 + rng.uniform(0, sea.swell) * waves
    return noise / np.sqrt(band_power(noise))


def band_power(x: np.ndarray) -> float:
    """Mean power between 50 and 250 Hz."""
    spectrum, bins = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / RATE)
    inside = (bins >= BAND[0]) & (bins <= BAND[1])
    return 2 * float(np.sum(np.abs(spectrum[inside]) ** 2)) / len(x) ** 2


def sweep(rng, begin: float, end: float, seconds: float, bend: float, harmonics) -> np.ndarray:
    """A tone from `begin` to `end` Hz, f(u) = begin + (end - begin) u^bend, of mean power 1.

    It swells and fades, loudest at 30 to 80 % of its length: ours to choose.

    Args:
        harmonics: dB of the second, third, … against the first.
    """
    u = np.linspace(0, 1, max(round(seconds * RATE), 16))
    phase = 2 * np.pi * np.cumsum(begin + (end - begin) * u**bend) / RATE + rng.uniform(0, 6.28)
    x = np.sin(phase)
    for number, decibels in enumerate(harmonics, 2):
        audible = number * max(begin, end) < RATE / 2
        x = x + audible * 10 ** (decibels / 20) * np.sin(number * phase + rng.uniform(0, 6.28))
    peak = rng.uniform(0.3, 0.8)  # where the call is loudest
    x *= np.interp(
        u, [0, 0.12, peak, 0.9, 1], [0, rng.uniform(0.4, 0.9), 1, rng.uniform(0.4, 0.9), 0]
    )
    return x / np.sqrt(np.mean(x**2))


def upcall(rng, speed: float = 1.0) -> np.ndarray:
    """A right whale's contact call, a rising sweep of mean power 1.

    50 to 120 Hz rising to 130 to 250 Hz in 0.5 to 1.5 s, slowly first: Gillespie 2004 (Canadian Acoustics
    32(2), 39-47) describes up-calls as sweeps of about 1 s between 50 and 200 Hz; McDonald & Moore 2002 (J.
    Cetacean Res. Manage. 4, 261-266) measured 90 to 150 Hz in 0.7 s in the North Pacific. Ours to choose: how
    much the rise is bent; harmonics 8 to 25 dB weaker in half of the calls; up to three echoes from surface and
    bottom, 5 to 120 ms late and 3 to 15 dB weaker, of either sign, for shallow water's multipath.
    """
    begin = np.clip(rng.normal(85, 18), 50, 120)
    end = np.clip(rng.normal(175, 28), max(130, begin + 40), 250)
    seconds = np.clip(rng.normal(0.95, 0.2), 0.5, 1.5) / speed
    harmonics = rng.uniform(-25, -8, rng.integers(1, 3)) if rng.random() < 0.5 else ()
    call = sweep(rng, begin, end, seconds, np.exp(rng.normal(0.4, 0.3)), harmonics)
    echoes = [(0, 1.0)]
    for _ in range(rng.integers(0, 4)):
        gain = 10 ** (rng.uniform(-15, -3) / 20) * rng.choice([-1, 1])
        echoes.append((round(rng.uniform(0.005, 0.12) * RATE), gain))
    heard = np.zeros(len(call) + max(late for late, _ in echoes))
    for late, gain in echoes:
        heard[late : late + len(call)] += gain * call
    return heard / np.sqrt(np.mean(heard[: len(call)] ** 2))


def ship_tones(rng) -> np.ndarray:
    """Lines of a ship's machinery and propeller, whole multiples of 6 to 30 Hz, that drift by up to 2 %.

    Source: Wales & Heitmeyer 2002 (J. Acoust. Soc. Am. 111, 1211-1231) show such lines below 400 Hz.
    """
    t = np.arange(round(SECONDS * RATE)) / RATE
    base, drift = rng.uniform(6, 30), rng.uniform(-0.02, 0.02)
    lines = rng.choice(np.arange(2, 14), rng.integers(2, 6), replace=False)
    tones = [
        10 ** (rng.uniform(-10, 0) / 20)
        * np.sin(2 * np.pi * k * base * (t + drift * t**2 / 4) + rng.uniform(0, 6.28))
        for k in lines
    ]
    return np.sum(tones, axis=0)


def ship_passage(rng) -> np.ndarray:
    """Broadband cavitation noise that beats with the blades and swells or fades over the clip.

    Four or five blades at 45 to 150 turns a minute beat at 3 to 12 Hz. Ours to choose: how deeply, 0.2 to 0.8;
    a spectrum that falls by 0 to 3 dB an octave; how the ship comes or goes.
    """
    t = np.arange(round(SECONDS * RATE)) / RATE
    noise = ambient(rng, len(t), Sea(slope=(-3, 0), swell=0.0))
    beat = 1 + rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * rng.uniform(3, 12) * t)
    return noise * beat * np.linspace(*rng.permutation([rng.uniform(0.1, 0.6), 1.0]), len(t))


def humpback(rng) -> np.ndarray:
    """Song-like units: down-sweeps, moans, and up-sweeps that begin above an up-call's start.

    Source: Au et al. 2006 (J. Acoust. Soc. Am. 120, 1103-1110): units of 0.15 to 2.5 s, most energy below
    1 kHz, with harmonics. Where each kind begins, and how far it goes, is ours to choose.
    """
    kind = rng.choice(["down", "up", "moan"])
    harmonics = rng.uniform(-15, -2, 2)
    if kind == "down":
        begin = rng.uniform(120, 450)
        return sweep(
            rng, begin, begin * rng.uniform(0.35, 0.8), rng.uniform(0.4, 1.6), 1.0, harmonics
        )
    if kind == "moan":
        begin = rng.uniform(80, 300)
        return sweep(
            rng, begin, begin * rng.uniform(0.93, 1.05), rng.uniform(0.5, 1.8), 1.0, harmonics
        )
    begin = rng.uniform(200, 400)
    return sweep(
        rng,
        begin,
        begin * rng.uniform(1.2, 2),
        rng.uniform(0.2, 1.5),
        rng.uniform(0.5, 2),
        harmonics,
    )


def knocks(rng) -> np.ndarray:
    """A fish's drumming: 1 to 12 damped pulses of 60 to 400 Hz, evenly spaced by 0.05 to 0.4 s.

    Source: Amorim 2006 (Communication in Fishes 1, 71-105): pulses of some ms to tens of ms, most below 500 Hz.
    """
    pulse = np.arange(round(0.06 * RATE)) / RATE
    shape = np.exp(-pulse / rng.uniform(0.005, 0.02)) * np.sin(
        2 * np.pi * rng.uniform(60, 400) * pulse
    )
    count, gap = rng.integers(1, 13), rng.uniform(0.05, 0.4)
    x = np.zeros(round(min(count * gap, SECONDS - 0.1) * RATE) + len(pulse))
    for begin in np.arange(count) * gap * RATE:
        begin = round(begin)
        if begin + len(pulse) <= len(x):
            x[begin : begin + len(pulse)] += rng.uniform(0.6, 1) * shape
    return x


def hum(rng) -> np.ndarray:
    """The mains in a recorder's cable: 50 or 60 Hz and its odd multiples, as symmetric distortion makes them.

    Ours to choose: how they fall, by 6 to 16 dB from each to the next.
    """
    t = np.arange(round(SECONDS * RATE)) / RATE
    base = rng.choice([50.0, 60.0])
    return sum(
        10 ** (-rng.uniform(3, 8) * k / 20)
        * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6.28))
        for k in (1, 3, 5)
    )


RIVALS: tuple[Callable, ...] = (ship_tones, ship_passage, humpback, humpback, knocks, hum)
