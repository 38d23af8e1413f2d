"""WaveNet's building block: a gated convolution, added to what it read."""

import keras
from keras import ops

from kerasrnn.cells.product import matmul_flat
from kerasrnn.layers.dilated import CausalConvolution


@keras.saving.register_keras_serializable(package="kerasrnn")
class GatedResidual(keras.layers.Layer):
    """A dilated causal convolution through a gate, with a residual and a skip connection.

        z = tanh(W_f ∗ x + V_f y) ⊙ σ(W_g ∗ x + V_g y)          (B, T, R)           (1)
        residual = x + z P_r + b_r                              (B, T, R)           (2)
        skip = z P_s + b_s                                      (B, T, S)           (3)

        residual ── to the next block        Σ skip ── to the output
            ↑                                  ↑
            + ←────────── P_r z ┬─ P_s z ──────┘
            │                   ⊙
            │             tanh ↗ ↖ σ
            │              W_f ∗   W_g ∗  ← V y
            └─────── x ────┴───────┘

    ∗ is a `CausalConvolution` with `dilation`. y is what the sound is like, the same at all steps (global: a
    speaker, a class) or one at each step (local: an upsampled sequence of features).

    Args:
        channels: R, of x and z.
        skip: S.
        kernel_size, dilation: of both convolutions.
        condition: Y, the width of y; 0 has none.
        last: no block follows, so there is no (2); x comes out as it went in.
    Raises:
        ValueError: if a size is not positive.
    Source: van den Oord et al. 2016, arXiv:1609.03499, sections 2.3 to 2.5.
    """

    def __init__(
        self,
        channels: int,
        skip: int,
        kernel_size: int = 2,
        dilation: int = 1,
        condition: int = 0,
        last: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if channels < 1 or skip < 1 or condition < 0:
            raise ValueError(
                f"`channels` and `skip` must be at least 1 and `condition` at least 0, got {channels}, "
                f"{skip} and {condition}."
            )
        self.channels, self.skip, self.condition, self.last = channels, skip, condition, last
        self.convolution = CausalConvolution(
            2 * channels, kernel_size, dilation, dtype=self.dtype_policy, name="convolution"
        )

    def build(self, x_shape, condition_shape=None) -> None:
        self.convolution.build((*x_shape[:-1], self.channels))
        width = self.skip if self.last else self.channels + self.skip
        self.kernel = self.add_weight((self.channels, width), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((width,), "zeros", name="bias")
        if self.condition:
            shape = (self.condition, 2 * self.channels)  # [V_f | V_g]
            self.condition_kernel = self.add_weight(shape, name="condition_kernel")
        self.built = True

    def call(self, x, condition=None):
        """x (B, T, R) and y (B, T or 1, Y) → residual (B, T, R), skip (B, T, S)."""
        return self._gated(x, self.convolution(x), condition)

    def start(self, rows):
        """The queue before the first step; see `CausalConvolution`."""
        return self.convolution.start(rows)

    def step(self, x, past, time, condition=None):
        """x_t (B, R), the queue, t and y_t (B, Y) → residual (B, R), skip (B, S), the queue after."""
        x = ops.cast(x, self.compute_dtype)
        both, past = self.convolution.step(x, past, time)
        return *self._gated(x, both, condition), past

    def _gated(self, x, both, condition):
        if self.condition:
            condition = ops.cast(condition, self.compute_dtype)
            both = both + matmul_flat(condition, self._cast(self.condition_kernel))
        f, g = ops.split(both, 2, axis=-1)
        z = ops.tanh(f) * ops.sigmoid(g)  # (1)
        out = matmul_flat(z, self._cast(self.kernel)) + self._cast(self.bias)
        if self.last:
            return x, out
        return x + out[..., : self.channels], out[..., self.channels :]  # (2), (3)

    def _cast(self, weight):
        return ops.cast(weight, self.compute_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "channels": self.channels,
            "skip": self.skip,
            "kernel_size": self.convolution.kernel_size,
            "dilation": self.convolution.dilation,
            "condition": self.condition,
            "last": self.last,
        }
