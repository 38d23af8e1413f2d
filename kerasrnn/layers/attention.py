"""Recurrence that looks at one place after the other (decks 000 and 001, "Image Captioning with attention").

Axes as in `kerasrnn.shapes`, but L here counts places, as the paper has it: annotations a are
(B, L, D), such as a convolution's 14 x 14 places of 512 features. A is the width of what compares them.
"""

import keras
from keras import ops

from kerasrnn.cells.product import matmul_flat, matmul_wide
from kerasrnn.chance import uniform
from kerasrnn.recurrence.engine import backend


@keras.saving.register_keras_serializable(package="kerasrnn")
class SoftAttention(keras.layers.Layer):
    """A cell that reads, beside x_t, a weighted mean of all places.

        e_tl = w · tanh(k_l + h_{t-1} W_h),   k_l = a_l W_a + b              (1)
        α_t  = softmax(e_t)                                                  (2)
        β_t  = σ(h_{t-1} · w_β + b_β)                                        (3)
        ẑ_t  = β_t Σ_l α_tl a_l                                              (4)
        h_t, s_t = cell([x_t, ẑ_t], s_{t-1})                                 (5)

    With `by_input` x_t W_x joins the sum in (1): a step then looks for what the word before it names, which
    h_{t-1} has not read yet.

    The keys k_l are the same at every step, so that they are given, not made here. Beside the cell's
    states runs `attended` (B, L), the sum of α over the steps so far, which `doubly_stochastic`
    penalises.

    Args:
        cell: of `kerasrnn.cells`, without drops and layer normalisation.
        by_input: see above; the paper's is False.
        seed: of the places that are drawn, where a subclass draws some.
    Call arguments:
        inputs: [x (B, T, E), annotations a (B, L, D), keys k (B, L, A)].
        initial_state: the cell's states and what `tallies` names, (B, ·) each.
        mask: bool (B, T), False where a step leaves all states untouched; or None.
    Returns:
        h (B, T, H), ẑ (B, T, D), α (B, T, L), 0 where masked, and the last states.
    Raises:
        ValueError: if the cell drops or normalises.
    Source: Xu et al. 2015, arXiv:1502.03044, sections 3.1.2 and 4.2; (1) and the scalar β as in its
    authors' program.
    """

    tallies = ("attended",)  # states beside the cell's; the first is (B, L), the others are (B, 1)

    def __init__(self, cell, by_input: bool = False, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if cell.layer_norm or any(getattr(cell, name) for name in cell.drop_names):
            raise ValueError(
                f"`cell` must have neither drops nor layer normalisation here, got {cell.name!r} "
                "with some; drop what goes into the layer and what comes out of it."
            )
        self.cell = cell
        self.by_input = by_input
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return None

    def build(self, shapes) -> None:
        x, annotations, keys = shapes
        if not self.cell.built:  # a saved layer's comes built
            self.cell.build((None, x[-1] + annotations[-1]))
        width = self.cell.output_size
        self.query = self.add_weight((width, keys[-1]), name="query")
        if self.by_input:
            self.input_query = self.add_weight((x[-1], keys[-1]), name="input_query")
        self.energy = self.add_weight((keys[-1], 1), name="energy")
        self.gate_kernel = self.add_weight((width, 1), name="gate_kernel")
        self.gate_bias = self.add_weight((1,), "zeros", name="gate_bias")
        self.built = True

    def call(self, inputs, initial_state, mask=None, training=False):
        x, annotations, keys = inputs
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        by_time, of_places = ops.transpose(x, (1, 0, 2)), self.cell.input_matrix()[x.shape[-1] :]
        streams = {name: (ops.cast(one, wide), 1) for name, one in self._hoisted(by_time).items()}
        if mask is not None:
            streams["keep"] = (ops.transpose(mask)[..., None], 1)
        streams |= self.noise(ops.shape(by_time)[:2], wide) if training else {}
        look = self.looking(ops.shape(x)[0], training)
        product = self.cell.product()

        def body(states, step):
            step = {name: pieces[0] for name, pieces in step.items()}
            own, tallies = states[: -len(self.tallies)], states[-len(self.tallies) :]
            chances = self.attend(own[0], keys, step.get("asked"))  # ln α, (B, L)
            looked, counts = look(chances, step.get("place"))
            context = self.context(own[0], looked, annotations)
            z = step["z"] + matmul_wide(context, of_places)
            new = self.cell.step(z, self.cell.State(*own), product)[1]  # (5)
            new = (*new, *(sum_ + count for sum_, count in zip(tallies, counts, strict=True)))
            alpha = ops.exp(chances)
            if mask is not None:
                there = step["keep"]
                new = tuple(ops.where(there, n, o) for n, o in zip(new, states, strict=True))
                alpha = ops.where(there, alpha, 0)
            return new, (new[0], context, alpha)

        start = tuple(ops.cast(state, wide) for state in initial_state)
        widths = (self.cell.output_size, annotations.shape[-1], annotations.shape[1])
        final, outputs = self._over_time(body, start, streams, widths)
        return (*(ops.cast(output, self.compute_dtype) for output in outputs), *final)

    def _hoisted(self, x) -> dict:
        """What x (T, B, E) gives to (5) and (1), for all steps at once."""
        z = matmul_flat(x, self.cell.input_matrix()[: x.shape[-1]])
        streams = {"z": z if self.cell.input_bias is None else z + self.cell.input_bias}
        if self.by_input:
            streams["asked"] = matmul_flat(x, ops.convert_to_tensor(self.input_query))
        return streams

    def _over_time(self, body, start, streams, widths):
        """The last states, and each output (B, T, ·)."""
        if next(iter(streams.values()))[0].shape[0] == 1:
            final, outputs = body(start, {name: [x[0]] for name, (x, _) in streams.items()})
            return final, [output[:, None] for output in outputs]
        final, outputs = backend().scan(body, start, streams, widths, False)
        return final, [ops.transpose(output, (1, 0, 2)) for output in outputs]

    def attend(self, h, keys, asked):
        """ln α (B, L) by (1) and (2), for h (B, H) and x_t W_x (B, A) or None."""
        query = matmul_wide(h, ops.convert_to_tensor(self.query))
        query = query if asked is None else query + asked
        compared = ops.tanh(keys + ops.cast(query, keys.dtype)[:, None])
        energies = ops.matmul(compared, ops.cast(self.energy, keys.dtype))[..., 0]
        return ops.log_softmax(ops.cast(energies, h.dtype))

    def context(self, h, looked, annotations):
        """ẑ (B, D) by (3) and (4), for what weighs the places (B, L)."""
        mean = ops.sum(ops.cast(looked, annotations.dtype)[..., None] * annotations, axis=1)
        gate = matmul_wide(h, ops.convert_to_tensor(self.gate_kernel))
        return ops.cast(mean, h.dtype) * ops.sigmoid(gate + ops.cast(self.gate_bias, h.dtype))

    def looking(self, batch, training: bool):
        """(ln α (B, L), noise or None) → what weighs the places (B, L), what each of `tallies` gains."""

        def look(chances, place):
            alpha = ops.exp(chances)
            return alpha, (alpha,)

        return look

    def noise(self, shape, dtype) -> dict:
        """What is drawn in training, {"place": (a stream (T, B, 1), 1)} or nothing; `shape` is (T, B)."""
        return {}

    def get_config(self) -> dict:
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell, "by_input": self.by_input, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        cell = keras.saving.deserialize_keras_object(config.pop("cell"))
        return cls(cell, **config)


@keras.saving.register_keras_serializable(package="kerasrnn")
class HardAttention(SoftAttention):
    """A cell that reads, beside x_t, one place, drawn by α.

        s_t ~ α_t                                                            (6)
        ẑ_t = β_t a_{s_t}                                                    (7)

    with (1), (2), (3) and (5) of `SoftAttention`. In training, a share `expected` of the rows takes (4)
    instead of (7). Otherwise s_t is the likeliest place.

    No gradient goes through a draw: what α learns, it learns from `reinforced`. For that, two more states run
    along: `log_chance` (B, 1), Σ_t ln α_{t,s_t} of the rows that draw, and `entropy` (B, 1), Σ_t H[α_t].

    Args:
        cell, by_input, seed: see `SoftAttention`.
        expected: the paper's is 0.5.
    Source: Xu et al. 2015, arXiv:1502.03044, section 4.1; with the likeliest place after training,
    which its authors' program offers beside a draw and the mean.
    """

    tallies = ("attended", "log_chance", "entropy")

    def __init__(self, cell, by_input: bool = False, seed=None, expected: float = 0.5, **kwargs):
        super().__init__(cell, by_input, seed, **kwargs)
        self.expected = expected

    def noise(self, shape, dtype) -> dict:
        return {"place": (ops.cast(uniform((*shape, 1), self.seed_generator), dtype), 1)}

    def looking(self, batch, training: bool):
        averaged = uniform((batch, 1), self.seed_generator) < self.expected if training else False

        def look(chances, place):
            alpha = ops.exp(chances)
            if place is None:
                number = ops.argmax(alpha, axis=-1)
            else:
                below = ops.cumsum(ops.stop_gradient(alpha), axis=-1)
                number = ops.sum(ops.cast(below <= place * below[:, -1:], "int32"), axis=-1)  # (6)
            here = ops.one_hot(number, chances.shape[-1], dtype=chances.dtype)
            log_chance = ops.sum(here * chances, axis=-1, keepdims=True)
            entropy = -ops.sum(alpha * chances, axis=-1, keepdims=True)
            looked = ops.where(averaged, alpha, here)
            return looked, (alpha, ops.where(averaged, 0, log_chance), entropy)

        return look

    def get_config(self) -> dict:
        return {**super().get_config(), "expected": self.expected}


def doubly_stochastic(attended):
    """Σ_l (1 - Σ_t α_tl)², (B,): 0 where every place was looked at once in all.

    Args:
        attended: Σ_t α_t, (B, L).
    Source: Xu et al. 2015, arXiv:1502.03044, eq. 14.
    """
    return ops.sum(ops.square(1 - attended), axis=-1)


def reinforced(log_chance, entropy, log_likelihood, baseline, weight: float, entropy_weight: float):
    """What has, added to ln p(y | s̃, a), the gradient of the paper's estimator, (B,).

        λ_r (ln p(y | s̃, a) - b) ∂ln p(s̃ | a) + λ_e ∂H[s̃]

    With λ_r = 1 its mean over s̃ is the gradient of Σ_s p(s | a) ln p(y | s, a), whatever b is.

    Args:
        log_chance, entropy: ln p(s̃ | a) and H[s̃], (B,).
        log_likelihood: ln p(y | s̃, a), (B,).
        baseline: b, a moving average of it.
        weight, entropy_weight: λ_r, λ_e.
    Source: Xu et al. 2015, arXiv:1502.03044, section 4.1, the last equation.
    """
    reward = ops.stop_gradient(log_likelihood) - baseline
    return weight * reward * log_chance + entropy_weight * entropy
