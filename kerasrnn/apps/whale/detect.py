"""Long recordings through the stream: windows' scores become detections, tables and a picture."""

import csv
import io
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.whale import synth
from kerasrnn.apps.whale.clips import full_scale
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import open_source
from kerasrnn.apps.whale.decode import Listener, listener
from kerasrnn.apps.whale.judge import scores
from kerasrnn.data.audio import BLOCK_SECONDS, audio_blocks, audio_file
from kerasrnn.errors import UserError
from kerasrnn.files import write_text
from kerasrnn.metrics.detection import Threshold, threshold_for
from kerasrnn.notice import tell

LOWEST, HIGHEST = synth.BAND  # Hz, between which a call is looked for
RAVEN = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)")
RAVEN += ("High Freq (Hz)", "Score")


@dataclass(frozen=True)
class Detection:
    """A call, as it was heard.

    Attributes:
        begin, end: seconds from the recording's start.
        low, high: Hz, the band that calls are looked for in.
        score: the highest probability of the windows that hold it.
    """

    begin: float
    end: float
    low: float
    high: float
    score: float


@dataclass(frozen=True)
class Found:
    """What a recording holds.

    Attributes:
        recording: its path.
        seconds: its length.
        took: seconds that hearing it took.
        detections: in order of time.
    """

    recording: Path
    seconds: float
    took: float
    detections: tuple[Detection, ...]


def chosen_threshold(run, precision: float) -> Threshold:
    """The score from which on the run's own validation clips hold a call with `precision`.

    Raises:
        UserError: if the data that the run was trained on is gone, or has one kind of clip for validation.
    """
    clips = open_source(run.data, run.config).splits["valid"]
    if clips.labels.all() or not clips.labels.any():
        raise UserError(
            "A threshold is chosen on validation clips with calls and without, but one kind is missing; "
            "give --threshold."
        )
    heard = scores(listener(run.model, run.config, run.assets), clips)
    chosen = threshold_for(clips.labels, heard, precision)
    if chosen.precision < precision:
        tell(f"No threshold has precision {precision:g} on validation; the most precise is taken.")
    return chosen


def alarms_an_hour(run, threshold: Threshold) -> float:
    """Detections in an hour of the validation clips without a call, strung together: all are false."""
    clips = open_source(run.data, run.config).splits["valid"]
    quiet = clips.audio[~clips.labels]
    heard = listener(run.model, run.config, run.assets)
    blocks = (full_scale(quiet[k : k + 30]).numpy().ravel() for k in range(0, len(quiet), 30))
    alarms = sum(1 for _ in joined(window_scores(heard, blocks), threshold.score, run.config))
    return alarms * 3600 / (len(quiet) * run.config.seconds)


def window_scores(heard: Listener, blocks) -> Iterator[tuple[float, float]]:
    """Each full window of a recording: (seconds at which it begins, probability of a call).

    Args:
        blocks: arrays (samples,) of any lengths, one after the other. The last, incomplete hop ends in
            silence, and so does a recording shorter than a window.
    """
    config, size = heard.config, heard.config.hop_samples
    state, left, hops = heard.start(1), np.zeros(0, np.float32), 0
    full_at = config.frames // config.hop_frames

    def on(sound):
        nonlocal state, hops
        probability, _, state = heard.heard_on(tf.constant(sound[None]), state)
        for chance in probability[0].numpy().tolist():
            hops += 1
            if hops >= full_at:
                yield (hops - full_at) * config.hop, chance

    for block in blocks:
        left = np.concatenate([left, block])
        ready = len(left) // size * size
        if ready:
            sound, left = left[:ready], left[ready:]
            yield from on(sound)
    missing = max(-len(left) % size, config.samples - hops * size - len(left))
    if len(left) + missing:
        yield from on(np.pad(left, (0, missing)))


def joined(windows, threshold: float, config: Config) -> Iterator[Detection]:
    """Detections out of runs of neighbouring windows that reach the threshold.

    All windows of a run, the first beginning at a and the last at b, hold the call, so it lies from b to
    a + `seconds`. A run of more than half a window holds several calls, or one that part of is enough to
    tell; it is given from the middle of its first window to the middle of its last.

    Args:
        windows: (begin, probability) in order of time, as `window_scores` gives them.
    """
    first, last, best = None, 0.0, 0.0
    for begin, chance in windows:
        if chance >= threshold:
            first = begin if first is None else first
            last, best = begin, max(best, chance)
        elif first is not None:
            yield _detection(first, last, best, config)
            first, best = None, 0.0
    if first is not None:
        yield _detection(first, last, best, config)


def _detection(first: float, last: float, best: float, config: Config) -> Detection:
    half = config.seconds / 2
    begin, end = min(last, first + half), max(first + config.seconds, last + half)
    return Detection(begin, end, LOWEST, HIGHEST, best)


def detect(run, path: Path, threshold: float) -> Found:
    """Hear a recording of any length, a minute at a time.

    Raises:
        UserError: if it cannot be read.
    """
    config, began = run.config, time.perf_counter()
    heard, samples = listener(run.model, config, run.assets), 0

    def counted():
        nonlocal samples
        for block in audio_blocks(path, config.rate, BLOCK_SECONDS):
            samples += len(block)
            yield block

    detections = tuple(joined(window_scores(heard, counted()), threshold, config))
    seconds = samples / config.rate
    inside = (d for d in detections if d.begin < seconds)
    detections = tuple(Detection(**(asdict(d) | {"end": min(d.end, seconds)})) for d in inside)
    return Found(path, seconds, time.perf_counter() - began, detections)


def write_tables(found: Found, folder: Path) -> tuple[Path, Path]:
    """A Raven selection table and a CSV of the same detections, (paths)."""
    stem = found.recording.stem
    channel = 1
    rows = [
        (
            n,
            "Spectrogram 1",
            channel,
            f"{d.begin:.3f}",
            f"{d.end:.3f}",
            d.low,
            d.high,
            f"{d.score:.4f}",
        )
        for n, d in enumerate(found.detections, 1)
    ]
    raven, table = folder / f"{stem}.selections.txt", folder / f"{stem}.csv"
    lines = ["\t".join(RAVEN), *("\t".join(map(str, row)) for row in rows)]
    write_text(raven, "".join(f"{line}\n" for line in lines))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("recording", *Detection.__dataclass_fields__))
    for d in found.detections:
        times = (f"{value:.3f}" for value in (d.begin, d.end))
        writer.writerow((found.recording, *times, d.low, d.high, f"{d.score:.4f}"))
    write_text(table, text.getvalue())
    return raven, table


def search(
    run, recordings, folder: Path, threshold: float, picture: bool
) -> tuple[list[dict], list[str]]:
    """Hear recordings one after the other and write what they hold below `folder`.

    Returns:
        {"recording", "seconds", "took", "detections", "files"} of each that can be read, and a sentence on each
        that cannot.
    Raises:
        UserError: if two have one name.
    """
    from kerasrnn.apps.whale.pictures import detections_picture

    paths = [Path(recording) for recording in recordings]
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        same = next(stem for stem in stems if stems.count(stem) > 1)
        raise UserError(
            f"Recordings must differ in their names without suffix, got {same!r} twice."
        )
    answers, refusals = [], []
    for path in paths:
        try:
            audio_file(path)
            found = detect(run, path, threshold)
            files = write_tables(found, folder)
            if picture:
                files += (detections_picture(found, run.config, folder / f"{path.stem}.png"),)
        except UserError as error:
            refusals.append(str(error))
            continue
        answer = {"recording": str(path), "seconds": found.seconds, "took": found.took}
        answer["detections"] = [asdict(one) for one in found.detections]
        answers.append(answer | {"files": [str(file) for file in files]})
        speed = found.seconds / found.took
        tell(
            f"{path}: {len(found.detections):,} detections in {found.seconds:,.0f} s, "
            f"{speed:,.0f} times as fast as it lasts."
        )
    return answers, refusals
