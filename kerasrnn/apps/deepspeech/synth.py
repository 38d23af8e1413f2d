"""Synthetic speech: strings of digits by voices of programs; nobody spoke them.

Test and validation have voices that training has not. Where neither espeak-ng nor flite is installed, a toy of
coded tones stands in, and is called that.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kerasrnn.apps.deepspeech.voices import OWN, VARIED, Manner, Voice, installed
from kerasrnn.data.sounds import Sounds
from kerasrnn.notice import progress

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MOST_DIGITS = 4  # of an utterance
COUNTS = {"train": 8000, "valid": 300, "test": 500}  # utterances
SEEDS = {"train": 1, "valid": 2, "test": 3}
SNR = (15.0, 45.0)  # dB of the noise that each utterance lies in, over the whole of it
LEVEL = (-30.0, -12.0)  # dB of full scale, root mean square
SPEAKERS = 3  # threads that ask the programs

# Accents and timbres of espeak-ng, voices of flite. No split has a timbre or voice of another.
# fmt: off
ACCENTS = (
    "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029",
)
TIMBRES = {
    "train": (
        "m1", "m2", "m3", "m5", "m6", "m8", "f1", "f2", "f3", "f5", "klatt", "klatt2", "klatt3", "adam",
        "Alex", "Andy", "Annie", "benjamin", "belinda", "caleb", "Diogo", "Gene", "grandma", "Hugo",
        "Jacky", "linda", "Lee", "marcelo", "Mario", "max", "Michael", "norbert", "rob", "steph",
    ),
    "valid": ("m4", "Andrea", "klatt5", "pedro", "quincy"),
    "test": ("m7", "f4", "klatt4", "aunty", "ed", "paul", "victor", "anika"),
}
# fmt: on
# flite has four: where espeak-ng is there to validate, training hears three of them.
FLITE = {"train": ("kal", "rms", "awb"), "valid": (), "test": ("slt",)}
FLITE_ALONE = {"train": ("kal", "rms"), "valid": ("awb",), "test": ("slt",)}
# Of utterances, by flite, where both are installed.
FLITE_SHARE = {"train": 0.5, "valid": 0.0, "test": 0.15}


def name() -> str:
    """What the default data is here."""
    programs = " and ".join(installed())
    return f"synthetic digits by {programs}" if programs else "the toy of coded tones, no speech"


def texts(split: str, most: int = 0) -> list[str]:
    """The transcripts of a split; of train, `most` at most unless that is 0."""
    rng = np.random.default_rng([SEEDS[split], 1])
    count = COUNTS[split]
    made = [" ".join(rng.choice(DIGITS, rng.integers(1, MOST_DIGITS + 1))) for _ in range(count)]
    return made[:most] if most and split == "train" else made


def utterances(split: str, rate: int, most: int = 0) -> Sounds:
    """How `texts` sound, in a voice of the split each."""
    said = texts(split, most)
    manner = VARIED if split == "train" else OWN
    return Sounds.of(spoken(said, voices(split), rate, SEEDS[split], manner))


def voices(split: str) -> dict[Voice, float]:
    """The voices of a split, and the share of utterances of each."""
    numbers = {"train": range(10), "valid": range(10, 12), "test": range(12, 15)}[split]
    flite = FLITE if "espeak-ng" in installed() else FLITE_ALONE
    parts = {
        "espeak-ng": [f"{accent}+{timbre}" for timbre in TIMBRES[split] for accent in ACCENTS],
        "flite": flite[split],
        "toy": [str(number) for number in numbers],
    }
    share = FLITE_SHARE[split]
    both = {("espeak-ng", "flite"): {"espeak-ng": 1 - share, "flite": share}}
    programs = both.get(installed()) or dict.fromkeys(installed() or ["toy"], 1.0)
    return {
        Voice(program, name): share / len(parts[program])
        for program, share in programs.items()
        for name in parts[program]
    }


def spoken(
    said: list[str],
    voices: dict[Voice, float],
    rate: int,
    seed: int,
    manner: Manner = OWN,
) -> list[np.ndarray]:
    """Each text by one of the voices, at a random speed, pitch and level, in noise; float32 (samples,) each."""
    speakers, shares = list(voices), list(voices.values())

    def speak(number: int) -> np.ndarray:
        rng = np.random.default_rng([seed, number])
        voice = speakers[rng.choice(len(speakers), p=shares)]
        return in_a_room(voice.say(said[number], rate, rng, manner), rng)

    with ThreadPoolExecutor(SPEAKERS) as pool, progress("speaking", len(said)) as done:
        sounds = []
        for sound in pool.map(speak, range(len(said))):
            sounds.append(sound)
            done()
        return sounds


def in_a_room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A level, and noise of a colour between white and brown."""
    power = np.mean(sound**2) + 1e-12
    spectrum = np.fft.rfft(rng.standard_normal(len(sound)))
    slope = rng.uniform(-2, 0)
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** (slope / 2)
    noise = np.fft.irfft(spectrum, len(sound))
    noise *= np.sqrt(power / (np.mean(noise**2) + 1e-12)) * 10 ** (-rng.uniform(*SNR) / 20)
    mixed = (sound + noise) * 10 ** (rng.uniform(*LEVEL) / 20) / np.sqrt(power)
    return np.clip(mixed, -1, 1).astype(np.float32)
