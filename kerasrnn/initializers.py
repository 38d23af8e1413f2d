"""Starting values that Keras does not name.

A recurrent kernel U is (R, G): R numbers come from the step before, and the G = gates * H columns lie gate
beside gate. The initializers of matrices here fill one square block (H, H) for each gate; further rows of U,
where a cell remembers more than h_{t-1}, are filled likewise.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasrnn")
class ForgetBias(keras.initializers.Initializer):
    """Ones for an LSTM's forget gate, `rest` for its other gates: [i | f | g | o], (4H,).

    Args:
        rest: initializer of the other gates.
        gates: how many are packed side by side.
        gate: the forget gate's place among them.
    Source: Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures".
    """

    def __init__(self, rest="zeros", gates: int = 4, gate: int = 1):
        self.rest, self.gates, self.gate = keras.initializers.get(rest), gates, gate

    def __call__(self, shape, dtype=None):
        units = shape[0] // self.gates
        before, after = self.gate * units, (self.gates - 1 - self.gate) * units
        pieces = [self.rest((size,), dtype) for size in (before, after) if size]
        ones = ops.ones((units,), dtype=dtype)
        pieces.insert(1 if before else 0, ones)
        return ops.concatenate(pieces)

    def get_config(self) -> dict:
        rest = keras.initializers.serialize(self.rest)
        return {"rest": rest, "gates": self.gates, "gate": self.gate}


class _Blocks(keras.initializers.Initializer):
    """Square blocks side by side; a subclass says what `block(size, dtype)` is."""

    def __call__(self, shape, dtype=None):
        rows, columns = shape
        size = min(rows, columns)
        if rows % size or columns % size:
            raise ValueError(
                f"`shape` must be made of square blocks, got {tuple(shape)}; "
                "start the recurrent kernel of this cell otherwise."
            )
        dtype = dtype or keras.config.floatx()
        grid = [
            [self.block(size, dtype) for _ in range(columns // size)] for _ in range(rows // size)
        ]
        return ops.concatenate([ops.concatenate(row, axis=1) for row in grid], axis=0)

    def block(self, size: int, dtype):
        raise NotImplementedError(f"{type(self).__name__} must define `block(size, dtype)`.")


@keras.saving.register_keras_serializable(package="kerasrnn")
class Identity(_Blocks):
    """U = s I: what came before stays as it is. With ReLU this starts an IRNN (deck 000).

    Args:
        scale: s; 1 for long memory, less (such as 0.01) for tasks that need little.
    Source: Le et al. 2015, arXiv:1504.00941, section 2.
    """

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def block(self, size: int, dtype):
        return self.scale * ops.eye(size, dtype=dtype)

    def get_config(self) -> dict:
        return {"scale": self.scale}


@keras.saving.register_keras_serializable(package="kerasrnn")
class IdentityMixture(keras.initializers.Initializer):
    """U = s I + (1 - s) M: a part that remembers long, and another matrix (deck 000).

    Args:
        share: s, in [0, 1].
        other: initializer of M.
    Raises:
        ValueError: if `share` is outside [0, 1].
    Source: Mikolov et al. 2014, arXiv:1412.7753, section 3, which holds a part of U at a multiple of the
    identity through training; here it is where U begins. The constrained network itself is
    `kerasrnn.cells.StructuredCell`.
    """

    def __init__(self, share: float = 0.5, other="orthogonal"):
        if not 0 <= share <= 1:
            raise ValueError(f"`share` must be in [0, 1], got {share}.")
        self.share, self.other = share, keras.initializers.get(other)

    def __call__(self, shape, dtype=None):
        other = ops.convert_to_tensor(self.other(shape, dtype))
        return self.share * Identity()(shape, dtype) + (1 - self.share) * other

    def get_config(self) -> dict:
        return {"share": self.share, "other": keras.initializers.serialize(self.other)}


@keras.saving.register_keras_serializable(package="kerasrnn")
class PositiveDefinite(_Blocks):
    """U positive definite, its largest eigenvalue 1: the np-RNN's start, with ReLU (deck 000).

        A = Rᵀ R / H,   R (H, H) standard normal                 (1)
        U = (A + I) / λ_max(A + I)                               (2)

    Args:
        seed: of R.
    Source: Talathi and Vartak 2015, arXiv:1511.03771, section 3.
    """

    def __init__(self, seed: int | None = None):
        self.seed = seed
        self._generator = keras.random.SeedGenerator(seed)

    def block(self, size: int, dtype):
        normal = keras.random.normal((size, size), dtype="float32", seed=self._generator)
        a = ops.matmul(ops.transpose(normal), normal) / size + ops.eye(size)  # (1)
        return ops.cast(a / ops.max(ops.linalg.eigh(a)[0]), dtype)  # (2)

    def get_config(self) -> dict:
        return {"seed": self.seed}


BY_NAME = {
    "forget_bias": ForgetBias,
    "identity_mixture": IdentityMixture,
    "positive_definite": PositiveDefinite,
}


def get(identifier):
    """What `keras.initializers.get` finds; by a name also what stands here.

    "identity" is Keras' own, (I, 0) where U has more columns than rows; `Identity` has I in each gate.

    Raises:
        ValueError: if there is none of that name.
    """
    known = BY_NAME.get(identifier) if isinstance(identifier, str) else None
    return known() if known else keras.initializers.get(identifier)
