"""What a network over single samples of sound is: the whole at once to learn, a sample at a time to write."""

import math

import keras
from keras import layers, ops

from kerasrnn.builders.checks import require_one_of, require_size
from kerasrnn.layers.companding import LEVELS, silence

OUTPUTS = ("softmax", "logistics")


@keras.saving.register_keras_serializable(package="kerasrnn")
class Ramps(keras.initializers.Initializer):
    """Rows (levels, D) that change smoothly with the level v, -1 to 1, so that neighbours begin alike:

        ± tanh(3 (v - b))          b, from -1 to 1, and the sign drawn for each column

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int | None = None):
        self.seed = seed
        self._generator = keras.random.SeedGenerator(seed)

    def __call__(self, shape, dtype=None):
        levels = ops.linspace(-1.0, 1.0, shape[0])[:, None]
        drawn = keras.random.uniform((2, 1, shape[1]), -1, 1, dtype="float32", seed=self._generator)
        rows = ops.sign(drawn[1]) * ops.tanh(3 * (ops.cast(levels, "float32") - drawn[0]))
        return ops.cast(rows, dtype or "float32")

    def get_config(self) -> dict:
        return {"seed": self.seed}


class SampleNetwork(keras.Model):
    """Says of each sample what it may be, from those before it.

        p(s_0 … s_{T-1} | y) = Π_t p(s_t | s_0 … s_{t-1}, y)          before s_0 there is silence

    Samples are codes 0 … levels-1, see `kerasrnn.layers.quantise`. Called with {"samples": int (B, T)}, and
    where it has them {"class": int (B,)} and {"local": (B, L, D)}, it gives (B, T, P): row t tells of sample t.
    With "softmax" P is `levels`, logits; with "logistics" 3 `components`, see
    `kerasrnn.losses.mixture_of_logistics`. Of "local" one row holds for `hop` samples.

    A subclass writes `whole(x, y)` over all steps, and `start` and `step` for one after the other.

    Args:
        levels: of a sample.
        outputs: "softmax" or "logistics".
        components: of the mixture.
        hidden: width of the layer before the output.
        classes: of sounds; 0 has none.
        class_size: numbers that stand for a class.
        local: D, features of a row of "local"; 0 has none.
        hop: samples for each of its rows.
    Raises:
        ValueError: if a size is not positive, or `outputs` is none of the two.
    """

    def __init__(
        self,
        *,
        levels: int = LEVELS,
        outputs: str = "softmax",
        components: int = 10,
        hidden: int = 64,
        classes: int = 0,
        class_size: int = 16,
        local: int = 0,
        hop: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require_one_of("outputs", outputs, OUTPUTS)
        sizes = {"levels": levels, "components": components, "hidden": hidden, "hop": hop}
        for name, size in {**sizes, "class_size": class_size}.items():
            require_size(name, size, "it counts")
        self.levels, self.outputs_kind, self.components = levels, outputs, components
        self.hidden, self.classes, self.class_size = hidden, classes, class_size
        self.local, self.hop = local, hop
        self.condition_size = local + (class_size if classes else 0)
        self.class_table = None
        if classes:
            self.class_table = self._layer(layers.Embedding, classes, class_size, name="class")
            self.class_table.build((None,))

    def _layer(self, kind, *args, **kwargs):
        return kind(*args, dtype=self.dtype_policy, **kwargs)

    def _build_table(self, size: int):
        """A row of `size` numbers for each code."""
        self.table = self._layer(
            layers.Embedding, self.levels, size, embeddings_initializer=Ramps(), name="table"
        )
        self.table.build((None, None))

    def _build_head(self, features: int):
        """relu → hidden → relu → P, the last in the variables' precision."""
        self.before = self._layer(layers.Dense, self.hidden, activation="relu", name="before")
        self.before.build((None, features))
        size = self.levels if self.outputs_kind == "softmax" else 3 * self.components
        wide = self.dtype_policy.variable_dtype
        self.answer = layers.Dense(size, dtype=wide, name="outputs")
        self.answer.build((None, self.hidden))
        if self.outputs_kind == "logistics":
            self.answer.bias.assign(spread_parameters(self.components))

    def head(self, x):
        """What the network holds of a sample, (…, S) → its parameters (…, P): relu → hidden → relu → P."""
        return self.answer(self.before(ops.relu(x)))

    def call(self, inputs):
        samples = ops.cast(inputs["samples"], "int32")
        y = self.conditioning(inputs)
        if self.local:
            y = ops.repeat(y, self.hop, axis=1)[:, : ops.shape(samples)[1]]
        before = ops.full_like(samples[:, :1], silence(self.levels))
        return self.whole(ops.concatenate([before, samples[:, :-1]], axis=1), y)

    def functional(self) -> keras.Model:
        """The same network with its inputs named, as what writes files of networks wants it.

        "class" is "class_id" there, which may name a parameter of a function.
        """
        given = {"samples": keras.Input((None,), dtype="int32", name="samples")}
        if self.classes:
            given["class"] = keras.Input((), dtype="int32", name="class_id")
        if self.local:
            given["local"] = keras.Input((None, self.local), name="local")
        return keras.Model(list(given.values()), self(given), name=self.name)

    def conditioning(self, inputs):
        """y: (B, L, Y) with a row for each of "local", (B, 1, Y) of the class alone, None of neither."""
        parts = []
        if self.local:
            parts.append(ops.cast(inputs["local"], self.compute_dtype))
        if self.classes:
            kind = self.class_table(ops.cast(inputs["class"], "int32"))[:, None]
            rows = ops.shape(parts[0])[1] if parts else 1
            parts.append(ops.repeat(kind, rows, axis=1))
        return ops.concatenate(parts, axis=-1) if parts else None

    def whole(self, x, y):
        """Codes one step late, int32 (B, T), and y (B, T or 1, Y) → (B, T, P)."""
        raise NotImplementedError(f"{type(self).__name__} must define `whole(x, y)`.")

    def start(self, rows) -> list:
        """The states before the first sample, a list of tensors; the first counts steps."""
        raise NotImplementedError(f"{type(self).__name__} must define `start(rows)`.")

    def step(self, x, states: list, y=None) -> tuple:
        """The code before (B,), the states and y_t (B, Y) → (B, P) and the states after."""
        raise NotImplementedError(f"{type(self).__name__} must define `step(x, states, y)`.")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "levels": self.levels,
            "outputs": self.outputs_kind,
            "components": self.components,
            "hidden": self.hidden,
            "classes": self.classes,
            "class_size": self.class_size,
            "local": self.local,
            "hop": self.hop,
        }


def spread_parameters(components: int) -> list[float]:
    """What a mixture of logistics begins with, (3 K): equal shares, means from -1 to 1, scales as wide as their
    distance."""
    means = [-1 + (2 * k + 1) / components for k in range(components)]
    return [0.0] * components + means + [math.log(1 / components)] * components
