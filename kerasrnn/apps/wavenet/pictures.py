"""Waves and spectrograms of real and generated sound, and how far a network's outputs see."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from kerasrnn.apps.wavenet.config import Config
from kerasrnn.apps.wavenet.data import Assets, Source
from kerasrnn.apps.wavenet.decode import conditions, writer
from kerasrnn.layers.companding import dequantise, silence
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.pictures import save_figure

SHOWN = 5  # classes, or sounds where there are none
MOST_SECONDS = 2.0  # of a sound that is drawn
WIDE, STEP = 256, 32  # samples of a spectrum, and from one to the next
REACHED = 32  # samples that the diagram of dilations shows, at most


def draw(
    model, config: Config, assets: Assets, source: Source, history: list[dict], folder: RunFolder
) -> None:
    """All pictures of a run, into its folder: real beside generated sound; of WaveNet, what its outputs see."""
    beside_each_other(model, config, assets, source, folder.plot("sounds"), folder.path.name)
    if model.receptive_field:
        dilations(model, config.rate, folder.plot("receptive_field"))


def beside_each_other(
    model, config: Config, assets: Assets, source: Source, path: Path, title: str
) -> None:
    """A column for a class: a test sound over one that the model wrote, each as a wave and a spectrogram."""
    sounds = source.splits["test"]
    kinds = range(min(max(len(assets.classes), 1), SHOWN))
    real = [_first(sounds, kind, config) for kind in kinds]
    longest = max(map(len, real))
    quiet = tf.fill([len(real), config.context], silence())
    pieces = writer(model).blocks(
        quiet, list(range(len(real))), longest, 1.0, conditions(config, list(kinds), longest)
    )
    written = np.concatenate([piece.numpy() for piece in pieces], axis=1)
    figure = Figure(figsize=(2.0 + 2.2 * len(real), 7), layout="constrained")
    every = figure.subplots(4, len(real), squeeze=False, height_ratios=(1, 1.6, 1, 1.6))
    for column, kind in enumerate(kinds):
        pair = (("test", real[kind]), ("model", written[kind][: len(real[kind])]))
        for row, (name, codes) in enumerate(pair):
            wave, spectrum = every[2 * row, column], every[2 * row + 1, column]
            sound = np.asarray(dequantise(codes))
            _wave(wave, sound, config.rate)
            _spectrogram(spectrum, sound, config.rate)
            said = assets.classes[kind] if assets.classes else ""
            wave.set_title(f"{said} ({name})" if said else name, fontsize=9)
            spectrum.set_ylabel("Hz" if not column else "")
            wave.set_xticks([])
            if column:
                spectrum.set_yticks([])
    for axes in every[-1]:
        axes.set_xlabel("seconds")
    figure.suptitle(f"{title}: {source.name}")
    save_figure(figure, path)


def _first(sounds, kind: int, config: Config) -> np.ndarray:
    """The first sound of a class among `sounds`, or of all where it has none."""
    places = np.flatnonzero(sounds.kinds == kind)
    codes = sounds.codes[places[0] if len(places) else 0]
    return codes[: round(MOST_SECONDS * config.rate)]


def _wave(axes, sound: np.ndarray, rate: int) -> None:
    axes.plot(np.arange(len(sound)) / rate, sound, lw=0.4)
    axes.set(ylim=(-1, 1), yticks=[], xlim=(0, len(sound) / rate))


def _spectrogram(axes, sound: np.ndarray, rate: int) -> None:
    """Decibels of full scale."""
    sound = np.pad(sound, (0, max(WIDE - len(sound), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, WIDE)[::STEP] * np.hanning(WIDE)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(frames)) / WIDE * 4 + 1e-6)
    axes.imshow(
        decibels.T, origin="lower", aspect="auto", cmap="magma", vmin=-80, vmax=0,
        extent=(0, len(sound) / rate, 0, rate / 2),
    )  # fmt: skip


def dilations(model, rate: int, path: Path) -> None:
    """Deck 000's "Dilated convolutions", from the network itself: which inputs each block's last output feels.

    Every line is a gradient that is not 0; the blocks shown are as many of the first as reach 32 samples.
    """
    blocks, width = [], 1
    for block in model.blocks:
        if width + block.convolution.reach > REACHED:
            break
        blocks.append(block)
        width += block.convolution.reach
    figure = Figure(figsize=(11, 1.2 + 0.9 * len(blocks)), layout="constrained")
    axes = figure.add_subplot()
    seen = {width - 1}
    for level in range(len(blocks), -1, -1):
        dots = np.arange(width)
        alive = [place in seen for place in dots]
        axes.scatter(dots, np.full(width, level), s=28, c=np.where(alive, "C0", "0.85"), zorder=3)
        if level:
            taps = felt(blocks[level - 1], model.channels)
            lines = [(place, place - tap) for place in seen for tap in taps if place >= tap]
            for above, below in lines:
                axes.plot([above, below], [level, level - 1], color="C0", lw=0.8)
            seen = {below for _, below in lines}
    names = ["samples", *(f"dilation {block.convolution.dilation}" for block in blocks)]
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel="samples, the newest on the right")
    axes.set_xticks(range(width), [str(place - width + 1) for place in range(width)], fontsize=7)
    far = model.receptive_field
    axes.set_title(
        f"The first {len(blocks)} of {len(model.blocks)} blocks; all of them see {far:,} samples, "
        f"{1000 * far / rate:.1f} ms"
    )
    axes.spines[:].set_visible(False)
    save_figure(figure, path)


def felt(block, channels: int) -> list[int]:
    """How many steps back a block's output feels its input, by the gradient."""
    reach = block.convolution.reach
    x = tf.Variable(tf.random.stateless_normal([1, reach + 1, channels], [1, 2]))
    y = tf.ones([1, 1, block.condition]) if block.condition else None
    with tf.GradientTape() as tape:
        skip = block(tf.convert_to_tensor(x), y)[1]
        last = tf.reduce_sum(skip[:, -1] ** 2)
    size = np.abs(tape.gradient(last, x).numpy()).sum((0, 2))
    return [reach - int(place) for place in np.flatnonzero(size)]
