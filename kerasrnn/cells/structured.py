"""Slow context units beside fast hidden ones."""

import math

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class StructuredCell(GateCell):
    """Structurally constrained network: context units that change slowly (deck 000).

        s_t = (1 - α) ⊙ (x_t B) + α ⊙ s_{t-1}                            (1)
        k_t = σ(s_t P + x_t A + k_{t-1} R + b)                            (2)
        h_t = [k_t, s_t]                                                  (3)

    An output h_t V + d over (3) is the paper's U k_t + V s_t. Put (1) into (2), and it is a simple
    network whose matrices are constrained, which is how it runs:

        h_t = f(x_t [A + (1 - α) B P, (1 - α) B] + h_{t-1} [[R, 0], [α P, 0]] + [0, α ⊙ s_{t-1}] + b)

    where f squashes k alone; what s keeps is added up beside the product, as exactly as the states
    are held. `recurrent_dropout` drops k, and `weight_drop` entries of R: the context keeps its
    memory.

    Args:
        units: H, hidden and context units together.
        context: how many of them are context units; None takes a quarter, at least 1.
        activation: of (2).
        alpha: α in (0, 1), how slowly the context changes.
        learn_alpha: train α = σ(β), a weight β for each context unit (the paper's section 3.3).
        **options: see `GateCell`.
    Raises:
        ValueError: if there is no unit of either kind, α is outside (0, 1), or `layer_norm` is set,
            which would not leave the context alone.
    Source: Mikolov et al. 2014, arXiv:1412.7753, section 3.2, where α = 0.95 and there is no b.
    """

    gates = 1
    additive = True

    def __init__(
        self,
        units: int,
        context: int | None = None,
        activation="sigmoid",
        alpha: float = 0.95,
        learn_alpha: bool = False,
        **options,
    ):
        super().__init__(units, **options)
        self.context = max(1, units // 4) if context is None else context
        self.hidden = units - self.context
        if self.context < 1 or self.hidden < 1:
            raise ValueError(
                f"`context` must leave both kinds of units, got {self.context} of {units} units."
            )
        if not 0 < alpha < 1:
            raise ValueError(f"`alpha` must be in (0, 1), got {alpha}.")
        if self.layer_norm:
            raise ValueError("`layer_norm` must be False for the structured cell, got True.")
        self.activation = keras.activations.get(activation)
        self.alpha, self.learn_alpha = alpha, learn_alpha

    def build(self, input_shape) -> None:
        hidden, context, width = self.hidden, self.context, input_shape[-1]
        self.kernel = self._weight("kernel", (width, hidden))  # A
        self.context_kernel = self._weight("context_kernel", (width, context), "kernel")  # B
        self.recurrent_kernel = self._weight("recurrent_kernel", (hidden, hidden), "recurrent")  # R
        self.mixing_kernel = self._weight("mixing_kernel", (context, hidden), "kernel")  # P
        self.bias = self._weight("bias", (hidden,)) if self.use_bias else None
        self.kernel_scale = self.recurrent_scale = None
        if self.learn_alpha:
            start = keras.initializers.Constant(math.log(self.alpha / (1 - self.alpha)))
            self.beta = self.add_weight((context,), start, name="beta")
        self.built = True

    @property
    def gate_weights(self) -> list:
        return [self.beta] if self.learn_alpha else []

    @property
    def input_bias(self):
        if self.bias is None:
            return None
        bias = ops.convert_to_tensor(self.bias)
        return ops.concatenate([bias, ops.zeros((self.context,), bias.dtype)])

    def decay(self, dtype):
        """α, (S,)."""
        if self.learn_alpha:
            return ops.sigmoid(ops.cast(self.beta, dtype))
        return ops.full((self.context,), self.alpha, dtype)

    def share(self, dtype):
        """1 - α, (S,): by itself, since half precision knows no α between 0.996 and 1."""
        if self.learn_alpha:
            return ops.sigmoid(-ops.cast(self.beta, dtype))
        return ops.full((self.context,), 1 - self.alpha, dtype)

    def input_matrix(self):
        a, b, p = map(ops.convert_to_tensor, (self.kernel, self.context_kernel, self.mixing_kernel))
        b = b * self.share(b.dtype)
        return ops.concatenate([a + ops.matmul(b, p), b], axis=1)

    def recurrent_matrix(self, kernel=None):
        r = super().recurrent_matrix(kernel)
        alpha = self.decay(r.dtype)
        mixing = alpha[:, None] * ops.convert_to_tensor(self.mixing_kernel)
        to_hidden = ops.concatenate([r, mixing], axis=0)
        to_context = ops.zeros((self.units, self.context), r.dtype)
        return ops.concatenate([to_hidden, to_context], axis=1)

    def recurrent_masks(self, h) -> list:
        masks = super().recurrent_masks(h[..., : self.hidden])
        kept = ops.ones_like(h[..., self.hidden :])
        return [ops.concatenate([mask, kept], axis=-1) for mask in masks]

    def gate(self, z, r, states):
        new = z + r
        k = self.activation(new[..., : self.hidden])  # (2)
        s = new[..., self.hidden :] + self.decay(z.dtype) * states.h[..., self.hidden :]  # (1)
        h = ops.concatenate([k, s], axis=-1)  # (3)
        return h, (h,)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "context": self.context,
            "activation": keras.activations.serialize(self.activation),
            "alpha": self.alpha,
            "learn_alpha": self.learn_alpha,
        }
