"""What an LSTM may have more of, or do without: peepholes, gates, activations, a projection."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell
from kerasrnn.initializers import ForgetBias

PACKED = ("input", "forget", "update", "output")


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTMVariantCell(GateCell):
    """The LSTM with peepholes, of which each part can be removed, and with a projection.

        i_t = σ(x_t W_i + h_{t-1} U_i + p_i ⊙ c_{t-1} + b_i)             (1)
        f_t = σ(x_t W_f + h_{t-1} U_f + p_f ⊙ c_{t-1} + b_f)             (2)
        g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)                          (3)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                                  (4)
        o_t = σ(x_t W_o + h_{t-1} U_o + p_o ⊙ c_t + b_o)                 (5)
        m_t = o_t ⊙ tanh(c_t)                                            (6)
        h_t = m_t, or with `projection` h_t = m_t P                      (7)

    | variant | option | what becomes of the equations |
    |---|---|---|
    | V | none | (1)-(7) |
    | NIG | without=("input",) | i_t = 1 |
    | NFG | without=("forget",) | f_t = 1 |
    | NOG | without=("output",) | o_t = 1 |
    | NIAF | activation="linear" | (3) without its tanh |
    | NOAF | output_activation="linear" | (6) without its tanh |
    | CIFG | coupled=True | f_t = 1 - i_t |
    | NP | peepholes=False | p_i = p_f = p_o = 0; then `LSTMCell` computes the same, faster |

    The ninth, FGR, is `FullGateLSTMCell`.

    Args:
        units: H, of c_t.
        activation, output_activation: of (3) and of (6).
        recurrent_activation: of (1), (2) and (5).
        peepholes: have p, one weight for each unit and gate, 0 at the start.
        without: the gates that are left out, of "input", "forget" and "output".
        coupled: no (2), and f_t = 1 - i_t.
        projection: width of h_t, such as H / 4; None for H and no P.
        unit_forget_bias: start b_f at 1.
        **options: see `GateCell`.
    Raises:
        ValueError: if `without` names what is no gate, `coupled` lacks one of its two gates, or
            `projection` is not positive.
    Source: Gers and Schmidhuber 2000, "Recurrent nets that time and count", for p; Greff et al.
    2017, arXiv:1503.04069, for the variants; Sak et al. 2014, arXiv:1402.1128, eqs. 7-13, for P.
    Weights are packed [i | f | g | o], less what is left out.
    """

    states = ("h", "c")
    additive = True

    def __init__(
        self,
        units: int,
        activation="tanh",
        output_activation="tanh",
        recurrent_activation="sigmoid",
        peepholes: bool = True,
        without: str | tuple[str, ...] = (),
        coupled: bool = False,
        projection: int | None = None,
        unit_forget_bias: bool = True,
        **options,
    ):
        super().__init__(units, **options)
        self.activation = keras.activations.get(activation)
        self.output_activation = keras.activations.get(output_activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.peepholes, self.coupled = peepholes, coupled
        self.without = (without,) if isinstance(without, str) else tuple(without)
        self.projection = projection
        self.unit_forget_bias = unit_forget_bias
        allowed = ("output",) if coupled else ("input", "forget", "output")
        if not set(self.without) <= set(allowed):
            raise ValueError(
                f"`without` must be some of {allowed}, with coupled={coupled}, got {self.without}."
            )
        if projection is not None and projection < 1:
            raise ValueError(f"`projection` must be at least 1, got {projection}.")

    @property
    def packed(self) -> tuple[str, ...]:
        """What lies side by side in z and r."""
        left_out = {*self.without, *(["forget"] if self.coupled else [])}
        return tuple(name for name in PACKED if name not in left_out)

    @property
    def gate_names(self) -> tuple[str, ...]:
        """In the order in which they are squashed."""
        return tuple(name for name in self.packed if name != "update")

    @property
    def gates(self) -> int:
        return len(self.packed)

    @property
    def widths(self) -> tuple[int, ...]:
        return self.projection or self.units, self.units

    def start(self, kind: str):
        if kind == "bias" and self.unit_forget_bias and "forget" in self.packed:
            return ForgetBias(self.bias_initializer, self.gates, self.packed.index("forget"))
        return super().start(kind)

    def build(self, input_shape) -> None:
        super().build(input_shape)
        self.peephole = {
            name: self.add_weight((self.units,), "zeros", name=f"peephole_{name}")
            for name in (self.gate_names if self.peepholes else ())
        }
        if self.projection:
            self.projector = self._weight("projection", (self.units, self.projection), "kernel")

    def remember(self, z, r, states):
        """(1) to (7): h, c, i, f and o, of which a removed gate is 1."""
        parts = dict(zip(self.packed, ops.split(z + r, self.gates, axis=-1), strict=True))
        i = self._gate("input", parts, states.c)  # (1)
        f = 1 - i if self.coupled else self._gate("forget", parts, states.c)  # (2)
        g = self.activation(parts["update"])  # (3)
        c = f * states.c + i * g  # (4)
        o = self._gate("output", parts, c)  # (5)
        h = o * self.output_activation(c)  # (6)
        if self.projection:
            h = ops.matmul(h, ops.cast(self.projector, h.dtype))  # (7)
        return h, c, i, f, o

    def _gate(self, name: str, parts: dict, c):
        if name not in parts:
            return 1.0
        if not self.peepholes:
            return self.recurrent_activation(parts[name])
        seen = ops.cast(self.peephole[name], c.dtype) * c
        return self.recurrent_activation(parts[name] + seen)

    def gate(self, z, r, states):
        h, c, *_ = self.remember(z, r, states)
        return h, (h, c)

    def get_config(self) -> dict:
        config = {
            "peepholes": self.peepholes,
            "without": self.without,
            "coupled": self.coupled,
            "projection": self.projection,
            "unit_forget_bias": self.unit_forget_bias,
        }
        for name in ("activation", "output_activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="kerasrnn")
class FullGateLSTMCell(LSTMVariantCell):
    """The LSTM whose gates read the gates of the step before (Greff's FGR).

        (1), (2) and (5) of `LSTMVariantCell` with [i_{t-1}, f_{t-1}, o_{t-1}] R added to their sums

    Args:
        units: H.
        **options: see `LSTMVariantCell`; no gate can be left out. `zoneout` is of h and c alone.
    Raises:
        ValueError: if a gate is left out.
    Source: Hochreiter and Schmidhuber 1997; Greff et al. 2017, arXiv:1503.04069, section 3. R are
    its nine matrices, [i | f | o] both ways.
    """

    states = ("h", "c", "i", "f", "o")

    def __init__(self, units: int, **options):
        super().__init__(units, **options)
        if len(self.packed) < len(PACKED):
            raise ValueError(
                f"`without` and `coupled` must be left out where gates read gates, got "
                f"{self.without} and {self.coupled}."
            )

    @property
    def widths(self) -> tuple[int, ...]:
        return (*super().widths, *[self.units] * 3)

    @property
    def zone_rates(self) -> tuple[float, ...]:
        return (*super().zone_rates[:2], 0.0, 0.0, 0.0)

    def build(self, input_shape) -> None:
        super().build(input_shape)
        wide = 3 * self.units
        self.gate_kernel = self._weight("gate_kernel", (wide, wide), "recurrent")

    @property
    def gate_weights(self) -> list:
        return [w for w in super().gate_weights if w is not self.gate_kernel]

    def recurrent_matrix(self, kernel=None):
        u, r = super().recurrent_matrix(kernel), ops.convert_to_tensor(self.gate_kernel)
        to_input_forget, to_output = r[:, : 2 * self.units], r[:, 2 * self.units :]
        below = [to_input_forget, ops.zeros_like(to_output), to_output]
        return ops.concatenate([u, ops.concatenate(below, axis=1)], axis=0)

    def recall(self, states):
        return ops.concatenate([states.h, states.i, states.f, states.o], axis=-1)

    def gate(self, z, r, states):
        h, *rest = self.remember(z, r, states)
        return h, (h, *rest)
