"""The exported graph: WAV files or waveforms in, transcripts out."""

import io

import tensorflow as tf

from kerasrnn.apps.deepspeech import synth
from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.data import Assets
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.apps.deepspeech.stream import Stream
from kerasrnn.checks import bearable, checked, finite
from kerasrnn.data.wav import WavFiles
from kerasrnn.export.questions import first_question


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: audio_bytes string (B,), WAV files of any rate → transcript string (B,), confidence
        float32 (B,), timestamps float32 (B, N, 2), the seconds at which each letter begins and ends, -1 behind
        the last.
    stream, finish: with `streaming`, see `stream_signatures`.
    waveform: waveform float32 (B, S) at `rate`, full scale ±1, lengths int32 (B,), samples of each → likewise.
    """
    heard = Listener(model, config, assets)

    def written(audio, lengths):
        found = heard.transcribe(audio, lengths, config.beams)
        return {name: value[:, 0] for name, value in found.items()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "audio_bytes")], autograph=False)
    def serving_default(audio_bytes):
        kinds = {
            "transcript": tf.TensorSpec([None], tf.string),
            "confidence": tf.TensorSpec([None], tf.float32),
            "timestamps": tf.TensorSpec([None, None, 2], tf.float32),
        }
        return WavFiles(audio_bytes, config.rate).heard(written, kinds)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, "waveform"), tf.TensorSpec([None], tf.int32, "lengths")
        ],
        autograph=False,
    )  # fmt: skip
    def waveform(waveform, lengths):
        return written(*_silenced(waveform, lengths))

    signatures = {"serving_default": serving_default, "waveform": waveform, "module": heard}
    if config.streaming:
        heard.stream = Stream(model, config, assets)
        signatures |= stream_signatures(heard.stream)
    return signatures


def stream_signatures(stream: Stream) -> dict:
    """stream: waveform float32 (B, n step_samples) and the state → what n steps say, and the state; see
    `Stream.hear`. finish: the state → what is still to be said."""
    given = {n: tf.TensorSpec([None, *shape], kind, n) for n, (shape, kind) in stream.state.items()}
    samples = stream.config.step_samples

    @tf.function(autograph=False)
    def hear(waveform, **state):
        answer, after = stream.hear(finite(waveform, samples), state)
        return answer | after

    @tf.function(autograph=False)
    def finish(**state):
        return stream.finish(state)

    sound = tf.TensorSpec([None, None], tf.float32, "waveform")
    return {
        "stream": hear.get_concrete_function(waveform=sound, **given),
        "finish": finish.get_concrete_function(**given),
    }


def _silenced(audio: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`audio` (B, S), which nothing reads before it has been looked at, silent behind each end."""
    samples, lengths = tf.shape(audio, tf.int64)[1], tf.cast(lengths, tf.int64)
    good = bearable(audio) & tf.reduce_all((lengths > 0) & (lengths <= samples))
    said = tf.strings.format(
        "A waveform must be finite, and its length from 1 to the {} samples given, got {}.",
        (samples, lengths),
    )
    lengths = checked(good, said, lengths)
    there = tf.sequence_mask(lengths, samples)
    return tf.where(there, audio, 0.0), lengths


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export: files of the generator, one and several, waveforms, and a
    stream's first four steps."""
    import numpy as np
    import soundfile

    files = []
    sounds = synth.spoken(["one two", "three"], {synth.Voice("toy", "1"): 1.0}, 16000, 8)
    for sound, rate in zip(sounds, (16000, 8000), strict=True):
        file = io.BytesIO()
        soundfile.write(file, sound, rate, format="WAV", subtype="PCM_16")
        files.append(file.getvalue())
    audio = np.stack([sound[:3000] for sound in sounds]).round(6).tolist()
    asked = [
        {"signature": "serving_default", "inputs": {"audio_bytes": files[:1]}},
        {"signature": "serving_default", "inputs": {"audio_bytes": files}},
        {"signature": "waveform", "inputs": {"waveform": audio, "lengths": [3000, 1777]}},
    ]
    if "stream" in endpoint:
        first = np.resize(sounds[0], (1, 4 * endpoint["module"].stream.config.step_samples))
        asked.append(first_question(endpoint, "stream", waveform=first.round(6).tolist()))
        asked.append(first_question(endpoint, "finish"))
    return asked
