"""The network: features of a recording → a logit for each letter and the blank, at each step; and its loss."""

import keras
from keras import layers, ops

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.data import Assets
from kerasrnn.builders import Stack
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.losses.ctc import ctc
from kerasrnn.training.optimizers import optimizer

CEILING = 20.0  # of the clipped ReLU


def build(config: Config, assets: Assets) -> keras.Model:
    """A compiled model: {"features" (B, T, F), "frames" (B,)} → logits (B, T', K), of letters and the blank."""
    network = deep_speech(config, len(assets.alphabet) + 1)
    bias = network.get_layer("outputs").bias
    bias.assign(ops.convert_to_tensor([0.0] * assets.blank + [config.blank_bias]))
    network.compile(optimizer(config, plain=["outputs/", "convolution"]), CTC())
    return network


def deep_speech(config: Config, classes: int) -> keras.Model:
    """Transcribe letters, mirroring the slides "DeepSpeech".

              l_t               (B, T', K)   logits; softmax: P(letter or blank | x)
               ↑
              h5_t              (B, T', N)   g(W5 h4_t + b5)
               ↑
        h4_t = hf_t + hb_t      (B, T', H)   `cell`, 1 → T' and T' → 1, added
               ↑
              h3_t              (B, T', N)   g(W3 h2_t + b3)
               ↑
              h2_t              (B, T', N)   g(W2 h1_t + b2)
               ↑
              h1_t              (B, T', N)   g(W1 [x_{t-C} … x_t … x_{t+C}] + b1), for each `stride`-th t
             ↗ ↑ ↖
      x_{t-C} … x_t … x_{t+C}   (B, T, F)    before the first frame and behind the last there are zeros

    g(z) = min(max(0, z), 20), behind layer normalisation unless `normalise` says otherwise. The slide's is
    stride=1, normalise=none, cell=simple_rnn. With `centre`, each recording's mean is taken from x first; with
    `filters`, two convolutions over time and bands come then. With `streaming`, h4 goes one way only, and C
    frames are all that is heard ahead.

    Source: Hannun et al. 2014, arXiv:1412.5567, section 2.
    """
    x = features = keras.Input((None, config.bands), name="features")
    frames = keras.Input((), dtype="int32", name="frames")
    if config.centre:
        x = Centred(config.centre / config.hop, name="centred")([x, frames])
    if config.filters:
        x = _over_bands(x, frames, config)
    for number, units in enumerate(config.dense, 1):
        if number == 1:
            x = layers.ZeroPadding1D(config.context, name="context")(x)
            size = 2 * config.context + 1
            layer = layers.Conv1D(units, size, config.stride, use_bias=True, name="hidden_1")
            x = layer(x)
            mask = StepMask(config.stride, name="mask")([x, frames])
        else:
            x = layers.Dense(units, name=f"hidden_{number}")(x)
        x = _clipped(x, config, number, mask)
    x, _ = recurrent_stack(config).read(x, mask=mask, states=config.streaming)
    number = len(config.dense) + 2
    x = _clipped(layers.Dense(config.last, name=f"hidden_{number}")(x), config, number, mask)
    dtype = keras.config.dtype_policy().variable_dtype
    logits = layers.Dense(classes, dtype=dtype, name="outputs")(x)
    return keras.Model({"features": features, "frames": frames}, logits, name="deep_speech")


def recurrent_stack(config: Config) -> Stack:
    """h4, and what more recurrent layers there are."""
    way = None if config.streaming else "sum"
    return Stack(
        config.cell,
        units=config.units,
        cell_options=cell_options(config.cell, config.cell_options, config.units),
        bidirectional=way,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
    )


def _clipped(z, config: Config, number: int, mask):
    """g(z), normalised before and dropped from behind; a batch's mean is over the steps of `mask` (B, T')."""
    if config.normalise == "layer":
        z = layers.LayerNormalization(name=f"normalise_{number}")(z)
    elif config.normalise == "batch":
        z = layers.BatchNormalization(momentum=0.95, name=f"normalise_{number}")(z, mask=mask)
    # an operation carries no Keras mask on: lengths reach the loss in the target
    h = ops.clip(z, 0, CEILING)
    return layers.Dropout(config.dropout, name=f"drop_{number}")(h) if config.dropout else h


def _over_bands(x, frames, config: Config):
    """Two convolutions over time and bands, a stride of 2 over the bands: (B, T, F) → (B, T, filters F / 2)."""
    x = layers.Reshape((-1, config.bands, 1), name="picture")(x)
    for number in (1, 2):
        x = layers.ZeroPadding2D((1, 0), name=f"around_{number}")(x)
        x = layers.Conv2D(
            number * config.filters, (3, 5), (1, 2), "valid", name=f"convolution_{number}"
        )(x)
        x = FramesOnly(name=f"frames_only_{number}")([ops.clip(x, 0, CEILING), frames])
    return layers.Reshape((-1, x.shape[2] * x.shape[3]), name="bands")(x)


@keras.saving.register_keras_serializable(package="kerasrnn")
class StepMask(layers.Layer):
    """Which answers count: [(B, T', …), frames (B,)] → bool (B, T'), the first ⌈frames / stride⌉.

    Args:
        stride: frames from one answer to the next.
    """

    def __init__(self, stride: int, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs):
        x, frames = inputs
        # of a number that is not negative, which ONNX divides as TensorFlow does
        steps = (ops.cast(frames, "int32") + self.stride - 1) // self.stride
        return ops.arange(ops.shape(x)[1])[None] < steps[:, None]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape[:2], "bool")

    def get_config(self) -> dict:
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="kerasrnn")
class FramesOnly(layers.Layer):
    """[(B, T, …), frames (B,)] → 0 behind the last frame, so that padding stays what it was."""

    def call(self, inputs):
        return _without_padding(*inputs)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(package="kerasrnn")
class Centred(layers.Layer):
    """[(B, T, F), frames (B,)] → what differs from the recording's mean: no voice's or microphone's colour.

        m = Σ_t x_t / (prior + T)        x_t - m, and 0 behind the last frame

    The mean is computed in float32 at least.

    Args:
        prior: frames that 0, the mean of all recordings, weighs: of a short recording the mean is what is said.
    Source: Atal 1974, "Effectiveness of linear prediction characteristics of the speech wave for automatic
        speaker identification and verification", J. Acoust. Soc. Am. 55; there, prior = 0.
    """

    def __init__(self, prior: float, **kwargs):
        super().__init__(**kwargs)
        self.prior = prior

    def call(self, inputs):
        x, frames = inputs
        wide = keras.backend.result_type(x.dtype, "float32")
        exact = _without_padding(ops.cast(x, wide), frames)
        count = self.prior + ops.cast(frames, wide)[:, None, None]
        mean = ops.sum(exact, axis=1, keepdims=True) / ops.maximum(count, 1)  # of no frame, 0
        return _without_padding(ops.cast(exact - mean, x.dtype), frames)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "prior": self.prior}


def _without_padding(x, frames):
    """`x` (B, T, …), and 0 from frame `frames` (B,) on."""
    there = ops.arange(ops.shape(x)[1])[None] < ops.cast(frames, "int32")[:, None]
    return ops.where(ops.reshape(there, (*ops.shape(there), *[1] * (len(x.shape) - 2))), x, 0)


def taken_apart(target):
    """The target (B, 2 + L) of `data.batches`: T' (B,), how many letters (B,), the letters (B, L)."""
    return target[:, 0], target[:, 1], target[:, 2:]


@keras.saving.register_keras_serializable(package="kerasrnn")
class CTC(keras.losses.Loss):
    """-ln P(letters | recording) in nats, (B,); 0 where a recording has too few steps for its letters."""

    def __init__(self, name: str = "ctc", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        steps, sizes, letters = taken_apart(ops.cast(y_true, "int32"))
        blank = y_pred.shape[-1] - 1
        return ctc(letters, y_pred, sizes, steps, blank=blank)[0]
