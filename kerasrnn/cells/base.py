"""What every gate-form cell shares: its weights, its options and one step of it.

A gate-form cell is

    z_t = x_t W + b                              (1)   known for all t before the loop starts
    r_t = h_{t-1} U + b'                         (2)   the only product inside the loop
    h_t, s_t = gate(z_t, r_t, s_{t-1})           (3)   element-wise: the slide's equation

and states only `gates`, `states` and `gate()`. Axes as in `kerasrnn.shapes`; G = gates * units.
"""

from collections import namedtuple

import keras
from keras import ops


def matmul_wide(wide, narrow):
    """`wide @ narrow` in the dtype of `narrow`, returned in that of `wide`."""
    return ops.cast(ops.matmul(ops.cast(wide, narrow.dtype), narrow), wide.dtype)


def _matmul(inputs, kernel):
    """inputs (…, D) @ kernel (D, G) as one two-dimensional product."""
    shape = ops.shape(inputs)
    flat = ops.matmul(ops.reshape(inputs, (-1, shape[-1])), kernel)
    return ops.reshape(flat, (*shape[:-1], kernel.shape[-1]))


class Product:
    """r of (2), also for some of the gates only.

    Args:
        kernel: U (H, G).
        bias: b' (G,) or None.
        masks: None, or a list of masks (B, H) of h, one for all gates or one for each.
        units: H.
    """

    def __init__(self, kernel, bias, masks, units: int):
        self.kernel, self.bias = ops.convert_to_tensor(kernel), bias
        self.masks, self.units = masks, units

    def __call__(self, h, first: int = 0, last: int | None = None):
        """h (B, H) → (B, (last - first) * H), the columns of gates `first` to `last`."""
        last = self.kernel.shape[1] // self.units if last is None else last
        columns = slice(first * self.units, last * self.units)
        if self.masks is None or len(self.masks) == 1:
            h = h if self.masks is None else h * self.masks[0]
            r = matmul_wide(h, self.kernel[:, columns])
        else:
            width = self.units
            parts = [
                matmul_wide(h * self.masks[k], self.kernel[:, k * width : (k + 1) * width])
                for k in range(first, last)
            ]
            r = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
        return r if self.bias is None else r + ops.cast(self.bias[columns], r.dtype)


class GateCell(keras.layers.Layer):
    """One step of a recurrence in gate form; subclass it and write `gate()`.

    Args:
        units: H, the width of every state.
        use_bias: add b in (1).
        kernel_initializer, recurrent_initializer, bias_initializer: of W, U and b.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of W, U and b.
        kernel_constraint, recurrent_constraint, bias_constraint: of W, U and b.
        dropout: fraction of the inputs x that is dropped in training, one mask per sequence.
        recurrent_dropout: fraction of h_{t-1} that is dropped in (2) in training, one mask per
            sequence and gate (as Keras does).
        seed: of the dropout masks.
    Raises:
        ValueError: if `units` is not positive or a fraction is outside [0, 1].
    """

    gates: int
    states: tuple[str, ...] = ("h",)
    gate_form = True
    additive = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.State = namedtuple("State", cls.states)

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        if units <= 0:
            raise ValueError(f"`units` must be a positive integer, got {units}.")
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.state_size = units if len(self.states) == 1 else [units] * len(self.states)
        self.output_size = units

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def build(self, input_shape) -> None:
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], width))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self._weight("bias", self.bias_shape) if self.use_bias else None
        self.built = True

    def start(self, kind: str):
        """The initializer of the weight that `kind` names: kernel, recurrent or bias."""
        return getattr(self, f"{kind}_initializer")

    def _weight(self, name: str, shape, kind: str | None = None):
        kind = kind or name
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.start(kind),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    # The equation's parts, for the engine and for one step alike.

    @property
    def input_bias(self):
        """b of (1), (G,) or None."""
        return self.bias

    @property
    def recurrent_bias(self):
        """b' of (2), (G,) or None."""
        return None

    def project(self, inputs, masks=None, bias: bool = True):
        """z of (1): inputs (…, D) → (…, G), with masks (B, D) as `input_masks` draws.

        Args:
            bias: add b; the engine leaves it to the loop where z and r are only added.
        """
        kernel = ops.convert_to_tensor(self.kernel)
        if masks is None:
            z = _matmul(inputs, kernel)
        else:
            kernels = ops.split(kernel, len(masks), axis=-1)
            parts = [_matmul(inputs * m, k) for m, k in zip(masks, kernels, strict=True)]
            z = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
        return z + self.input_bias if bias and self.input_bias is not None else z

    def product(self, masks=None) -> "Product":
        """r of (2) as a function of h."""
        return Product(self.recurrent_kernel, self.recurrent_bias, masks, self.units)

    def gate(self, z, r, states):
        """(3): z, r (B, G), states a named tuple of (B, H) → (h, (h, …))."""
        raise NotImplementedError(f"{type(self).__name__} must define `gate(z, r, states)`.")

    def step(self, z, states, product):
        """(2) and (3) for one step: z (B, G) → (h, (h, …)).

        A cell that is not in gate form writes this instead of `gate()` and sets `gate_form` False.
        """
        return self.gate(z, product(states[0]), states)

    @property
    def gate_weights(self) -> list:
        """The trainable weights that `gate()` itself reads."""
        packed = {id(w) for w in (self.kernel, self.recurrent_kernel, self.bias)}
        return [w for w in self.trainable_weights if id(w) not in packed]

    # A gradient by hand, where the family has one (see `recurrence/gateform.py`).

    @property
    def by_hand(self) -> bool:
        """Whether these hold for this cell's arguments:

        - `saved`: the widths, in units of H, of the tensors that a step saves;
        - `gate_forward(z, r, states)`: what `gate()` computes, and those tensors, as two tuples;
        - `gate_backward(saved, previous, states, d_states)`: dz, dr (None where equal to dz) and
          the gradients of the previous states (None for zero). `saved` comes in pieces of H,
          `previous` and `states` are those before and after the step.
        """
        return False

    # What is drawn once for a sequence.

    def _masks(self, like, rate: float):
        if rate == 0.0:
            return None
        count = self.gates if self.recurrent_dropout else 1
        ones = ops.ones_like(like)
        return [keras.random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]

    def input_masks(self, inputs):
        """Dropout masks of x for inputs (B, D): None, or a list of one or `gates` masks."""
        return self._masks(inputs, self.dropout)

    def recurrent_masks(self, h):
        """Dropout masks of h (B, H): None, or a list of `gates` masks."""
        return self._masks(h, self.recurrent_dropout)

    # One step, for `keras.layers.RNN` and for generation.

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        states = self.State(*(states if nested else [states]))
        z = self.project(inputs, self.input_masks(inputs) if training else None)
        masks = self.recurrent_masks(states[0]) if training else None
        h, new = self.step(z, states, self.product(masks))
        return h, (list(new) if nested else new[0])

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in self.states]

    def get_config(self) -> dict:
        config = {
            "units": self.units,
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }
        for kind in ("kernel", "recurrent", "bias"):
            for what in ("initializer", "regularizer", "constraint"):
                module = getattr(keras, f"{what}s")
                name = f"{kind}_{what}"
                config[name] = module.serialize(getattr(self, name))
        return {**super().get_config(), **config}
