"""A stand-in for a folder of people's one-word recordings: single digits by six synthetic voices, made hard.

Files are named <digit>_<voice>_<number>.wav, 8 kHz, 0.1 to 2.3 s, mostly below 0.5 s: each word in a small
room, its silence trimmed or not, faster or slower by up to 15 %, in noise of 15 to 45 dB, at levels from -30 to
-12 dB of full scale; one in fifty is clipped, one in fifty ends in silence. Nobody spoke them.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from kerasrnn.apps.deepspeech.synth import DIGITS, SPEAKERS, in_a_room
from kerasrnn.apps.deepspeech.voices import Voice

RATE = 8000  # Hz
VOICES = {
    "anna": Voice("espeak-ng", "en-us+f2"),
    "bob": Voice("espeak-ng", "en-gb+m7"),
    "carl": Voice("flite", "rms"),
    "dora": Voice("flite", "slt"),
    "ewan": Voice("flite", "awb"),
    "fay": Voice("espeak-ng", "en-gb-scotland+f4"),
}


def write(folder: Path, each: int = 50, held_out: int = 5) -> None:
    """`each` recordings of every voice and digit; the first `held_out` into test/, the others into train/."""
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    jobs = [
        (name, digit, number) for name in VOICES for digit in range(10) for number in range(each)
    ]

    def make(job):
        seed, (name, digit, number) = job
        sound = word(VOICES[name], DIGITS[digit], np.random.default_rng([99, seed]))
        part = "test" if number < held_out else "train"
        soundfile.write(folder / part / f"{digit}_{name}_{number}.wav", sound, RATE)

    with ThreadPoolExecutor(SPEAKERS) as pool:
        list(pool.map(make, enumerate(jobs)))


def word(voice: Voice, text: str, rng: np.random.Generator) -> np.ndarray:
    """One recording, float32 (samples,)."""
    sound = reverberated(trimmed(voice.say(text, RATE, rng)), rng)
    if rng.random() < 0.5:
        sound = trimmed(sound)
    places = np.arange(0, len(sound) - 1, rng.uniform(0.85, 1.15))
    sound = np.interp(places, np.arange(len(sound)), sound).astype(np.float32)
    sound = in_a_room(sound, rng)
    if rng.random() < 0.02:
        sound = np.clip(8 * sound, -1, 1)
    if rng.random() < 0.02:
        silence = np.zeros(int(RATE * rng.uniform(0.5, 1.5)), np.float32)
        sound = np.concatenate([sound, silence])
    return sound


def trimmed(sound: np.ndarray) -> np.ndarray:
    """Without the ends that are 32 dB below the loudest 10 ms."""
    power = np.convolve(sound**2, np.ones(RATE // 100) / (RATE // 100), "same")
    loud = np.flatnonzero(power >= power.max() * 10**-3.2)
    return sound[loud[0] : loud[-1] + 1]


def reverberated(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In a room of 20 to 150 ms of noise that dies away."""
    count = int(RATE * rng.uniform(0.02, 0.15))
    echo = rng.standard_normal(count) * np.exp(-np.arange(count) / (count / 5))
    echo[0] = rng.uniform(2, 8)
    heard = np.convolve(sound, echo)[: len(sound) + count // 3]
    return (heard / np.abs(heard).max()).astype(np.float32)
