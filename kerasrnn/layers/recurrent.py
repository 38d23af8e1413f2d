"""Any cell over a sequence, with the arguments of `keras.layers.RNN`."""

import keras
from keras import ops

from kerasrnn import recurrence
from kerasrnn.cells import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class Recurrent(keras.layers.RNN):
    """Run a cell over a sequence, as fast as its form allows.

        x_1     x_2    …   x_T      (B, T, D)
         ↓       ↓          ↓
        cell →  cell → … → cell     states (B, H) each
         ↓       ↓          ↓
        y_1     y_2    …   y_T      (B, T, H) with return_sequences, else y_T (B, H)

    Args:
        cell: a `kerasrnn.cells` cell, or any Keras cell with `call(inputs, states)`.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as
            `keras.layers.RNN`; `unroll` changes nothing with a cell of `kerasrnn.cells`.
        route: force one of `kerasrnn.recurrence.ROUTES`; None chooses, see `plan`.
        state_regularizer: a penalty on h_1 … h_T, such as `kerasrnn.regularizers.NormStabilizer`,
            which is called with them, h_0 and the mask; for a cell of `kerasrnn.cells`.
    Raises:
        ValueError: if T is 0, `route` cannot run the cell, or a cell that is not of
            `kerasrnn.cells` has a `state_regularizer`.
    """

    cudnn = True  # may be chosen, where there is a GPU and no mask

    def __init__(self, cell, *args, route: str | None = None, state_regularizer=None, **kwargs):
        super().__init__(cell, *args, **kwargs)
        self.route = route
        self.state_regularizer = keras.regularizers.get(state_regularizer)
        if state_regularizer is not None and not isinstance(cell, GateCell):
            raise ValueError(f"`state_regularizer` needs a cell of `kerasrnn.cells`, got {cell!r}.")

    def plan(self, input_shape) -> recurrence.Plan:
        """Say which path runs for inputs of `input_shape` (B, T, D), and why."""
        return recurrence.plan(self.cell, input_shape, self.route, cudnn=self.cudnn)

    def build(self, sequences_shape, initial_state_shape=None):
        super().build(sequences_shape, initial_state_shape)
        if keras.backend.backend() == "tensorflow" and self.plan(sequences_shape).route == "cudnn":
            self.supports_jit = False  # XLA cannot compile cuDNN's operations

    def call(self, sequences, initial_state=None, mask=None, training=False):
        self.plan(sequences.shape)
        return super().call(sequences, initial_state, mask, training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not isinstance(self.cell, GateCell):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        mask = recurrence.steps_mask(mask, sequences)
        mask = None if mask is None else ops.cast(mask, "bool")
        outputs, states = recurrence.run(
            self.cell,
            sequences,
            initial_state,
            mask=mask,
            reverse=self.go_backwards,
            training=training,
            route=self.route,
            cudnn=self.cudnn,
            sequences=self.needs_sequences,
        )
        if self.state_regularizer is not None:
            self._penalise(outputs, initial_state[0], mask)
        outputs, last = self._mask_outputs(outputs, states[0], mask)
        if not self.return_sequences:
            return last, last[:, None], states
        return last, ops.flip(outputs, axis=1) if self.go_backwards else outputs, states

    @property
    def needs_sequences(self) -> bool:
        """Whether the outputs of all steps are wanted."""
        return self.return_sequences or self.state_regularizer is not None

    def first_states(self, sequences, initial_state=None) -> list:
        """What a call begins with: the given states, those that a stateful layer has kept, or the cell's."""
        if initial_state is None:
            kept = self.states if self.stateful else None
            initial_state = kept or self.get_initial_state(batch_size=ops.shape(sequences)[0])
        nested = isinstance(initial_state, (list, tuple))
        states = initial_state if nested else [initial_state]
        return [ops.convert_to_tensor(s, dtype=self.cell.compute_dtype) for s in states]

    def _penalise(self, outputs, start, mask):
        if self.go_backwards:
            outputs = ops.flip(outputs, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        self.add_loss(self.state_regularizer(outputs, start, mask))

    def _mask_outputs(self, outputs, last, mask):
        """Outputs (B, T, H) and last output (B, H) of masked steps, as Keras wants them."""
        if mask is None:
            return outputs, last
        valid = mask[..., None]
        if not self.zero_output_for_mask:  # repeat the last output; zero before the first
            count = ops.cast(valid, "int32")
            count = ops.flip(count, axis=1) if self.go_backwards else count
            valid = ops.cumsum(count, axis=1) > 0
            valid = ops.flip(valid, axis=1) if self.go_backwards else valid
        last = ops.where(valid[:, 0 if self.go_backwards else -1], last, 0)
        return None if outputs is None else ops.where(valid, outputs, 0), last

    def get_config(self) -> dict:
        penalty = keras.regularizers.serialize(self.state_regularizer)
        return {**super().get_config(), "route": self.route, "state_regularizer": penalty}
