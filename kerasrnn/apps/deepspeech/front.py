"""From sound to the network's features, the same in training, in judging, in a stream and in the export."""

import tensorflow as tf

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.data.features import Statistics, log_power, mel_bands, power_spectrogram


class Front:
    """Logarithms of mel bands, normalised: one frame for each hop that has begun.

        [ silence ][ audio ……………………………… ][ silence ]      frame t ends with sample (t + 1) hop
         └ frame 0 ┘         └ frame T - 1 ┘

    Before a recording there is silence of window - hop, so that a stream, which keeps so many samples, hears
    the frames of the whole.

    Args:
        config: the app's.
        statistics: of each band over the training clips; without, the frames are not normalised.
    """

    def __init__(self, config: Config, statistics: Statistics | None = None):
        self.config, self._statistics = config, statistics
        # samples that the next frame begins with
        self.held = config.window_samples - config.hop_samples
        self.fft = 1 << max(config.window_samples - 1, 2 * config.rate // 50).bit_length()

    def frames(self, lengths: tf.Tensor) -> tf.Tensor:
        """T of recordings of `lengths` samples: ⌈S / hop⌉."""
        return -(-lengths // self.config.hop_samples)

    def steps(self, frames: tf.Tensor) -> tf.Tensor:
        """T', how many answers there are for T frames: ⌈T / stride⌉."""
        return -(-frames // self.config.stride)

    def __call__(self, audio: tf.Tensor) -> tf.Tensor:
        """Features float32 (B, T, F) of recordings (B, S)."""
        missing = -tf.shape(audio)[1] % self.config.hop_samples
        return self.heard(tf.pad(audio, [[0, 0], [self.held, missing]]))

    def heard(self, audio: tf.Tensor) -> tf.Tensor:
        """Features of frames that lie wholly in `audio` (B, held + n hop), (B, n, F).

        What is louder than full scale, ±1, is clipped, as 16-bit training clips are.
        """
        config, audio = self.config, tf.clip_by_value(audio, -1, 1)
        power = power_spectrogram(audio, config.window_samples, config.hop_samples, self.fft)
        bands = mel_bands(power, config.rate, config.bands, config.low, config.high)
        features = log_power(bands + config.floor)
        return features if self._statistics is None else self._statistics(features)


def of_frames(frames: tf.Tensor, longest: tf.Tensor) -> tf.Tensor:
    """float32 (B, longest, 1): 1 where there is a frame, 0 behind the last."""
    return tf.sequence_mask(frames, longest, tf.float32)[..., None]
