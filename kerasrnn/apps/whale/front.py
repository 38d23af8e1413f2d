"""From sound to the network's features, the same in training, in judging, in a stream and in the export."""

import tensorflow as tf

from kerasrnn.apps.whale.config import Config
from kerasrnn.data.features import PCEN, log_power, mel_bands, power_spectrogram, smoothing_of


class Front:
    """Mel bands under PCEN, or their logarithm: one frame for each `frame_step` samples.

        samples:   ……[tail][ audio                ]      frame t ends with sample (t + 1) frame_step
                        └ frame 0 ┘
                            └ frame 1 ┘ …

    What was heard before goes in and out as a state, so that pieces of a recording give the frames of the
    whole. At its start the mirror image of the first samples stands for what came before.
    """

    def __init__(self, config: Config):
        self.config = config
        frames = config.pcen_seconds * config.rate / config.frame_step
        self._pcen = PCEN(
            smoothing_of(frames), config.pcen_gain, config.pcen_bias, config.pcen_root
        )

    @property
    def state(self) -> dict[str, tuple[tuple[int, ...], tf.DType]]:
        """Each part of the state: its shape without the batch, and its type; zeros at the start.

        begun: 1 once there was sound. tail: the samples that the next frame begins with. mean: PCEN's M.
        """
        config = self.config
        return {
            "begun": ((), tf.int32),
            "tail": ((config.frame_length - config.frame_step,), tf.float32),
            "mean": ((config.bands,), tf.float32),
        }

    def start(self, rows) -> dict[str, tf.Tensor]:
        """The state at the start of `rows` recordings."""
        return {n: tf.zeros([rows, *shape], kind) for n, (shape, kind) in self.state.items()}

    def __call__(self, audio: tf.Tensor, state: dict) -> tuple[tf.Tensor, dict]:
        """Hear on.

        Args:
            audio: float32 (B, S), S a multiple of `frame_step`, at least frame_length - frame_step.
        Returns:
            float32 (B, S / frame_step, F), and the state after it.
        """
        config = self.config
        held, begun = config.frame_length - config.frame_step, state["begun"][:, None] > 0
        tail = tf.where(begun, state["tail"], audio[:, :held][:, ::-1])
        sound = tf.concat([tail, audio], 1)
        power = power_spectrogram(sound, config.frame_length, config.frame_step, config.fft_length)
        bands = mel_bands(power, config.rate, config.bands, config.low, config.high)
        if config.features == "pcen":
            heard, mean = self._pcen(bands, tf.where(begun, state["mean"], bands[:, 0]))
        else:
            heard, mean = log_power(bands), bands[:, -1]
        after = {"begun": tf.ones_like(state["begun"]), "tail": sound[:, -held:], "mean": mean}
        return heard, after

    def clip(self, audio: tf.Tensor) -> tf.Tensor:
        """Features (B, T, F) of clips (B, S), each a recording of its own."""
        return self(audio, self.start(tf.shape(audio)[0]))[0]
