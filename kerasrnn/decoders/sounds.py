"""Sound sample by sample: a network's states and its own last sample go round in one compiled loop."""

from collections.abc import Iterator

import tensorflow as tf

from kerasrnn.decoders.draws import draws
from kerasrnn.decoders.sampling import sample
from kerasrnn.layers.companding import silence
from kerasrnn.losses.mixture_of_logistics import code_log_probabilities

BLOCK = 2000  # samples that the compiled loop makes at once


class SoundWriter(tf.Module):
    """A `kerasrnn.builders.SampleNetwork` as what writes sound.

        s_{t-1} → step → p(s_t) → draw → s_t → step → …       the states run along

    A step costs the network's layers, however far back they see. Sounds of a batch are drawn each from its own
    seed, whatever the others are.

    Args:
        network: a trained one.
    """

    def __init__(self, network, name: str = "sound_writer"):
        super().__init__(name=name)
        self.network_variables = [variable.value for variable in network.variables]
        self._network = lambda: network  # kept out of tf.Module's sight
        self.levels = network.levels
        self.read_fast = tf.function(self.read, jit_compile=True, autograph=False)
        self.write_fast = tf.function(self.write, jit_compile=True, autograph=False)

    def logits(self, parameters: tf.Tensor) -> tf.Tensor:
        """What a step answers (B, P) as logits of the codes (B, levels), float32."""
        parameters = tf.cast(parameters, tf.float32)
        if self._network().outputs_kind == "softmax":
            return parameters
        return code_log_probabilities(parameters, self.levels)

    def step(self, codes: tf.Tensor, states: list, y=None) -> tuple[tf.Tensor, list]:
        """The code before (B,), the states, y_t (B, Y) → logits of the next code (B, levels), the states."""
        parameters, states = self._network().step(codes, states, y)
        return self.logits(parameters), states

    def start(self, rows) -> tuple[tf.Tensor, list]:
        """The code before the first, silence (B,), and the states."""
        return tf.fill([rows], silence(self.levels)), self._network().start(rows)

    def conditions(self, inputs: dict) -> tf.Tensor | None:
        """y of "class" (B,) and "local" (B, L, D), a row for each of the latter's: (L, B, Y), or None."""
        y = self._network().conditioning(inputs)
        return None if y is None else tf.transpose(y, [1, 0, 2])

    def read(self, given: tf.Tensor, codes: tf.Tensor, states: list, y=None, row=0):
        """Lead the network over codes (B, N): the last of them, (B,), and the states after."""

        def body(n, code, states):
            _, states = self._network().step(code, states, self._at(states, y, row))
            return n + 1, tf.ensure_shape(given[:, n], code.shape), states

        count = tf.shape(given)[1]
        _, codes, states = tf.while_loop(
            lambda n, *_: n < count, body, [0, codes, states], maximum_iterations=count
        )
        return codes, states

    def write(
        self, codes: tf.Tensor, states: list, uniforms: tf.Tensor, temperature, y=None, row=0
    ):
        """Draw a code for each of `uniforms` (B, N).

        Args:
            codes: the last before, (B,).
            states: as `start`, `read` or the call before gave them.
            temperature: scalar or (B,); divides the logits, 0 takes the likeliest code.
            y: as `conditions` gives it.
            row: of "local" that y begins with.
        Returns:
            int32 (B, N), the last of them, (B,), and the states after.
        """
        count = tf.shape(uniforms)[1]
        written = tf.TensorArray(tf.int32, size=count, element_shape=codes.shape)
        by_time = tf.transpose(uniforms)

        def body(n, code, states, written):
            logits, states = self.step(code, states, self._at(states, y, row))
            code = tf.ensure_shape(sample(logits, by_time[n], temperature=temperature), code.shape)
            return n + 1, code, states, written.write(n, code)

        _, codes, states, written = tf.while_loop(
            lambda n, *_: n < count, body, [0, codes, states, written], maximum_iterations=count
        )
        return tf.transpose(written.stack()), codes, states

    def _at(self, states: list, y, row):
        """The row of y (L, B, Y) that holds for the step that comes next."""
        if y is None:
            return None
        return y[tf.minimum(states[0] // self._network().hop - row, tf.shape(y)[0] - 1)]

    def over(self, inputs: dict):
        """A function of the first of some steps and their number: their `y` and `row`.

        Args:
            inputs: "class", and "local" whole, or as a function of its first row and their number.
        """
        local, hop = inputs.get("local"), self._network().hop
        if not callable(local):
            whole = self.conditions(inputs), tf.constant(0)
            return lambda first, count: whole

        def piece(first: int, count: int) -> tuple:
            rows = local(first // hop, count // hop + 2)
            return self.conditions(inputs | {"local": rows}), tf.constant(first // hop)

        return piece

    def blocks(
        self,
        given: tf.Tensor,
        seeds: list[int],
        samples: int,
        temperature: float = 1.0,
        inputs: dict | None = None,
        block: int = BLOCK,
    ) -> Iterator[tf.Tensor]:
        """Sounds in pieces, through XLA and in memory that does not grow with their length.

        Args:
            given: codes int32 (B, N) that come before, such as silence; they are not written.
            seeds: of each sound.
            samples: how many to write.
            temperature: see `write`.
            inputs: "class" and "local", where the network has them, as `over` takes them.
            block: samples of a piece; the last may have less.
        Yields:
            int32 (B, n) codes.
        """
        over, before = self.over(inputs or {}), given.shape[1]
        codes, states = self.start(len(seeds))
        if before:
            codes, states = self.read_fast(given, codes, states, *over(0, before))
        temperature = tf.constant(temperature, tf.float32)
        for first in range(0, samples, block):
            uniforms = draws(seeds, block, first)
            written, codes, states = self.write_fast(
                codes, states, uniforms, temperature, *over(before + first, block)
            )
            yield written[:, : samples - first]
