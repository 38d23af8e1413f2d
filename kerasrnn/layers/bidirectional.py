"""Both directions over a sequence."""

import keras
from keras import ops

from kerasrnn import recurrence
from kerasrnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable(package="kerasrnn")
class Bidirectional(keras.layers.Bidirectional):
    """Run one layer forwards and one backwards, and merge what they say.

        x_1 → x_2 → … → x_T      (B, T, D)
         →     →          →      forward_layer   (B, T, H)
         ←     ←          ←      backward_layer  (B, T, H)
        y_1   y_2   …    y_T     (B, T, 2 H) for merge_mode "concat"

    Arguments as `keras.layers.Bidirectional`, and

    Args:
        together: True runs both directions in one loop, with one batched product a step; False in two
            loops that know nothing of each other, which TensorFlow can run side by side on two cores;
            None chooses, see `plan`.
    Raises:
        ValueError: if `together` is True and the two layers cannot share a loop.
    """

    def __init__(self, *args, together: bool | None = None, **kwargs):
        if together not in (True, False, None):
            raise ValueError(f"`together` must be True, False or None, got {together!r}.")
        super().__init__(*args, **kwargs)
        self.together = together

    def plan(self, input_shape) -> recurrence.Plan:
        """Say which path the directions run for inputs of `input_shape` (B, T, D), and why.

        Of a layer that is not built yet it does not know whether weights of its cells' own keep them apart.
        """
        alone = self._lacks_the_engine()
        if alone is None:
            layers = self.forward_layer, self.backward_layer
            return recurrence.plan_both(
                [layer.cell for layer in layers],
                input_shape,
                [layer.route for layer in layers],
                self.together,
                cudnn=all(layer.cudnn for layer in layers),
            )
        if self.together:
            raise ValueError(f"`together` must be False or None here: {alone}")
        with recurrence.sharing(2):
            return self.forward_layer.plan(input_shape)

    def _lacks_the_engine(self) -> str | None:
        """Why the engine does not run all that both layers do, as this layer would; None if it does."""
        for layer in (self.forward_layer, self.backward_layer):
            name = type(layer).__name__
            own = (getattr(type(layer), method, None) for method in ("call", "inner_loop"))
            if tuple(own) != (Recurrent.call, Recurrent.inner_loop):
                return f"{name} runs by itself."
            if getattr(layer, "_remat_mode", None):  # the layers alone would be called again
                return f"{name} is computed anew for its gradient (`keras.RematScope`)."
            if layer.compute_dtype != self.compute_dtype:
                return f"{name} computes in {layer.compute_dtype}, not in {self.compute_dtype}."
        return None

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
        with self._running(sequences, states, mask, training):
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

    def _running(self, sequences, states, mask, training):
        """The context in which the layers are called: one loop has run for both, or each runs its own."""
        layers = self.forward_layer, self.backward_layer
        choice = self.together or self._lacks_the_engine() is None
        plan = self.plan(sequences.shape) if choice else None
        if not choice or not plan.together:
            return recurrence.sharing(2)
        cells = [layer.cell for layer in layers]
        pairs = zip(layers, states, strict=True)
        starts = [layer.first_states(sequences, given) for layer, given in pairs]
        rows = {start.shape[0] for each in starts for start in each} | {sequences.shape[0]}
        if len(rows - {None}) > 1:  # the layers refuse it
            return recurrence.sharing(2)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        both = recurrence.run_both(
            cells,
            sequences,
            starts,
            mask=None if mask is None else ops.cast(mask, "bool"),
            reverse=[layer.go_backwards for layer in layers],
            training=training,
            route=plan.route,
            sequences=any(layer.needs_sequences for layer in layers),
        )
        return recurrence.answered(cells, both)

    def get_config(self) -> dict:
        return {**super().get_config(), "together": self.together}


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
