"""What every gate-form cell shares: its weights, its options and one step of it.

A gate-form cell is

    z_t = x_t W + b                              (1)   known for all t before the loop starts
    r_t = h_{t-1} U + b'                         (2)   the only product inside the loop
    h_t, s_t = gate(z_t, r_t, s_{t-1})           (3)   element-wise: the slide's equation

and states only `gates`, `states` and `gate()`. Axes as in `kerasrnn.shapes`; G = gates * units.
Where its states are not all H wide it says their `widths`; where U multiplies other than h_{t-1},
`recall()` says what; where W or U are made of other weights, `input_matrix()` or
`recurrent_matrix()` make them, once for a sequence.
"""

from collections import namedtuple

import keras
from keras import ops

from kerasrnn.cells import product
from kerasrnn.cells.drops import Drops, carry_over
from kerasrnn.cells.weights import Weights


class GateCell(Weights, Drops, keras.layers.Layer):
    """One step of a recurrence in gate form; subclass it and write `gate()`.

    Args:
        units: H, the width of every state.
        use_bias: add b in (1).
        kernel_initializer, recurrent_initializer, bias_initializer: of W, U and b.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of W, U and b.
        kernel_constraint, recurrent_constraint, bias_constraint: of W, U and b.
        dropout: fraction of the inputs x that is dropped in training, one mask per sequence.
        recurrent_dropout: fraction of h_{t-1} that is dropped in (2) in training, one mask per
            sequence and gate (as Keras does). With `dropout` this is variational dropout, its
            masks "untied"; Gal & Ghahramani 2016, arXiv:1512.05287, eqs. 4 and 7.
        zoneout: fraction of a state's units that keep their old value at a step, drawn anew at
            each step in training and replaced by its mean otherwise; one for all states or one for
            each. Source: Krueger et al. 2017, arXiv:1606.01305, eq. 5.
        weight_drop: fraction of U's entries that is dropped in training, one mask per sequence.
            Source: Merity et al. 2018, arXiv:1708.02182, section 2.
        layer_norm: normalise x_t W and h_{t-1} U over their G units, each with a gain.
            Source: Ba et al. 2016, arXiv:1607.06450, eq. 20; a memory c is not normalised.
        update_dropout: fraction of what a step writes (the LSTM's g, the GRU's n) that is dropped in
            training, anew at each step; what is remembered stays.
            Source: Semeniuta et al. 2016, arXiv:1603.05118, eqs. 10 and 12.
        memory_dropout: fraction of the memory cells that are 0 through a sequence in training.
            Source: Moon et al. 2015, "RNNDrop".
        seed: of the masks. Inside `keras.layers.RNN` every step draws its own: the engine alone
            knows where a sequence begins.
    Raises:
        ValueError: if `units` is not positive, `zoneout` has another length than the states, a
            fraction is outside [0, 1) (`dropout` and `recurrent_dropout` are clipped to [0, 1], as
            Keras does), or the cell has nothing that `update_dropout` or `memory_dropout` could drop.
    """

    gates: int
    states: tuple[str, ...] = ("h",)
    noise: tuple[str, ...] = ()  # what `gate()` drops: "update", "memory"; masks beside its states
    gate_form = True
    additive = False
    seeded_first = False  # whether Keras draws the seed of the masks before those of the weights

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        fields = (*cls.states, *cls.noise)
        cls.State = namedtuple("State", fields, defaults=[None] * len(cls.noise))

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
        zoneout: float | tuple[float, ...] = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        memory_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        if units <= 0:
            raise ValueError(f"`units` must be a positive integer, got {units}.")
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.seed = seed
        masks = keras.random.SeedGenerator(seed) if self.seeded_first else None
        self._set_weight_options(
            initializer=(kernel_initializer, recurrent_initializer, bias_initializer),
            regularizer=(kernel_regularizer, recurrent_regularizer, bias_regularizer),
            constraint=(kernel_constraint, recurrent_constraint, bias_constraint),
        )
        self._set_drops(
            dropout=min(1.0, max(0.0, dropout)),
            recurrent_dropout=min(1.0, max(0.0, recurrent_dropout)),
            zoneout=zoneout,
            weight_drop=weight_drop,
            update_dropout=update_dropout,
            memory_dropout=memory_dropout,
        )
        self.layer_norm = layer_norm
        self.seed_generator = masks or keras.random.SeedGenerator(seed)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of each state; the first is the output."""
        return (self.units,) * len(self.states)

    @property
    def alike(self) -> int:
        """How many gates, the first ones, see z + r only, so that there dz = dr."""
        return self.gates if self.additive else 0

    @property
    def recurrent_width(self) -> int:
        """R, the width of what `recall` gives."""
        return self.widths[0]

    @property
    def state_size(self):
        return self.widths[0] if len(self.widths) == 1 else list(self.widths)

    @property
    def output_size(self) -> int:
        return self.widths[0]

    def build(self, input_shape) -> None:
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], width))
        shape = (self.recurrent_width, width)
        self.recurrent_kernel = self._weight("recurrent_kernel", shape, "recurrent")
        self.bias = self._weight("bias", self.bias_shape) if self.use_bias else None
        self.kernel_scale = self.recurrent_scale = None
        if self.layer_norm:
            self.kernel_scale = self.add_weight((width,), "ones", name="kernel_scale")
            self.recurrent_scale = self.add_weight((width,), "ones", name="recurrent_scale")
        self.built = True

    # The equation's parts, for the engine and for one step alike.

    def input_matrix(self):
        """W of (1), (D, G)."""
        return ops.convert_to_tensor(self.kernel)

    def recurrent_matrix(self, kernel=None):
        """U of (2), (R, G); `kernel` stands for the recurrent kernel, where some of it is dropped."""
        return ops.convert_to_tensor(self.recurrent_kernel if kernel is None else kernel)

    def recall(self, states):
        """What U multiplies in (2), (…, R), of the states (…, width) before the step."""
        return states[0]

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
        kernel, scale = self.input_matrix(), self.kernel_scale
        if not masks:
            kernel = kernel if scale is None else product.centred(kernel)
            z = product.matmul_flat(inputs, kernel)
        else:
            kernels = ops.split(kernel, len(masks), axis=-1)
            pairs = zip(masks, kernels, strict=True)
            z = ops.concatenate([product.matmul_flat(inputs * m, k) for m, k in pairs], axis=-1)
            z = z if scale is None else product.centred(z)
        z = z if scale is None else product.normalised(z) * scale
        return z + self.input_bias if bias and self.input_bias is not None else z

    def product(self, masks=(), kernel=None) -> product.Product:
        """r of (2) as a function of h, with `recurrent_masks` and the U that `draw_kernel` drew."""
        kernel = self.recurrent_matrix() if kernel is None else kernel
        scale = self.recurrent_scale
        return product.Product(
            kernel, self.recurrent_bias, masks, scale, self.units, centre=scale is not None
        )

    def gate(self, z, r, states):
        """(3): z, r (B, G), states a named tuple of (B, width) → (h, (h, …))."""
        raise NotImplementedError(f"{type(self).__name__} must define `gate(z, r, states)`.")

    def step(self, z, states, product):
        """(2) and (3) for one step: z (B, G) → (h, (h, …)).

        A cell that is not in gate form writes this instead of `gate()` and sets `gate_form` False.
        """
        return self.gate(z, product(self.recall(states)), states)

    @property
    def gate_weights(self) -> list:
        """The weights that `gate()` itself reads, frozen or not; it casts them to the dtype of z."""
        ours = (self.kernel, self.recurrent_kernel, self.bias)
        ours = {id(w) for w in (*ours, self.kernel_scale, self.recurrent_scale)}
        return [w for w in self.weights if id(w) not in ours and _is_real(w)]

    # A gradient by hand, where the family has one (see `recurrence/gateform.py`).

    @property
    def by_hand(self) -> bool:
        """Whether these hold for this cell's arguments:

        - `saved`: the widths, in units of H, of the tensors that a step saves;
        - `gate_forward(z, r, states)`: what `gate()` computes, and those tensors, as two tuples;
        - `gate_backward(saved, previous, states, d_states)`: the gradient of z, and of r, for the
          gates that are `alike`, None without any; dz and dr of the others, a pair, or () without
          any; the gradients of the previous states, None for zero. `saved` comes in pieces of H,
          `previous` and `states` are those before and after the step.
        """
        return False

    # One step, for `keras.layers.RNN` and for generation.

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        old = tuple(states) if nested else (states,)
        states = self.State(*old, **(self.draw_noise(old[0]) if training else {}))
        z = self.project(inputs, self.input_masks(inputs) if training else ())
        masks = self.recurrent_masks(self.recall(states)) if training else ()
        recurrent = self.product(masks, self.draw_kernel() if training else None)
        new = self.step(z, states, recurrent)[1]
        keep = self.zones(ops.shape(states[0])[:1]) if training else ()
        new = carry_over(new, old, keep, () if training else self.zone_rates)
        return new[0], (list(new) if nested else new[0])

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, w), dtype=self.compute_dtype) for w in self.widths]

    def get_config(self) -> dict:
        names = ("units", "use_bias", "layer_norm", "seed", *self.drop_names)
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own, **self._weight_options()}


def _is_real(weight) -> bool:
    return keras.backend.is_float_dtype(weight.dtype)
