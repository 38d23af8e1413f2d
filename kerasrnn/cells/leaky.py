"""Units that forget slowly, each at a rate of its own."""

import keras
import numpy as np
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class LeakyCell(GateCell):
    """Leaky units: a linear path to the past beside the usual one (deck 002).

        h_t = (1 - 1/τ) ⊙ h_{t-1} + 1/τ ⊙ tanh(x_t W + h_{t-1} U + b)    (1)
        τ = 1 + softplus(ρ), where τ is learned                           (2)

    τ = 1 is Elman's network; with a larger τ a unit changes more slowly, and errors go back
    through 1 - 1/τ. Different τ make paths of different forgetting rates.

    Args:
        units: H.
        activation: of (1).
        tau: τ in steps, at least 1: one for all units, or H of them.
        learn_tau: train ρ, a weight for each unit, from τ; then τ must be above 1.
        **options: see `GateCell`.
    Raises:
        ValueError: if τ is below 1, is neither one nor H, or is 1 and to be learned.
    Source: Jaeger et al. 2007, "Optimization and applications of echo state networks with leaky
    integrator neurons"; deck 002's equation, with t for its t + 1; (2) keeps a learned τ above 1.
    """

    gates = 1

    def __init__(
        self,
        units: int,
        activation="tanh",
        tau: float | tuple[float, ...] = 2.0,
        learn_tau: bool = False,
        **options,
    ):
        super().__init__(units, **options)
        self.activation = keras.activations.get(activation)
        self.tau = tuple(float(t) for t in tau) if np.ndim(tau) else float(tau)
        self.learn_tau = learn_tau
        values = np.array(self.tau)
        if values.ndim and values.size != units:
            raise ValueError(f"`tau` must be one number or {units}, got {values.size}.")
        if values.min() < 1 or (learn_tau and values.min() == 1):
            least = "above 1, to be learned" if learn_tau else "at least 1"
            raise ValueError(f"`tau` must be {least}, in steps, got {tau}.")

    def build(self, input_shape) -> None:
        super().build(input_shape)
        if self.learn_tau:
            y = np.array(self.tau) - 1  # ln(e^y - 1), which overflows for no y
            start = np.broadcast_to(y + np.log(-np.expm1(-y)), (self.units,))
            start = keras.initializers.Constant(start)
            self.rho = self.add_weight((self.units,), start, name="rho")

    def time_constant(self, dtype):
        """τ, a number or (H,)."""
        if self.learn_tau:
            return 1 + ops.softplus(ops.cast(self.rho, dtype))  # (2)
        return ops.convert_to_tensor(self.tau, dtype)

    def gate(self, z, r, states):
        share = 1 / self.time_constant(z.dtype)
        h = (1 - share) * states.h + share * self.activation(z + r)  # (1)
        return h, (h,)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "tau": self.tau,
            "learn_tau": self.learn_tau,
        }
