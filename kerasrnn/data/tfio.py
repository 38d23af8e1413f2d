"""The one place that knows tensorflow-io: its operations in pure TensorFlow, and its decoders where they load.

Importing tensorflow-io succeeds even where its libraries do not fit this TensorFlow, so a real file is decoded
once to find out. No operation of it may stand in an exported graph.
"""

import functools
import io
import warnings
from types import ModuleType

import numpy as np
import soundfile

from kerasrnn.errors import UserError
from kerasrnn.notice import tell

DECODERS = {"WAV": "decode_wav", "FLAC": "decode_flac", "OGG": "decode_vorbis", "MP3": "decode_mp3"}


@functools.cache
def audio() -> ModuleType:
    """`tensorflow_io.audio`: spectrogram, melscale, dbscale, masks, fades, …, written in TensorFlow.

    Raises:
        UserError: if tensorflow-io is not installed; there is none after Python 3.12.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the libraries, which `decodes` tells
        try:
            import tensorflow_io
        except ImportError:
            raise UserError(
                "tensorflow-io must be installed for this; it has no wheel after Python 3.12."
            ) from None
        return tensorflow_io.audio


@functools.cache
def decodes() -> bool:
    """Whether tensorflow-io decodes files here; if not, that is said once."""
    import tensorflow as tf

    wanted = np.linspace(-0.5, 0.5, 8, dtype=np.float32)
    file = io.BytesIO()
    soundfile.write(file, wanted, 8000, format="WAV", subtype="PCM_16")
    try:
        got = audio().decode_wav(file.getvalue(), dtype=tf.int16)
    except (UserError, NotImplementedError, AttributeError, OSError):
        tell("Audio is decoded by soundfile: tensorflow-io's decoders do not load here.")
        return False
    return bool(np.allclose(got[:, 0] / 32768, wanted, atol=1e-4))


def decode(data: bytes, kind: str, subtype: str) -> np.ndarray | None:
    """A file's samples, float32 (samples, channels) at full scale ±1.

    Args:
        kind, subtype: as soundfile names them, such as "WAV" and "PCM_16".
    Returns:
        None where tensorflow-io does not decode here, or not this kind of file, or not this very one.
    """
    import tensorflow as tf

    if kind not in DECODERS or not decodes():
        return None
    decoder = getattr(audio(), DECODERS[kind])
    whole = kind in ("WAV", "FLAC")
    if whole and subtype != "PCM_16":
        return None
    try:
        samples = decoder(data, dtype=tf.int16) / 32768 if whole else decoder(data)
    except tf.errors.OpError:
        return None  # a damaged file: soundfile says what is wrong
    return samples.numpy().astype(np.float32)
