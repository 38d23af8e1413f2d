"""Speech as others could have said it elsewhere: what makes a training clip new in each pass."""

import tensorflow as tf

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.data import augment
from kerasrnn.data.batching import mine, whole

SLOPES = (-2.0, 0.0)  # of the noise's power over frequency, as f^slope: from brown to white
KNOTS = 5  # of the curve by which an equaliser changes the bands


def varied(audio: tf.Tensor, lengths: tf.Tensor, config: Config, seeds: tf.Tensor):
    """Clips faster or slower, later, in noise, louder or softer.

    Args:
        audio: float32 (B, S), silence behind each clip.
        lengths: int64 (B,), samples.
    Returns:
        float32 (B, S') with the new lengths; S' depends on S only.
    """
    rows, late = whole(tf.shape(audio)[0]), round(config.shift * config.rate)
    factor = 1 + tf.random.stateless_uniform([rows], seeds[0], -config.speed, config.speed)
    silence = tf.random.stateless_uniform([2, rows], seeds[1], 0, late + 1, tf.int32)
    before, behind = map(mine, tf.unstack(silence))
    audio, lengths = played(audio, lengths, mine(factor), before, 1 - config.speed, 2 * late)
    lengths += tf.cast(behind, lengths.dtype)
    if config.noise:
        audio = noisy(audio, lengths, config, seeds)
    if config.level:
        audio = augment.level(audio, config.level, seeds[6])
    return tf.clip_by_value(audio, -1, 1), lengths


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def played(audio, lengths, factor, before, slowest: float, spare: int):
    """Clips (B, S) played `factor` (B,) times as fast, after silence: tempo, pitch and formants change alike.

    Cubic interpolation (Catmull–Rom) between samples.

    Args:
        before: int32 (B,), samples of silence.
        slowest: the least factor that there may be.
        spare: samples for silence before and behind.
    Returns:
        (B, ⌈S / slowest⌉ + spare) and the new lengths, at least 1 each, to the clip's end.
    """
    samples = tf.shape(audio)[1]
    longest = tf.cast(tf.math.ceil(tf.cast(samples, tf.float32) / slowest), tf.int32) + spare
    step = tf.range(longest)[None] - before[:, None]
    at = tf.cast(tf.maximum(step, 0), tf.float32) * factor[:, None]
    place = tf.minimum(tf.cast(at, tf.int32), samples)
    x = at - tf.floor(at)
    padded = tf.pad(audio, [[0, 0], [1, 3]])
    a, b, c, d = (tf.gather(padded, place + k, batch_dims=1) for k in range(4))
    cubic = b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
    new = tf.cast(tf.floor(tf.cast(lengths, tf.float32) / factor), lengths.dtype)
    new = tf.maximum(new, 1)
    heard = (step >= 0) & (tf.cast(step, lengths.dtype) < new[:, None])
    return tf.where(heard, cubic, 0.0), new + tf.cast(before, lengths.dtype)


def noisy(audio: tf.Tensor, lengths: tf.Tensor, config: Config, seeds: tf.Tensor) -> tf.Tensor:
    """A share of clips (B, S) in noise from brown to white, at an SNR over the clip's own samples."""
    rows, samples = tf.unstack(tf.shape(audio))
    every = whole(rows)
    slopes = tf.random.stateless_uniform([augment.NOISES, 1], seeds[2], *SLOPES)
    power = tf.math.log(tf.cast(samples, tf.float32)) / tf.math.log(2.0)
    # samples that Fourier's transform is fast for
    longer = 2 ** tf.cast(tf.math.ceil(power), tf.int32)
    noises = augment.coloured_noise([augment.NOISES, longer], seeds[3], slopes)[:, :samples]
    heard = tf.sequence_mask(lengths, samples, tf.float32)
    share = tf.reduce_mean(heard, axis=1)
    snr = mine(tf.random.stateless_uniform([every], seeds[4], *config.snr))
    # the mean power that `add_noise` takes is over S samples, the clip's own are fewer
    snr += 10 * tf.math.log(share) / tf.math.log(10.0)
    mixed = augment.add_noise(audio, augment.shared(noises, audio), snr)
    chosen = mine(tf.random.stateless_uniform([every, 1], seeds[5])) < config.noise
    return tf.where(chosen, mixed, audio) * heard


def masked(features: tf.Tensor, frames: tf.Tensor, config: Config, seeds: tf.Tensor) -> tf.Tensor:
    """Features (B, T, F) through another microphone, some bands and some frames of them hidden."""
    if config.equaliser:
        features += equaliser(features, config.equaliser, seeds[7])
    if config.frequency_mask:
        features = augment.frequency_mask(features, config.frequency_mask, seeds[8])
    for number in range(config.time_masks if config.time_mask else 0):
        features = augment.time_mask(features, config.time_mask, seeds[9 + number % 3])
    return features


def equaliser(features: tf.Tensor, decibels: float, seed) -> tf.Tensor:
    """A smooth curve over the bands for each row, (B, 1, F), of the given deviation in dB of power."""
    rows, bands = whole(tf.shape(features)[0]), features.shape[2]
    knots = mine(tf.random.stateless_normal([rows, KNOTS], seed)) * decibels * 0.23  # ln of power
    at = tf.linspace(0.0, KNOTS - 1.0, bands)
    weights = tf.maximum(1 - tf.abs(at[None] - tf.range(KNOTS, dtype=tf.float32)[:, None]), 0)
    return (knots @ weights)[:, None]
