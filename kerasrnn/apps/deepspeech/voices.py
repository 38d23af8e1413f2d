"""Voices that are not people's: espeak-ng and flite, where installed, and a toy whose letters are tones."""

import functools
import io
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import soundfile

from kerasrnn.data.audio import resample
from kerasrnn.errors import UserError

MOST_SECONDS = 60  # that a program may take for one text


@dataclass(frozen=True)
class Manner:
    """How unlike itself a voice may sound: the least and the most of each.

    Attributes:
        speed: words a minute over 160.
        pitch: 0 is its own; 1 is 0.6 octaves above it, or espeak-ng's highest.
        size: by which all formants are moved, as by a longer (below 1) or shorter throat (above 1).
    """

    speed: tuple[float, float] = (0.75, 1.3)
    pitch: tuple[float, float] = (-0.5, 0.5)
    size: tuple[float, float] = (1.0, 1.0)


OWN = Manner()
# As if many more people spoke, high and low.
VARIED = Manner((0.65, 1.5), (-0.9, 1.6), (0.82, 1.25))


@dataclass(frozen=True)
class Voice:
    """Somebody who reads a text aloud.

    Attributes:
        program: espeak-ng, flite or toy.
        name: as the program calls the voice; of the toy, a number that makes its tones.
    """

    program: str
    name: str

    def say(
        self,
        text: str,
        rate: int,
        rng: np.random.Generator,
        manner: Manner = OWN,
    ) -> np.ndarray:
        """`text` in a random manner, float32 (samples,) at `rate` Hz, full scale ±1."""
        if self.program == "toy":
            return toy(text, int(self.name), rate, rng)
        speed, pitch, size = (
            rng.uniform(*drawn) for drawn in (manner.speed, manner.pitch, manner.size)
        )
        say = {"espeak-ng": _espeak, "flite": _flite}[self.program]
        # what is played `size` times as fast is said as much slower, so that its speed stays
        said = say(self.name, text, speed / size, pitch)
        sound, given = soundfile.read(io.BytesIO(said), dtype="float32")
        if not len(sound):
            raise UserError(
                f"{self.program} must say {text!r} with voice {self.name}, but is silent."
            )
        return resample(np.ascontiguousarray(sound), round(given * size), rate)


@functools.cache
def installed() -> tuple[str, ...]:
    """The programs that are there."""
    return tuple(name for name in ("espeak-ng", "flite") if shutil.which(name))


def _espeak(voice: str, text: str, speed: float, pitch: float) -> bytes:
    words = str(round(160 * speed))  # a minute
    height = str(min(99, round(49.5 * (1 + pitch))))  # 0 to 99
    return _asked("espeak-ng", "-v", voice, "-s", words, "-p", height, "--stdout", text)


def _flite(voice: str, text: str, speed: float, pitch: float) -> bytes:
    stretch = f"duration_stretch={1 / speed:.2f}"
    height = f"int_f0_target_mean={FLITE[voice] * 2 ** (0.6 * pitch):.0f}"
    options = ("--setf", stretch, "--setf", height, "-t", text, "-o", "/dev/stdout")
    return _asked("flite", "-voice", voice, *options)


FLITE = {"kal": 105, "awb": 120, "rms": 97, "slt": 185}  # Hz, of its own


def _asked(*words: str) -> bytes:
    """What a program writes."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(f"{words[0]} must speak within {MOST_SECONDS} s, but does not.") from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise UserError(f"{words[0]} must speak, but ended with {done.returncode}: {said}.")
    return done.stdout


def toy(text: str, voice: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """No speech: each letter is a chord of two tones for 60 to 110 ms, a blank is silence.

    The tones are two of nine from 300 to 2,200 Hz, as those of a telephone's keys; a voice shifts them all.
    """
    shift = 2 ** (((voice * 7) % 13 - 6) / 40)  # ±11 %
    pairs = [(a, b) for a in range(9) for b in range(a)]
    parts = [np.zeros(int(rate * rng.uniform(0.02, 0.08)))]
    for letter in text:
        count = int(rate * rng.uniform(0.06, 0.11))
        time = np.arange(count) / rate
        chord = [
            300 * (2200 / 300) ** (tone / 8) * shift for tone in pairs[ord(letter) % len(pairs)]
        ]
        tones = sum(np.sin(2 * np.pi * f * time + rng.uniform(0, 6.28)) for f in chord)
        fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.01 * rate))
        parts.append(0.0 * time if letter == " " else 0.2 * fade * tones)
        parts.append(np.zeros(int(rate * 0.015)))
    parts.append(np.zeros(int(rate * rng.uniform(0.02, 0.08))))
    return np.concatenate(parts).astype(np.float32)
