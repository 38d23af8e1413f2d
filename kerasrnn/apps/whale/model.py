"""The network: features of a window → one logit, that it holds a call."""

import keras
from keras import layers

from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import Assets
from kerasrnn.builders import Stack
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.training.optimizers import optimizer


def build(config: Config, assets: Assets) -> keras.Model:
    """A compiled model, (B, T, F) → (B, 1): `recurrent`, or one of the two that it is compared with."""
    network = {"recurrent": recurrent, "cnn": cnn, "logistic": logistic}[config.network](config)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(optimizer(config, plain=["outputs/", "weigh/"]), loss)
    return network


def recurrent(config: Config) -> keras.Model:
    """Whale sounds, many to one.

         y            (B, 1)
         ↑
       Σ α_t h_t      (B, H)            the last state, their mean, or attention's
     ↗   ↑   ↖
    h_1 → … → h_T'    (B, T', H)        `cell`, one way or both
     ↑         ↑
     convolutions     (B, T', F' C)     two, each with a stride; T' is T then, or T / 2
     ↑         ↑
    x_1   …   x_T     (B, T, F)
    """
    x = start = keras.Input((config.frames, config.bands), name="features")
    if config.filters:
        x = layers.Reshape((config.frames, config.bands, 1))(x)
        x = _convolution(x, config.filters, (5, 5), (1, 2), "convolution_1")
        x = _convolution(x, 2 * config.filters, (3, 3), (2, 2), "convolution_2")
        x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    stack = Stack(
        config.cell,
        units=config.units,
        cell_options=cell_options(config.cell, config.cell_options, config.units),
        bidirectional="concat" if config.bidirectional else None,
        dropout=config.dropout,
    )
    h, _ = stack.read(x, sequences=config.pool != "last")
    if config.pool == "mean":
        h = layers.GlobalAveragePooling1D(name="mean")(h)
    elif config.pool == "attention":
        h = _attention(h, config.attention_units)
    return keras.Model(start, stack.answer(h, 1, None), name="whale")


def _attention(h, units: int):
    """Σ_t α_t h_t, α = softmax_t(v · tanh(h_t W + b)): (B, T, H) → (B, H).

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", eqs. 5-7.
    """
    known = layers.Dense(units, activation="tanh", name="weigh_hidden")(h)
    shares = layers.Dense(1, use_bias=False, name="weigh")(known)
    shares = layers.Softmax(axis=1, name="attention")(shares)
    return layers.Flatten()(layers.Dot(axes=1, name="attended")([shares, h]))


def cnn(config: Config) -> keras.Model:
    """What it is compared with: four convolutions, each with a stride, the mean and maximum over all places."""
    x = start = keras.Input((config.frames, config.bands), name="features")
    x = layers.Reshape((config.frames, config.bands, 1))(x)
    filters = max(config.filters, 4)
    for number, (factor, size, stride) in enumerate(
        ((1, 5, (1, 2)), (2, 3, (2, 2)), (3, 3, (2, 2)), (4, 3, (2, 1))), 1
    ):
        x = _convolution(x, factor * filters, (size, size), stride, f"convolution_{number}")
    both = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    x = layers.Dropout(config.dropout)(layers.Concatenate()(both))
    return keras.Model(start, layers.Dense(1, dtype="float32", name="outputs")(x), name="whale_cnn")


def logistic(config: Config) -> keras.Model:
    """What it is compared with: logistic regression on the mean spectrum."""
    start = keras.Input((config.frames, config.bands), name="features")
    mean = layers.GlobalAveragePooling1D()(start)
    return keras.Model(
        start, layers.Dense(1, dtype="float32", name="outputs")(mean), name="whale_logistic"
    )


def _convolution(x, filters: int, size, stride, name: str):
    x = layers.Conv2D(filters, size, stride, "same", use_bias=False, name=name)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x))
