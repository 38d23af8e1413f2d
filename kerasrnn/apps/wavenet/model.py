"""The network: codes of sound → what each sample may be; WaveNet, or a recurrent network over frames."""

import dataclasses
import functools

import keras

from kerasrnn import layers
from kerasrnn.apps.wavenet.config import Config
from kerasrnn.apps.wavenet.data import Assets
from kerasrnn.apps.wavenet.timing import FEATURES, HOP
from kerasrnn.builders import sample_rnn, wavenet, widths_for
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.builders.sample_network import SampleNetwork
from kerasrnn.errors import UserError
from kerasrnn.losses import MixtureOfLogistics
from kerasrnn.training.learning import LearningConfig
from kerasrnn.training.optimizers import optimizer


def build(config: Config, assets: Assets) -> SampleNetwork:
    """A compiled network of `config.parameters`, whichever of the two it is."""
    network = make(config, len(assets.classes), *widths(_sizes(config), len(assets.classes)))
    reduction = "mean_with_sample_weight"
    loss = {
        "softmax": keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction=reduction
        ),
        "logistics": MixtureOfLogistics(reduction=reduction),
    }[config.outputs]
    network.compile(optimizer(config, plain=["outputs/", "table/", "class/"]), loss)
    if config.xla:
        network.jit_compile = True
    return network


def make(config: Config, classes: int, width: int, second: int) -> SampleNetwork:
    """The network with `width` channels or units, and `second` for the layers that lead to the output."""
    common = {
        "outputs": config.outputs,
        "components": config.components,
        "hidden": second,
        "classes": classes,
        "class_size": config.class_size,
        "local": FEATURES if config.timed else 0,
        "hop": HOP,
    }
    if config.network == "wavenet":
        return wavenet(
            stacks=config.stacks,
            dilations=config.dilations,
            kernel_size=config.kernel_size,
            channels=width,
            skip=second,
            name="wavenet",
            **common,
        )
    return sample_rnn(
        config.cell,
        units=width,
        cell_options=cell_options(config.cell, config.cell_options, [width]),
        layers=config.layers,
        frame=config.frame,
        embedding_size=config.embedding_size,
        name="sample_rnn",
        **common,
    )


def receptive_field(config: Config) -> tuple[int | None, float | None]:
    """How far back an output sees, in samples and in milliseconds; None of the recurrent network, which hears
    all that came before."""
    if config.network != "wavenet":
        return None, None
    return layers.receptive_field(config)


def _sizes(config: Config) -> Config:
    """`config` with all that says nothing of the network's size as it is by default."""
    plain = {field.name: field.default for field in dataclasses.fields(LearningConfig)}
    kept = {"seconds": 0.0, "window": 2048, "context": 1024, "judged": 0, "xla": False}
    return dataclasses.replace(config, **(plain | kept))


@functools.lru_cache(maxsize=8)
def widths(sizes: Config, classes: int) -> tuple[int, int]:
    """Both widths of a network of `parameters`.

    Raises:
        UserError: if none come within 2 % of them.
    """
    try:
        return widths_for(
            sizes.parameters,
            lambda width, second: make(sizes, classes, width, second),
            ratio=2.0 if sizes.network == "wavenet" else 1.0,
        )
    except ValueError as error:
        raise UserError(str(error)) from None
