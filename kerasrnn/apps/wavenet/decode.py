"""Logits become sound: drawn sample by sample in one compiled loop, and streamed into WAV files."""

import contextlib
import functools
from pathlib import Path

import numpy as np
import soundfile
import tensorflow as tf

from kerasrnn.apps.wavenet.config import MOST_SOUNDS, Config, Options
from kerasrnn.apps.wavenet.data import Assets, Source
from kerasrnn.apps.wavenet.recordings import as_codes
from kerasrnn.apps.wavenet.timing import timed_rows
from kerasrnn.data.audio import read_audio
from kerasrnn.decoders.sounds import SoundWriter
from kerasrnn.errors import UserError
from kerasrnn.files import require_place, whole_file
from kerasrnn.layers.companding import dequantise, silence
from kerasrnn.notice import progress

ALONE = ("",)  # what stands for no input: silence
FULL_SCALE = 32767
LONGEST = 2**31 - 100  # samples of 16 bits in a WAV file


@functools.lru_cache(maxsize=1)
def writer(model) -> SoundWriter:
    """The last model's writer, kept so that its loop is compiled once for each number of sounds."""
    return SoundWriter(model)


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """Write `options.count` sounds after each input: an audio file to go on from, or "" for silence.

    Returns:
        For each input {"files", "class", "seeds", "seconds"}; a file holds what was written alone.
    Raises:
        UserError: if a file cannot be read or made, or the model lacks the class.
    """
    rows = len(inputs) * options.count
    if rows > MOST_SOUNDS:
        raise UserError(f"At most {MOST_SOUNDS} sounds are written side by side, got {rows}.")
    given, lengths = zip(*(heard(path, config) for path in inputs), strict=True)
    given, lengths = (np.repeat(each, options.count, axis=0) for each in (given, lengths))
    seeds = [options.seed + row for row in range(rows)]
    kinds = kinds_for(assets, options.class_, seeds)
    files = names(Path(options.out), rows)
    if options.seconds * config.rate > LONGEST:
        raise UserError(
            f"`seconds` must be at most {LONGEST / config.rate:,.0f}, as a WAV file holds 4 GiB, got "
            f"{options.seconds:,g}."
        )
    samples = max(1, round(options.seconds * config.rate))
    pieces = writer(model).blocks(
        tf.constant(given), seeds, samples, options.temperature,
        conditions(config, kinds, samples, lengths),
    )  # fmt: skip
    _stream(pieces, files, samples, config.rate)
    answers = []
    for first in range(0, rows, options.count):
        mine = slice(first, first + options.count)
        answer = {"files": [str(file) for file in files[mine]], "seeds": seeds[mine]}
        if assets.classes:
            answer["class"] = [assets.classes[kind] for kind in kinds[mine]]
        answers.append(answer | {"seconds": samples / config.rate})
    return answers


def heard(path: str, config: Config) -> tuple[np.ndarray, int]:
    """The last `context` samples of a file as codes int32 (context,), silence before them; and its length."""
    codes = np.full(config.context, silence(), np.int32)
    if not path:
        return codes, 0
    whole = as_codes([read_audio(path, config.rate)])[0]
    last = whole[-config.context :]
    codes[config.context - len(last) :] = last
    return codes, len(whole)


def conditions(config: Config, kinds, samples: int, lengths=0) -> dict:
    """What a `SoundWriter` needs to know of sounds that it goes on with after `context` samples.

    Args:
        kinds: the class of each, (B,).
        samples: that are written of each; then it ends.
        lengths: samples that each has already, of which the last are heard; 0 begins it.
    """
    inputs = {"class": tf.constant(kinds)}
    if config.timed:
        begun = tf.constant(config.context - np.broadcast_to(lengths, len(kinds)))
        ends = tf.fill([len(kinds)], config.context + samples)
        inputs["local"] = lambda first, count: timed_rows(first, count, begun, ends, config.rate)
    return inputs


def kinds_for(assets: Assets, name: str, seeds: list[int]) -> list[int]:
    """The class of each sound: the one called `name`, or without a name the one that its seed chooses."""
    if name:
        return [assets.kind(name)] * len(seeds)
    return [seed % max(len(assets.classes), 1) for seed in seeds]


def names(out: Path, count: int) -> list[Path]:
    """`out` for one sound; for several, numbered before its suffix."""
    if out.suffix.lower() != ".wav":
        raise UserError(f"`out` must be the name of a .wav file, got {str(out)!r}.")
    require_place(out.parent)
    numbered = (out.with_name(f"{out.stem}-{n}{out.suffix}") for n in range(1, count + 1))
    files = [out] if count == 1 else list(numbered)
    if folders := [str(file) for file in files if file.is_dir()]:
        raise UserError(f"`out` must be the name of a file, but {folders[0]} is a folder.")
    return files


def _stream(pieces, files: list[Path], samples: int, rate: int) -> None:
    """Write pieces of codes (B, n) into B files as they come; the files are there when all are whole."""
    with contextlib.ExitStack() as stack:
        parts = [stack.enter_context(whole_file(file)) for file in files]
        sounds = [
            stack.enter_context(soundfile.SoundFile(part, "w", rate, 1, "PCM_16", format="WAV"))
            for part in parts
        ]
        done = stack.enter_context(progress("writing sound", samples))
        for piece in pieces:
            for sound, row in zip(sounds, as_pcm(piece).numpy(), strict=True):
                sound.write(row)
            done(piece.shape[1])


def as_pcm(codes: tf.Tensor) -> tf.Tensor:
    """Codes as int16 samples."""
    return tf.cast(tf.round(dequantise(codes) * FULL_SCALE), tf.int16)


def show(path: str, answer: dict) -> str:
    """What was gone on from, and what was written, as a person reads it."""
    return f"{path or 'from silence'}: {answer}"


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> None: a line cannot hold sound."""
    return lambda: None
