"""A tiny source for each app, written where a test wants it, and what to ask of the run that it gives."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LINES = (
    "καλημέρα κόσμε 😀\n",
    "the quick brown fox, 你好世界\n",
    "jumps; the lazy dog: the end.\n",
)


def write_text_sample(folder: Path) -> Path:
    """A text of four alphabets, 3 kB: enough for a few steps, and too regular not to learn from."""
    path = folder / "sample.txt"
    path.write_text("".join(LINES[(i * i + i // 4) % 3] for i in range(100)), "utf-8")
    return path


def write_pictures_sample(folder: Path) -> Path:
    """Thirty synthetic scenes in the layout of Flickr8k, two captions each, and three of them to ask about."""
    from PIL import Image

    from kerasrnn.apps.captioner import scenes

    drawn, images = scenes.draw(30)
    (folder / "set" / "Images").mkdir(parents=True)
    lines = ["image,caption,split"]
    for number, (scene, image) in enumerate(zip(drawn, images, strict=True)):
        Image.fromarray(image).save(folder / "set" / "Images" / f"{number}.png")
        split = ("train", "train", "train", "valid", "test")[number % 5]
        lines += [f"{number}.png,{caption},{split}" for caption in scene.captions[:2]]
    (folder / "set" / "captions.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "set"


def write_sounds_sample(folder: Path) -> Path:
    """Synthetic clips in Kaggle's layout: 60 to learn from, 8 to judge by, 8 to test with; two to ask about."""
    import soundfile

    from kerasrnn.apps.whale import synth
    from kerasrnn.data.splits import side

    (folder / "sea" / "train").mkdir(parents=True)
    left, lines = {"train": 60, "valid": 8, "test": 8}, ["clip_name,label"]
    audio, labels = synth.clips(400, (15.0, 15.0), synth.HOME, 0)
    wanted = dict.fromkeys(left, True)
    for number, (sound, label) in enumerate(zip(audio, labels, strict=True)):
        part = side(f"{number}.aiff")
        if left[part] and label == wanted[part]:  # one with a call, one without, …
            wanted[part], left[part] = not label, left[part] - 1
            soundfile.write(folder / "sea" / "train" / f"{number}.aiff", sound, synth.RATE)
            lines.append(f"{number}.aiff,{int(label)}")
    assert not any(left.values())
    for name, sound in (("ask.wav", audio[0]), ("long.flac", audio[1:4].ravel())):
        soundfile.write(folder / "sea" / name, sound, synth.RATE)
    (folder / "sea" / "train.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "sea"


def write_speech_sample(folder: Path) -> Path:
    """The toy of coded tones with a manifest: 30 clips to learn from, 6 to judge by, 6 to test; two to ask."""
    import numpy as np
    import soundfile

    from kerasrnn.apps.deepspeech.voices import toy

    (folder / "said").mkdir()
    rng, lines = np.random.default_rng(0), ["path,transcript,split"]
    for number in range(42):
        text = " ".join(rng.choice(["no", "on", "yes"], 1 + number % 3))
        split = ("train", "valid", "test")[max(0, number // 6 - 4)]
        sound = toy(text, number % 5, 8000, rng)
        soundfile.write(folder / "said" / f"{number}.wav", sound, 8000)
        lines.append(f"{number}.wav,{text.title()}!,{split}")
    soundfile.write(folder / "said" / "ask.flac", toy("yes no", 1, 16000, rng), 16000)
    (folder / "said" / "manifest.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "said"


def write_recordings_sample(folder: Path) -> Path:
    """Generated notes of two instruments, a folder each: for every split some; one to go on from."""
    import numpy as np
    import soundfile

    from kerasrnn.apps.wavenet import instruments
    from kerasrnn.data.splits import side

    rng = np.random.default_rng(0)
    for name in ("flute", "drum"):
        (folder / "notes" / name).mkdir(parents=True)
        left, number = {"train": 4, "valid": 1, "test": 1}, 0
        while any(left.values()):
            number += 1
            part = side(f"{name}/{number}.wav#0")
            if left[part]:
                left[part] -= 1
                sound = instruments.note(rng, name, 8000)[:3000]
                soundfile.write(folder / "notes" / name / f"{number}.wav", sound, 8000)
    soundfile.write(folder / "ask.wav", sound, 8000)
    return folder / "notes"


@dataclass(frozen=True)
class Sample:
    """What the conformance tests give an app.

    Attributes:
        write: folder -> a tiny source for `train`, written there.
        inputs: what to predict from; with `files`, names of files in the source.
        options: of `predict`.
        files: whether the inputs are files.
    """

    write: Callable
    inputs: list[str]
    options: dict
    files: bool = False


SAMPLES = {
    "captioner": Sample(
        write_pictures_sample, ["Images/0.png", "Images/7.png"], {"length": 4}, files=True
    ),
    "char_lm": Sample(write_text_sample, ["the ", "", "κόσμε 😀"], {"length": 12, "seed": 3}),
    "deepspeech": Sample(
        write_speech_sample, ["0.wav", "ask.flac"], {"beam": 3, "best": 2}, files=True
    ),
    "wavenet": Sample(
        write_recordings_sample,
        ["../ask.wav", "../ask.wav"],
        {"seconds": 0.02, "seed": 3, "out": str(Path(tempfile.gettempdir(), "kerasrnn-test.wav"))},
        files=True,
    ),
    "whale": Sample(write_sounds_sample, ["ask.wav", "long.flac"], {"threshold": 0.4}, files=True),
    "word_lm": Sample(write_text_sample, ["the", "", "κόσμε fox"], {"length": 6, "seed": 3}),
}
