"""The exported graph: WAV files or waveforms in, probabilities out; and a stream, its state in and out."""

import io

import numpy as np
import tensorflow as tf

from kerasrnn.apps.whale import synth
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import Assets
from kerasrnn.apps.whale.decode import Listener
from kerasrnn.data.wav import decode_wav


class Endpoint(Listener):
    """What the export holds."""

    def whole(self, audio: tf.Tensor) -> tf.Tensor:
        """The highest probability of the windows in sounds (B, S) of any length, (B,)."""
        config = self.config
        samples = tf.shape(audio)[1]
        missing = tf.maximum(config.samples - samples, -samples % config.hop_samples)
        audio = tf.pad(audio, [[0, 0], [0, missing]])
        probability, full, _ = self.hear(audio, self.start(tf.shape(audio)[0]))
        return tf.reduce_max(tf.where(full, probability, 0.0), axis=1)


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: audio_bytes string (B,), WAV files of any rate → probability float32 (B,), of a call; of a
        file longer than a window, the highest of its windows.
    waveform: waveform float32 (B, S), full scale ±1, at `rate` → probability (B,), likewise.
    stream: waveform float32 (B, n hop), and the state: heard int32 (B,), frames float32 (B, T - hop, F), begun
        int32 (B,), tail float32 (B, …), mean float32 (B, F), all 0 at a recording's start → probability float32
        (B, n), full bool (B, n), and the state by the same names, for the next call; see `Listener.hear`.
    """
    heard = Endpoint(model, config, assets)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "audio_bytes")], autograph=False)
    def serving_default(audio_bytes):
        chances = tf.map_fn(
            lambda data: heard.whole(decode_wav(data, config.rate)[None])[0],
            audio_bytes,
            fn_output_signature=tf.float32,
        )
        return {"probability": chances}

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.float32, "waveform")], autograph=False
    )
    def waveform(waveform):
        return {"probability": heard.whole(_finite(waveform, 1))}

    given = {
        name: tf.TensorSpec([None, *shape], kind, name)
        for name, (shape, kind) in heard.state.items()
    }

    @tf.function(autograph=False)
    def stream(waveform, **state):
        probability, full, after = heard.hear(_finite(waveform, config.hop_samples), state)
        return {"probability": probability, "full": full, **after}

    stream = stream.get_concrete_function(
        waveform=tf.TensorSpec([None, None], tf.float32, "waveform"), **given
    )
    return {
        "serving_default": serving_default,
        "waveform": waveform,
        "stream": stream,
        "module": heard,
    }


def _finite(audio: tf.Tensor, multiple: int) -> tf.Tensor:
    """`audio` (B, S), which nothing reads before S and the samples have been looked at."""
    samples = tf.shape(audio)[1]
    said = tf.strings.format(
        f"A waveform must be finite and hold one or more times {multiple} samples, got {{}}.",
        samples,
    )
    good = tf.reduce_all(tf.math.is_finite(audio)) & (samples > 0) & (samples % multiple == 0)
    with tf.control_dependencies([tf.debugging.Assert(good, [said])]):
        return tf.identity(audio)


def questions(assets: Assets) -> list[dict]:
    """Requests that try the export: synthetic clips as files, one and several, and as waveforms."""
    import soundfile

    audio, _ = synth.clips(3, (synth.HIGH, synth.HIGH), synth.HOME, 8)
    files = []
    for sound, rate in zip(audio, (synth.RATE, 2 * synth.RATE, synth.RATE), strict=True):
        file = io.BytesIO()
        soundfile.write(file, sound, rate, format="WAV", subtype="PCM_16")
        files.append(file.getvalue())
    some = (audio[:2, :3210] / 32768).astype(np.float32).round(6).tolist()
    return [
        {"signature": "serving_default", "inputs": {"audio_bytes": files[:1]}},
        {"signature": "serving_default", "inputs": {"audio_bytes": files}},
        {"signature": "waveform", "inputs": {"waveform": some}},
    ]
