"""What the network hears when: spikes over the spectrogram, letters in time, which letters are confused."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.data import Assets, Source, Utterances
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.apps.deepspeech.judge import transcripts
from kerasrnn.decoders.ctc import align
from kerasrnn.metrics.speech import confusions
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.pictures import save_figure

SHOWN = 3  # recordings of a picture
JUDGED = 300  # recordings whose letters are counted, at most
LONGEST = 8.0  # seconds of a recording that is drawn, at most, if there is one as short
NOTHING = "–"  # stands for no letter
BLANK = "␣"  # stands for the blank between words


def draw(
    model, config: Config, assets: Assets, source: Source, history: list[dict], folder: RunFolder
) -> None:
    """All pictures of a run, into its folder, of test recordings (of validation's if there are none)."""
    utterances = source.splits["test"] if len(source.splits["test"]) else source.splits["valid"]
    heard = Listener(model, config, assets)
    places = chosen(utterances, config.rate)
    clips = [Heard(heard, assets, utterances, place) for place in places]
    spikes(clips, config, folder.plot("spikes"), f"{folder.path.name}: {source.name}")
    alignment(clips[-1], folder.plot("alignment"), folder.path.name)
    some = Utterances(
        utterances.names[:JUDGED], utterances.texts[:JUDGED], lambda: utterances.sounds
    )
    said = transcripts(heard, some, 1)
    confusion(some.texts, said, assets, folder.plot("confusion"), folder.path.name)


def chosen(utterances: Utterances, rate: int) -> list[int]:
    """Places of recordings to draw, of middling lengths; none is longer than LONGEST if there is a shorter."""
    order = np.argsort(utterances.sounds.lengths, kind="stable")
    short = [place for place in order if utterances.sounds.lengths[place] <= LONGEST * rate]
    order = short or list(order[:1])
    return [order[int(share * (len(order) - 1))] for share in np.linspace(0.3, 0.9, SHOWN)]


class Heard:
    """One recording as the network hears it.

    Attributes:
        text, said: what is said, and what is written down.
        names: the letters of `text` that the network knows.
        features: (T, F).
        chances: (T', K), the probability of each letter and of none.
        path: the first and the last step of each of `names`, (L, 2); -1 where there is no alignment.
    """

    def __init__(self, heard: Listener, assets: Assets, utterances: Utterances, place: int):
        sound = utterances.sounds[place]
        given = tf.constant(sound[None]), tf.constant([len(sound)], tf.int64)
        logits, steps = heard.heard(*given)
        self.text = utterances.texts[place]
        self.said = heard.written(logits, steps, 1)["transcript"].numpy()[0, 0].decode()
        self.seconds = len(sound) / heard.config.rate
        self.features = heard.front(given[0]).numpy()[0]
        self.chances = tf.nn.softmax(logits).numpy()[0]
        letters = assets.spell(self.text)
        known = tf.constant([[letters or [0]]], tf.int32)
        path = align(logits, steps, known, tf.constant([[len(letters)]]), assets.blank)
        self.letters = letters
        self.names = [assets.alphabet[letter].replace(" ", BLANK) for letter in letters]
        self.path = np.full((len(letters), 2), -1)
        # the path has places for the letters that its steps can hold
        found = np.stack([part.numpy()[0, 0, : len(letters)] for part in path], axis=-1)
        self.path[: len(found)] = found


def spikes(clips: list[Heard], config: Config, path: Path, title: str) -> None:
    """Spectrogram, and below it the probability of each letter and (dotted) of none, over time.

    Source: deck 003, "Google Voice Search".
    """
    figure = Figure(figsize=(9, 3.3 * len(clips)), layout="constrained")
    rows = figure.subplots(2 * len(clips), 1, height_ratios=[1.3, 1] * len(clips))
    for number, clip in enumerate(clips):
        above, below = rows[2 * number : 2 * number + 2]
        above.imshow(
            clip.features.T, origin="lower", aspect="auto", cmap="magma",
            extent=(0, clip.seconds, 0, config.bands),
        )  # fmt: skip
        above.set(ylabel="mel band", title=f"said: {clip.text}", xticks=[])
        _spikes(below, clip, config)
    rows[-1].set_xlabel("seconds")
    figure.suptitle(title)
    save_figure(figure, path)


def _spikes(axes, clip: Heard, config: Config) -> None:
    times = (np.arange(len(clip.chances)) + 0.5) * config.step_seconds
    axes.plot(times, clip.chances[:, -1], color="0.5", ls=":", lw=1)
    for symbol in np.flatnonzero(clip.chances[:, :-1].max(axis=0) > 0.05):
        axes.plot(times, clip.chances[:, symbol], lw=1.4)
    for place, (letter, (begin, end)) in enumerate(zip(clip.names, clip.path, strict=True)):
        if begin >= 0:
            at = (begin + end + 1) / 2 * config.step_seconds
            axes.text(at, -0.16 - 0.1 * (place % 2), letter, ha="center")
    axes.set(xlim=(0, clip.seconds), ylim=(-0.35, 1.05), ylabel="probability")
    axes.set_title(f"written: {clip.said}", fontsize=9)


def alignment(clip: Heard, path: Path, title: str) -> None:
    """The letters of what is said, from below, over the steps: their chances, and the likeliest alignment."""
    figure = Figure(figsize=(9, 1.2 + 0.22 * max(len(clip.letters), 4)), layout="constrained")
    axes = figure.add_subplot()
    rows = [clip.chances[:, letter] for letter in clip.letters] or [clip.chances[:, -1]]
    names = clip.names or [NOTHING]
    image = axes.imshow(
        np.log10(np.maximum(rows, 1e-6)), aspect="auto", origin="lower", cmap="Blues", vmin=-6
    )
    for row, (begin, end) in enumerate(clip.path):
        if begin >= 0:
            axes.plot([begin - 0.5, end + 0.5], [row, row], color="tab:red", lw=2)
    axes.set(
        yticks=range(len(names)), yticklabels=names, xlabel="step", title=f"{title}: {clip.text}"
    )
    figure.colorbar(image, ax=axes, label="log10 of the probability")
    save_figure(figure, path)


def confusion(wanted: list[str], said: list[str], assets: Assets, path: Path, title: str) -> None:
    """How often each letter (a row) is written down as which, in shares of the row; – stands for none."""
    found = confusions(wanted, said)
    names = sorted({*assets.alphabet, *(letter for pair in found for letter in pair if letter)})
    place = {name: number for number, name in enumerate([*names, ""])}
    counts = np.zeros((len(place), len(place)))
    for (one, other), times in found.items():
        counts[place[one], place[other]] = times
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [name.replace(" ", BLANK) for name in names] + [NOTHING]
    figure = Figure(figsize=(2.4 + 0.22 * len(labels),) * 2, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(
        xticks=range(len(labels)), yticks=range(len(labels)), xticklabels=labels, yticklabels=labels
    )
    axes.set(xlabel="written", ylabel="said", title=f"{title}: letters, {len(said):,} recordings")
    figure.colorbar(image, ax=axes, shrink=0.8)
    save_figure(figure, path)
