"""Spectrograms, with what was heard drawn in."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kerasrnn.apps.whale.clips import Clips, Source
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import Assets
from kerasrnn.apps.whale.decode import Listener
from kerasrnn.apps.whale.judge import scores
from kerasrnn.data.audio import read_audio
from kerasrnn.metrics.detection import roc_auc
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.pictures import save_figure

SHOWN = 12  # clips of a sheet
ROWS = 6  # stretches of a recording, at most
STRETCH = 30.0  # seconds of each
WIDE = 31  # neighbouring frequencies whose mean is the noise there


def draw(
    model, config: Config, assets: Assets, source: Source, history: list[dict], folder: RunFolder
) -> None:
    """All pictures of a run, into its folder: ROC curves and test clips with their scores."""
    heard, judged = Listener(model, config, assets), {}
    for split in source.splits:
        clips = source.splits[split] if split not in ("train", "all") else None
        if clips is not None and clips.labels.any() and not clips.labels.all():
            judged[split] = clips, scores(heard, clips)
    if judged:
        roc_curves(judged, folder.plot("roc"), f"{folder.path.name}: {source.name}")
    if "test" in judged:
        sheet(*judged["test"], config, folder.plot("clips"), source.name)


def roc_curves(judged: dict[str, tuple[Clips, np.ndarray]], path: Path, title: str) -> None:
    """Share of calls that are heard over the share of false alarms, a curve for each split."""
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for split, (clips, found) in judged.items():
        alarms, hits = np.sort(found[~clips.labels]), np.sort(found[clips.labels])
        marks = np.unique(np.concatenate([[-1], found, [2]]))
        rates = [1 - np.searchsorted(kind, marks) / len(kind) for kind in (alarms, hits)]
        axes.plot(*rates, label=f"{split}: AUC {roc_auc(clips.labels, found):.3f}")
    axes.set(xlabel="false alarms, share of clips without a call", ylabel="calls heard, share")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    save_figure(figure, path)


def sheet(clips: Clips, found: np.ndarray, config: Config, path: Path, title: str) -> None:
    """Clips with and without a call, from the lowest score to the highest: what is missed, what is mistaken."""
    rows = []
    for kind in (True, False):
        places = np.flatnonzero(clips.labels == kind)
        places = places[np.argsort(found[places])]
        rows.append(places[np.linspace(0, len(places) - 1, SHOWN // 2).astype(int)])
    figure = Figure(figsize=(2.2 * SHOWN / 2, 4.6), layout="constrained")
    every = figure.subplots(2, SHOWN // 2, sharex=True, sharey=True)
    for axes, place in zip(every.ravel(), np.concatenate(rows), strict=True):
        spectrogram(axes, clips.audio[place] / 32767, config)
        said = "call" if clips.labels[place] else "no call"
        axes.set_title(f"{said}: {found[place]:.2f}", fontsize=9)
        axes.label_outer()
    figure.suptitle(f"{title}: what there is, and the probability of a call")
    save_figure(figure, path)


def spectrogram(axes, sound: np.ndarray, config: Config, begin: float = 0.0) -> None:
    """Draw a sound (samples,) that begins at `begin` seconds; decibels over the noise around each frequency."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, config.frame_length)
    frames = frames[:: config.frame_step] * np.hanning(config.frame_length)
    power = np.abs(np.fft.rfft(frames, config.fft_length)) ** 2 + 1e-12
    decibels = 10 * np.log10(power)
    noise = np.pad(np.median(decibels, axis=0), WIDE // 2, mode="edge")
    decibels -= np.convolve(noise, np.full(WIDE, 1 / WIDE), "valid")
    end = begin + len(sound) / config.rate
    axes.imshow(
        decibels.T, origin="lower", aspect="auto", cmap="magma", interpolation="bilinear",
        extent=(begin, end, 0, config.rate / 2), vmin=-5, vmax=25,
    )  # fmt: skip
    axes.set(ylim=(0, min(500, config.rate / 2)), ylabel="Hz")


def stretches(detections) -> list[float]:
    """Where to look, in seconds: around the highest scores; at the start if there are none."""
    begins = []
    for one in sorted(detections, key=lambda d: -d.score):
        begin = one.begin // STRETCH * STRETCH
        if begin not in begins and len(begins) < ROWS:
            begins.append(begin)
    return sorted(begins) or [0.0]


def detections_picture(found, config: Config, path: Path) -> Path:
    """Draw the stretches of a recording with the surest detections, each in its box with its score."""
    begins = stretches(found.detections)
    figure = Figure(figsize=(11, 0.6 + 1.9 * len(begins)), layout="constrained")
    for axes, begin in zip(figure.subplots(len(begins), squeeze=False)[:, 0], begins, strict=True):
        sound = read_audio(found.recording, config.rate, start=begin, most_seconds=STRETCH)
        short = max(config.frame_length - len(sound), 0)
        spectrogram(axes, np.pad(sound, (0, short)), config, begin)
        for one in found.detections:
            if one.begin < begin + STRETCH and one.end > begin:
                size = one.end - one.begin, one.high - one.low
                box = Rectangle((one.begin, one.low), *size, fill=False, ec="cyan", lw=1.3)
                axes.add_patch(box)
                beside = {"fontsize": 8, "color": "cyan", "clip_on": True}
                axes.text(one.begin, one.high + 8, f"{one.score:.2f}", **beside)
        axes.set_xlim(begin, begin + max(len(sound) / config.rate, config.seconds))
    axes.set_xlabel("seconds from the start")
    count = len(found.detections)
    figure.suptitle(f"{found.recording.name}: {count:,} detections in {found.seconds:,.0f} s")
    save_figure(figure, path)
    return path
