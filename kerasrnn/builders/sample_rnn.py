"""SampleRNN: raw sound by a recurrent network over frames, and a small network inside each."""

from itertools import chain

import keras
from keras import layers, ops

from kerasrnn.builders.checks import require_size
from kerasrnn.builders.recurrent import gives_answers
from kerasrnn.builders.sample_network import SampleNetwork
from kerasrnn.builders.stack import Stack
from kerasrnn.builders.states import like_inputs, state_inputs
from kerasrnn.layers.companding import code_values, silence
from kerasrnn.layers.dilated import CausalConvolution


@keras.saving.register_keras_serializable(package="kerasrnn")
class SampleRNN(SampleNetwork):
    """Predict a sample from those before it, by any recurrent cell over frames of several samples.

                     p(s_t)                   (B, T, P)
                        ↑                     relu → hidden → relu → P
             c_{t} ──→  +                     (B, T, hidden)
               ↑        ↑
               │     the last F samples       a convolution over rows of a table
               │
        h_1 → h_2 → … → h_k                   (B, T / F, units)   `cell`, `layers` of them
         ↑     ↑         ↑
        F samples at a time                   (B, T / F, F)

    h_k has read the frames before frame k, so all samples before it; from it come F vectors c, one for each
    sample of frame k. Inside a frame each sample sees the F before it, so the network stays autoregressive
    while the recurrence has F times fewer steps.

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; see `Stack`.
        units: H of each recurrent layer, an int or one for each.
        cell_options: of a cell that comes by name, such as {"tau": 4.0}.
        layers: recurrent layers.
        frame: F, samples.
        embedding_size: numbers a sample, inside a frame.
        **common: see `SampleNetwork`.
    Raises:
        ValueError: if a size is not positive, or the cell gives answers itself.
    Source: Mehri et al. 2017, arXiv:1612.07837, with two tiers.
    """

    def __init__(
        self,
        *,
        cell="gru",
        units=128,
        cell_options=None,
        layers: int = 1,
        frame: int = 16,
        embedding_size: int = 16,
        **common,
    ):
        super().__init__(**common)
        require_size("frame", frame, "it counts samples")
        require_size("embedding_size", embedding_size, "it counts")
        if gives_answers(cell):
            raise ValueError(f"`cell` must leave the answer to the samples' network, got {cell!r}.")
        self.cell, self.units, self.recurrent_layers = cell, units, layers
        self.cell_options = dict(cell_options or {})
        self.frame, self.embedding_size = frame, embedding_size
        stack = Stack(cell, units=units, cell_options=self.cell_options, layers=layers)
        self.tier = self._tier(stack)
        self._build_samples(int(self.tier.outputs[0].shape[-1]))
        self._build_head(self.hidden)
        self.built = True

    def _tier(self, stack: Stack) -> keras.Model:
        """[frames (B, T / F, F + Y), *states] → [h, *states]."""
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.dtype_policy)
        try:
            frames = keras.Input((None, self.frame + self.condition_size), name="frames")
            states = state_inputs(stack.states)
            h, finals = stack.read(frames, start=states, states=True)
            into, out = list(chain(*states)), list(chain(*finals))
            return keras.Model([frames, *into], [h, *like_inputs(into, out)], name="frames")
        finally:
            keras.config.set_dtype_policy(previous)

    def _build_samples(self, units: int):
        self.spread = self._layer(layers.Dense, self.frame * self.hidden, name="spread")
        self.spread.build((None, None, units))
        self._build_table(self.embedding_size)
        self.window = self._layer(
            CausalConvolution, self.hidden, self.frame, use_bias=False, name="window"
        )
        self.window.build((None, None, self.embedding_size))

    receptive_field = None  # all that came before

    def whole(self, x, y):
        rows, steps = ops.shape(x)[0], ops.shape(x)[1]
        count = (steps + self.frame - 1) // self.frame
        # x is one step late: frame k needs the F samples that end where x_{kF} stands
        values = self._values(x)
        before = ops.full((rows, self.frame - 1), self._values(silence(self.levels)), values.dtype)
        after = ops.zeros_like(before)
        values = ops.concatenate([before, values, after], axis=1)[:, : count * self.frame]
        frames = ops.reshape(values, (rows, count, self.frame))
        if y is not None:
            y = ops.broadcast_to(y, (rows, steps, y.shape[-1]))[:, :: self.frame]
            frames = ops.concatenate([frames, y], axis=-1)
        h, *_ = self.tier([frames, *self._zeros(rows)])
        c = ops.reshape(self.spread(h), (rows, count * self.frame, self.hidden))[:, :steps]
        return self.head(self.window(self.table(x)) + c)

    def start(self, rows) -> list:
        """t, the last F samples (B, F), the queue of `window`, c (F, B, hidden), the cells' states."""
        quiet = ops.full((rows, self.frame), self._values(silence(self.levels)), self.compute_dtype)
        c = ops.zeros((self.frame, rows, self.hidden), self.compute_dtype)
        return [ops.zeros((), "int32"), quiet, self.window.start(rows), c, *self._zeros(rows)]

    def step(self, x, states: list, y=None) -> tuple:
        time, recent, queue, c, *cells = states
        recent = ops.concatenate([recent[:, 1:], self._values(x)[:, None]], axis=1)
        place = ops.mod(time, self.frame)
        c, *cells = ops.cond(
            ops.equal(place, 0), lambda: self._begin_frame(recent, y, cells), lambda: [c, *cells]
        )
        own, queue = self.window.step(self.table(x), queue, time)
        answer = self.head(own + ops.take(c, place, axis=0))
        return answer, [time + 1, recent, queue, c, *cells]

    def _begin_frame(self, recent, y, cells: list) -> list:
        """The c of a new frame, (F, B, hidden), and the cells' states."""
        frame = recent if y is None else ops.concatenate([recent, y], axis=-1)
        h, *after = self.tier([frame[:, None], *cells])
        after = [ops.cast(new, old.dtype) for new, old in zip(after, cells, strict=True)]
        c = ops.reshape(self.spread(h), (-1, self.frame, self.hidden))
        return [ops.transpose(c, (1, 0, 2)), *after]

    def _values(self, codes):
        return ops.cast(code_values(codes, self.levels), self.compute_dtype)

    def _zeros(self, rows) -> list:
        wide = self.dtype_policy.variable_dtype
        return [ops.zeros((rows, state.shape[-1]), wide) for state in self.tier.inputs[1:]]

    def get_config(self) -> dict:
        cell = self.cell
        return {
            **super().get_config(),
            "cell": cell if isinstance(cell, str) else keras.saving.serialize_keras_object(cell),
            "units": self.units,
            "cell_options": self.cell_options,
            "layers": self.recurrent_layers,
            "frame": self.frame,
            "embedding_size": self.embedding_size,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if not isinstance(config["cell"], str):
            config["cell"] = keras.saving.deserialize_keras_object(config["cell"], custom_objects)
        return cls(**config)


def sample_rnn(cell="gru", **knobs) -> SampleRNN:
    """An uncompiled `SampleRNN` over `cell`, of these arguments."""
    return SampleRNN(cell=cell, **knobs)
