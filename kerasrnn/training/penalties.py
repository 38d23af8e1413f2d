"""What any training can add to its loss: penalties on the recurrent layers of the model, whatever it is."""

from contextlib import contextmanager
from dataclasses import dataclass

import keras

from kerasrnn.errors import UserError
from kerasrnn.regularizers import NormStabilizer
from kerasrnn.training.omega import omega_step
from kerasrnn.training.unrolled import recurrent_layers


@dataclass(frozen=True)
class Penalties:
    """Two penalties by their weights; 0 leaves one out.

    Attributes:
        stabilise: β of `NormStabilizer`, on every recurrent layer.
        omega: weight of Ω, on the gradient of every U; see `OmegaRegularized`.
    """

    stabilise: float = 0.0
    omega: float = 0.0

    @classmethod
    def of(cls, config) -> "Penalties":
        """Those of a LearningConfig."""
        return cls(config.stabilise, config.omega)

    def __bool__(self) -> bool:
        return bool(self.stabilise or self.omega)

    def require(self, model: keras.Model, parts: int = 1) -> None:
        """Refuse what cannot be.

        Args:
            parts: processes that train the model.
        Raises:
            UserError: if `model` has no layer to penalise, or Ω is asked of several processes.
        """
        if self and not recurrent_layers(model):
            raise UserError(
                f"`stabilise` and `omega` must be 0 for a model without recurrent layers, got "
                f"{self.stabilise:g} and {self.omega:g}."
            )
        if self.omega and parts > 1:
            raise UserError(f"`omega` must be 0 where several processes train, got {self.omega:g}.")

    def train(self, model: keras.Model, data) -> dict:
        """`model.train_step(data)`, with the penalties."""
        with stabilised(model, self.stabilise):
            return omega_step(model, data, self.omega)[0] if self.omega else model.train_step(data)


NONE = Penalties()


@contextmanager
def stabilised(model: keras.Model, beta: float):
    """Inside, the recurrent layers of `model` have a `NormStabilizer` besides the penalty of their own."""
    layers = recurrent_layers(model) if beta else []
    own = [layer.state_regularizer for layer in layers]
    for layer, penalty in zip(layers, own, strict=True):
        layer.state_regularizer = _sum(NormStabilizer(beta), penalty)
    try:
        yield
    finally:
        for layer, penalty in zip(layers, own, strict=True):
            layer.state_regularizer = penalty


def _sum(first, second):
    if second is None:
        return first
    return lambda *states: first(*states) + second(*states)
