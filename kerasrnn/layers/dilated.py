"""Causal convolutions with gaps: over a whole sequence, or a step at a time from a queue of its past."""

import keras
from keras import ops

from kerasrnn.cells.product import matmul_flat


@keras.saving.register_keras_serializable(package="kerasrnn")
class CausalConvolution(keras.layers.Layer):
    """A convolution over time that sees no future (deck 000, "Causal convolutions", "Dilated convolutions").

        y_t = b + Σ_{k=0…K-1} x_{t-k d} W_k          x_t = 0 for t < 0                    (1)

          y_t       (B, T, C)
         ↗  ↑
        ┄┄  x_t     (B, T, D)       K = 2: x_t, and x_{t-d} d steps before it

    `step` gives the same numbers one at a time, from a ring that holds the last inputs: it writes one row and
    reads K - 1, however many there are.

    Args:
        filters: C.
        kernel_size: K.
        dilation: d, steps from one tap to the next.
        use_bias: whether there is b.
        kernel_initializer: of all W_k.
    Raises:
        ValueError: if a size is not positive.
    Source: van den Oord et al. 2016, arXiv:1609.03499, section 2.1; the queue: Le Paine et al. 2016,
        arXiv:1611.09482.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 2,
        dilation: int = 1,
        use_bias: bool = True,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (("filters", filters), ("kernel_size", kernel_size)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        if dilation < 1:
            raise ValueError(f"`dilation` must be at least 1, got {dilation}.")
        self.filters, self.kernel_size, self.dilation = filters, kernel_size, dilation
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def reach(self) -> int:
        """(K - 1) d, how far back the oldest tap lies."""
        return (self.kernel_size - 1) * self.dilation

    def build(self, input_shape) -> None:
        features = input_shape[-1]
        shape = (self.kernel_size * features, self.filters)  # W_{K-1} … W_0, one above the other
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = (
            self.add_weight((self.filters,), "zeros", name="bias") if self.use_bias else None
        )
        self.features = features
        self.built = True

    def call(self, x):
        steps = ops.shape(x)[1]
        late = [k * self.dilation for k in reversed(range(self.kernel_size))]
        taps = [ops.pad(x, ((0, 0), (n, 0), (0, 0)))[:, :steps] if n else x for n in late]
        return self._answer(taps)

    @property
    def ring(self) -> int:
        """Rows of the queue: the taps' reach, and x_t itself."""
        return self.reach + 1

    def start(self, rows):
        """The queue before the first step: zeros (ring, B, D)."""
        return ops.zeros((self.ring, rows, self.features), self.compute_dtype)

    def step(self, x, past, time):
        """(1) for one t.

        x_t is laid where x_{t-ring} was, and the taps are read after that: so a compiled loop writes into the
        queue where it lies, and the step's cost does not grow with it.

        Args:
            x: x_t, (B, D).
            past: the queue, (ring, B, D); x_{t-n} lies in row (t - n) mod ring.
            time: t, int32 scalar.
        Returns:
            y_t (B, C), and the queue with x_t.
        """
        x = ops.cast(x, self.compute_dtype)
        if not self.reach:
            return self._answer([x]), past
        at = ops.reshape(ops.mod(time, self.ring), (1, 1))
        past = ops.scatter_update(past, at, x[None])
        late = [k * self.dilation for k in reversed(range(1, self.kernel_size))]
        taps = [ops.take(past, ops.mod(time - n, self.ring), axis=0) for n in late]
        return self._answer([*taps, x]), past

    def _answer(self, taps):
        kernel = ops.cast(self.kernel, self.compute_dtype)
        y = matmul_flat(ops.concatenate(taps, axis=-1) if len(taps) > 1 else taps[0], kernel)
        return y if self.bias is None else y + ops.cast(self.bias, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def receptive_field(config) -> tuple[int, float | None]:
    """Samples that an output depends on, and how many milliseconds they last: 1 + (K - 1) Σ d.

    The dilations d of a stack are 1, 2, 4, … and add up to 2^dilations - 1.

    Args:
        config: has `stacks`, `dilations` (of one stack) and `kernel_size`, K, as a `WaveNet` or an app's
            configuration; `rate` is in Hz, and without it the milliseconds are None.
    """
    samples = 1 + config.stacks * (config.kernel_size - 1) * (2**config.dilations - 1)
    rate = getattr(config, "rate", None)
    return samples, 1000 * samples / rate if rate else None
