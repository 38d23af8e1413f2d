"""Transcribed recordings, dealt out to the splits: the user's, or synthetic ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from kerasrnn.apps.deepspeech import synth
from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.data.sounds import Sounds, decoded, readable
from kerasrnn.data.speech import dealt_out, normalised, recordings
from kerasrnn.data.splits import SPLITS, spread
from kerasrnn.notice import tell


class Utterances:
    """What is said, and how it sounds; the sound is read when it is first asked for.

    Args:
        names: of each recording.
        texts: their transcripts, normalised.
        read: () -> their `Sounds`.
    """

    def __init__(self, names: list[str], texts: list[str], read: Callable[[], Sounds]):
        self.names, self.texts, self._read = names, texts, read

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def sounds(self) -> Sounds:
        return self._read()


@dataclass(frozen=True)
class Source:
    """Transcribed recordings, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test" | "all": its utterances}.
    """

    name: str
    splits: Mapping[str, Utterances]


def open_source(path: str | None, config: Config) -> Source:
    """What `kerasrnn.data.speech.recordings` reads, or (None) synthetic speech: see `synth`.

    Raises:
        UserError: if there are no recordings, or files are missing or cannot be used, all of which are told.
    """
    if path is None:
        return synthetic(config)
    sides = dealt_out(recordings(path, config.label), config.split_by)
    sides["all"] = [one for name in SPLITS for one in sides[name]]
    good = readable([one.path for one in sides["all"]], config.longest, config.skip)
    good = {id(sides["all"][place]) for place in good}
    sides = {name: [one for one in side if id(one) in good] for name, side in sides.items()}
    sides["train"] = spread(sides["train"], config.clips)
    if not sides["valid"] and sides["train"]:
        tell(f"{path} has no recordings to validate on: the training's own are taken.")
        sides["valid"] = sides["train"]
    return Source(str(path), {name: _utterances(side, config) for name, side in sides.items()})


def _utterances(side: list, config: Config) -> Utterances:
    texts = [normalised(one.text, config.alphabet) for one in side]
    paths = [one.path for one in side]
    return Utterances([one.key for one in side], texts, partial(decoded, paths, config.rate))


def synthetic(config: Config) -> Source:
    """The generator's speech; "all" is train, valid and test."""
    tell(f"The default data is here {synth.name()}.")
    makers = {name: partial(synth.utterances, name, config.rate, config.clips) for name in SPLITS}
    parts = {name: synth.texts(name, config.clips) for name in SPLITS}
    splits = {
        name: Utterances([f"{name} {k}" for k in range(len(texts))], texts, makers[name])
        for name, texts in parts.items()
    }
    together = partial(_together, [splits[name] for name in SPLITS])
    names = [name for split in SPLITS for name in splits[split].names]
    texts = [text for split in SPLITS for text in splits[split].texts]
    return Source(synth.name(), {**splits, "all": Utterances(names, texts, together)})


def _together(parts: list[Utterances]) -> Sounds:
    sounds = [part.sounds for part in parts]
    lengths = np.concatenate([one.lengths for one in sounds])
    return Sounds(np.concatenate([one.samples for one in sounds]), lengths)
