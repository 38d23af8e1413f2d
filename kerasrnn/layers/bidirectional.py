"""Both directions over a sequence."""

import keras
from keras import ops

from kerasrnn import recurrence


@keras.saving.register_keras_serializable(package="kerasrnn")
class Bidirectional(keras.layers.Bidirectional):
    """Run one layer forwards and one backwards, and merge what they say.

        x_1 → x_2 → … → x_T      (B, T, D)
         →     →          →      forward_layer   (B, T, H)
         ←     ←          ←      backward_layer  (B, T, H)
        y_1   y_2   …    y_T     (B, T, 2 H) for merge_mode "concat"

    Arguments as `keras.layers.Bidirectional`. The directions are two loops that know nothing of
    each other, so that TensorFlow can run them side by side on two cores.
    """

    def plan(self, input_shape):
        """Say which path each direction runs for inputs of `input_shape` (B, T, D), and why."""
        with recurrence.sharing(2):
            return self.forward_layer.plan(input_shape)

    def call(self, sequences, initial_state=None, mask=None, training=None):
        half = 0 if initial_state is None else len(initial_state) // 2
        if initial_state is not None and (len(initial_state) % 2 or not half):
            raise ValueError(
                "`initial_state` must be the states of the forward layer and as many of the backward "
                f"one, got {len(initial_state)}."
            )
        states = (None, None) if not half else (initial_state[:half], initial_state[half:])
        layers = self.forward_layer, self.backward_layer
        pairs = zip(layers, states, strict=True)
        with recurrence.sharing(2):
            results = [
                one(sequences, initial_state=s, mask=mask, training=training) for one, s in pairs
            ]
        if self.return_state:
            final = [state for result in results for state in result[1:]]
            results = [result[0] for result in results]
        y, y_back = (ops.cast(result, self.compute_dtype) for result in results)
        if self.return_sequences:
            y_back = ops.flip(y_back, axis=1)
        merged = merge(self.merge_mode, y, y_back)
        if not self.return_state:
            return merged
        return (*merged, *final) if self.merge_mode is None else (merged, *final)


def merge(mode: str | None, y, y_back):
    """Merge (…, H) and (…, H) by a mode of `keras.layers.Bidirectional`.

    Args:
        mode: "concat" (…, 2 H), "sum", "ave" or "mul" (…, H), or None, which gives both.
    """
    modes = {
        "concat": lambda: ops.concatenate([y, y_back], axis=-1),
        "sum": lambda: y + y_back,
        "ave": lambda: (y + y_back) / 2,
        "mul": lambda: y * y_back,
        None: lambda: (y, y_back),
    }
    return modes[mode]()
