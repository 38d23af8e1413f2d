"""WaveNet: raw sound by dilated causal convolutions, nothing recurrent."""

import keras
from keras import ops

from kerasrnn.builders.checks import require_size
from kerasrnn.builders.sample_network import SampleNetwork
from kerasrnn.layers.dilated import receptive_field
from kerasrnn.layers.gated_residual import GatedResidual


@keras.saving.register_keras_serializable(package="kerasrnn")
class WaveNet(SampleNetwork):
    """Predict a sample from those before it, by dilated causal convolutions (deck 000, "WaveNet").

                                       p(s_t)      (B, T, P)
                                          ↑        relu → hidden → relu → P
          ┌───────────┬───────────┬─── Σ skip      (B, T, skip)
          │           │           │
        block 1 →  block 2 → …  block n            (B, T, channels)   `GatedResidual`
        d = 1       d = 2         d = 2^(dilations-1), and again from 1 in each of `stacks`
          ↑
        row of a table                             (B, T, channels)
          ↑
        s_{t-1}                                    (B, T) codes

    The table is the one-hot sample times a matrix. Output t sees the `receptive_field` samples before it.

    Args:
        stacks: how often the dilations begin again.
        dilations: 1, 2, 4, …: so many blocks a stack.
        kernel_size: K, taps of a convolution.
        channels: R, of the blocks.
        skip: S, of the skip connections.
        **common: see `SampleNetwork`.
    Raises:
        ValueError: if a size is not positive.
    Source: van den Oord et al. 2016, arXiv:1609.03499; generation from queues, Le Paine et al. 2016,
        arXiv:1611.09482.
    """

    def __init__(
        self,
        *,
        stacks: int = 2,
        dilations: int = 10,
        kernel_size: int = 2,
        channels: int = 32,
        skip: int = 64,
        **common,
    ):
        super().__init__(**common)
        self.stacks, self.dilations, self.kernel_size = stacks, dilations, kernel_size
        self.channels, self.skip = channels, skip
        for name in ("stacks", "dilations", "kernel_size", "channels", "skip"):
            require_size(name, getattr(self, name), "it counts")
        self._build_table(channels)
        count = stacks * dilations
        self.blocks = [
            self._layer(
                GatedResidual,
                channels,
                skip,
                kernel_size=kernel_size,
                dilation=2 ** (number % dilations),
                condition=self.condition_size,
                last=number == count - 1,
                name=f"block_{number + 1}",
            )
            for number in range(count)
        ]
        for block in self.blocks:
            block.build((None, None, channels))
        self._build_head(skip)
        self.built = True

    @property
    def receptive_field(self) -> int:
        """How many samples before it an output depends on."""
        return receptive_field(self)[0]

    def whole(self, x, y):
        x, skips = self.table(x), 0.0
        for block in self.blocks:
            x, skip = block(x, y)
            skips = skips + skip
        return self.head(skips)

    def start(self, rows) -> list:
        return [ops.zeros((), "int32"), *(block.start(rows) for block in self.blocks)]

    def step(self, x, states: list, y=None) -> tuple:
        time, *queues = states
        x, skips, after = self.table(x), 0.0, []
        for block, queue in zip(self.blocks, queues, strict=True):
            x, skip, queue = block.step(x, queue, time, y)
            skips = skips + skip
            after.append(queue)
        return self.head(skips), [time + 1, *after]

    def get_config(self) -> dict:
        names = ("stacks", "dilations", "kernel_size", "channels", "skip")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def wavenet(**knobs) -> WaveNet:
    """An uncompiled `WaveNet` of these arguments."""
    return WaveNet(**knobs)
