"""Recurrence over two dimensions: a pixel reads the pixels above it and to its left.

Axes: B as in `kerasrnn.shapes`, Y rows and X columns of an image, D features of a pixel, H units, N
directions, G = gates * H. Pixels of one anti-diagonal wait only for the anti-diagonal before, so
a map takes Y + X - 1 steps instead of Y X:

    z of a 3 x 4 map              skewed: a column for each step
    a b c d                       a b c d . .
    e f g h            →          . e f g h .
    i j k l                       . . i j k l
"""

import keras
from keras import ops

from kerasrnn.cells.product import matmul_wide
from kerasrnn.recurrence.engine import backend

FLIPS = ((), (3,), (2,), (2, 3))  # the axes of (N or B, B, Y, X, …) that a direction turns round


def skew(z):
    """(…, Y, X, G) → (…, Y, Y + X - 1, G): row y moved right by y, 0 around it."""
    *lead, rows, columns, width = ops.shape(z)
    z = ops.pad(z, [(0, 0)] * (len(lead) + 1) + [(0, rows), (0, 0)])
    z = ops.reshape(z, (*lead, rows * (columns + rows), width))
    steps = columns + rows - 1
    return ops.reshape(z[..., : rows * steps, :], (*lead, rows, steps, width))


def unskew(h, columns):
    """What `skew` did, undone: (…, Y, Y + X - 1, H) → (…, Y, X, H)."""
    *lead, rows, steps, width = ops.shape(h)
    h = ops.reshape(h, (*lead, rows * steps, width))
    h = ops.pad(h, [(0, 0)] * len(lead) + [(0, rows), (0, 0)])
    return ops.reshape(h, (*lead, rows, steps + 1, width))[..., :columns, :]


def stacked(weights):
    """Each direction's weight, one above the other."""
    return ops.concatenate([ops.convert_to_tensor(w)[None] for w in weights])


class _Grid(keras.layers.Layer):
    """What both layers share; a subclass states `gates`, `states` and `gate(z, above, left)`."""

    gates: int
    states: tuple[str, ...]

    def __init__(
        self,
        units: int,
        directions: int = 4,
        merge: str = "concat",
        activation="tanh",
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if directions not in (1, 4):
            raise ValueError(f"`directions` must be 1 or 4, got {directions!r}.")
        if merge not in ("concat", "sum"):
            raise ValueError(f"`merge` must be 'concat' or 'sum', got {merge!r}.")
        self.units, self.directions, self.merge = units, directions, merge
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.supports_masking = True

    def build(self, input_shape) -> None:
        width = self.gates * self.units
        shapes = {
            "kernel": (input_shape[-1], width),
            "recurrent": (2 * self.units, width),  # of h above, over that of h to the left
            "bias": (width,),
        }
        self.kernels, self.recurrent_kernels, self.biases = (
            [
                self.add_weight(shape, getattr(self, f"{kind}_initializer"), name=f"{kind}_{k + 1}")
                for k in range(self.directions)
            ]
            for kind, shape in shapes.items()
        )
        self.built = True

    def gate(self, z, above, left):
        """z (…, G) with all sums; `above` and `left` the states there, dicts of (…, H)."""
        raise NotImplementedError(f"{type(self).__name__} must define `gate(z, above, left)`.")

    def call(self, inputs, mask=None):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        there = ops.ones_like(inputs[..., 0]) if mask is None else mask
        there = ops.cast(ops.cast(there, "bool"), wide)[..., None]
        x = ops.stack([ops.flip(inputs, self._turned(k)) for k in range(self.directions)])
        there = ops.stack([ops.flip(there, self._turned(k)) for k in range(self.directions)])
        lead, columns = ops.shape(x)[:-1], ops.shape(inputs)[2]
        z = ops.matmul(self._flat(x), stacked(self.kernels)) + stacked(self.biases)[:, None]
        z = ops.cast(ops.reshape(z, (*lead, self.gates * self.units)), wide)
        h = self._run(skew(z), skew(there))
        h = ops.cast(unskew(h, columns), self.compute_dtype)  # (N, B, Y, X, H)
        maps = [ops.flip(h[k], self._turned(k)) for k in range(self.directions)]
        return sum(maps) if self.merge == "sum" else ops.concatenate(maps, axis=-1)

    def _turned(self, direction: int) -> tuple[int, ...]:
        return tuple(axis - 1 for axis in FLIPS[direction])

    def _flat(self, x):
        """(N, …, D) → (N, M, D)."""
        return ops.reshape(x, (self.directions, -1, x.shape[-1]))

    def _run(self, z, there):
        """Skewed z (N, B, Y, S, G) and `there` (N, B, Y, S, 1) → h (N, B, Y, S, H)."""
        kernel = stacked(self.recurrent_kernels)
        start = ops.zeros_like(z[..., 0, : self.units])  # (N, B, Y, H)

        def body(states, step):
            (z,), (there,) = step["z"], step["there"]
            left = dict(zip(self.states, states, strict=True))
            down = [(0, 0), (0, 0), (1, 0), (0, 0)]
            above = {name: ops.pad(s, down)[:, :, :-1] for name, s in left.items()}
            h = ops.concatenate([above["h"], left["h"]], axis=-1)
            r = matmul_wide(self._flat(h), kernel)
            new = self.gate(z + ops.reshape(r, ops.shape(z)), above, left)
            new = tuple(s * there for s in new)
            return new, (new[0],)

        streams = {"z": (ops.moveaxis(z, 3, 0), 1), "there": (ops.moveaxis(there, 3, 0), 1)}
        carry = (start,) * len(self.states)
        _, (h,) = backend().scan(body, carry, streams, (self.units,), False)
        return ops.moveaxis(h, 0, 3)

    def compute_output_shape(self, input_shape):
        maps = self.directions if self.merge == "concat" else 1
        return (*input_shape[:3], maps * self.units)

    def get_config(self) -> dict:
        config = {
            "units": self.units,
            "directions": self.directions,
            "merge": self.merge,
            "activation": keras.activations.serialize(self.activation),
        }
        for kind in ("kernel", "recurrent", "bias"):
            initializer = getattr(self, f"{kind}_initializer")
            config[f"{kind}_initializer"] = keras.initializers.serialize(initializer)
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="kerasrnn")
class GridRNN(_Grid):
    """Multi-dimensional network: a simple unit with two pasts (deck 000; 002: "four directions").

        h_{y,x} = tanh(x_{y,x} W + h_{y-1,x} U_1 + h_{y,x-1} U_2 + b)            (1)

    once from each corner, each with weights of its own.

    Args:
        units: H.
        directions: 4, from each corner to the one opposite; or 1, from the first row and column.
        merge: "concat" for N H features, "sum" for H.
        activation: of (1).
        kernel_initializer, recurrent_initializer, bias_initializer: of each direction's W, U and b.
    Call arguments:
        inputs: (B, Y, X, D); Y and X may be unknown beforehand.
        mask: bool (B, Y, X), False for a pixel that is not there, as beside a smaller image: it
            says 0, and its neighbours read 0, wherever it lies.
    Returns:
        (B, Y, X, N H) or (B, Y, X, H).
    Raises:
        ValueError: if `directions` or `merge` has none of its values.
    Source: Graves et al. 2007, arXiv:0705.2011, section 2; U_1 over U_2 are one kernel.
    """

    gates = 1
    states = ("h",)

    def gate(self, z, above, left):
        return (self.activation(z),)  # (1)


@keras.saving.register_keras_serializable(package="kerasrnn")
class GridLSTM(_Grid):
    """Multi-dimensional LSTM: a memory with two pasts, and a forget gate for each (deck 000).

        i, f, e, o = σ(x_{y,x} W + h_{y-1,x} U_1 + h_{y,x-1} U_2 + b), each its own    (1)
        g = tanh(x_{y,x} W_g + h_{y-1,x} U_g1 + h_{y,x-1} U_g2 + b_g)                  (2)
        c_{y,x} = f ⊙ c_{y-1,x} + e ⊙ c_{y,x-1} + i ⊙ g                                (3)
        h_{y,x} = o ⊙ tanh(c_{y,x})                                                    (4)

    f + e may exceed 1, and c grow with the size of a map: b starts at 0, not at 1. Arguments as
    `GridRNN`; `activation` is of (2) and (4).

    Source: Graves et al. 2007, arXiv:0705.2011, section 3, without its peepholes; packed
    [i | f | e | g | o].
    """

    gates = 5
    states = ("h", "c")

    def gate(self, z, above, left):
        i, f, e, g, o = ops.split(z, 5, axis=-1)
        i, f, e, o = (ops.sigmoid(a) for a in (i, f, e, o))  # (1)
        g = self.activation(g)  # (2)
        c = f * above["c"] + e * left["c"] + i * g  # (3)
        return o * self.activation(c), c  # (4)
