"""The exported graph: WAV files or waveforms in, probabilities out; and a stream, its state in and out."""

import io

import numpy as np
import tensorflow as tf

from kerasrnn.apps.whale import synth
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import Assets
from kerasrnn.apps.whale.decode import Listener
from kerasrnn.checks import finite
from kerasrnn.data.wav import WavFiles
from kerasrnn.export.questions import first_question


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: audio_bytes string (B,), WAV files of any rate → probability float32 (B,), of a call; of a
        file longer than a window, the highest of its windows.
    waveform: waveform float32 (B, S), full scale ±1, at `rate` → probability (B,), likewise.
    stream: waveform float32 (B, n hop), and the state: heard int32 (B,), frames float32 (B, T - hop, F), begun
        int32 (B,), tail float32 (B, …), mean float32 (B, F), all 0 at a recording's start → probability float32
        (B, n), full bool (B, n), and the state by the same names, for the next call; see `Listener.hear`.
    """
    heard = Listener(model, config, assets)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "audio_bytes")], autograph=False)
    def serving_default(audio_bytes):
        kinds = {"probability": tf.TensorSpec([None], tf.float32)}
        files = WavFiles(audio_bytes, config.rate)
        return files.heard(lambda *sound: {"probability": heard.whole(*sound)}, kinds)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.float32, "waveform")], autograph=False
    )
    def waveform(waveform):
        rows, samples = tf.unstack(tf.shape(waveform))
        lengths = tf.fill([rows], samples)
        return {"probability": heard.whole(finite(waveform, 1), lengths)}

    given = {
        name: tf.TensorSpec([None, *shape], kind, name)
        for name, (shape, kind) in heard.state.items()
    }

    @tf.function(autograph=False)
    def stream(waveform, **state):
        probability, full, after = heard.hear(finite(waveform, config.hop_samples), state)
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


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export: synthetic clips as files, one and several, as waveforms, and as a
    stream's first two hops."""
    import soundfile

    audio, _ = synth.clips(3, (synth.HIGH, synth.HIGH), synth.HOME, 8)
    files = []
    for sound, rate in zip(audio, (synth.RATE, 2 * synth.RATE, synth.RATE), strict=True):
        file = io.BytesIO()
        soundfile.write(file, sound, rate, format="WAV", subtype="PCM_16")
        files.append(file.getvalue())
    some = (audio[:2, :3210] / 32768).astype(np.float32).round(6).tolist()
    first = np.resize(audio[0] / 32768, (1, 2 * endpoint["module"].config.hop_samples))
    return [
        {"signature": "serving_default", "inputs": {"audio_bytes": files[:1]}},
        {"signature": "serving_default", "inputs": {"audio_bytes": files}},
        {"signature": "waveform", "inputs": {"waveform": some}},
        first_question(endpoint, "stream", waveform=first.round(6).tolist()),
    ]
