"""The time-delay network over a whole sequence at once."""

import keras
from keras import ops

from kerasrnn.layers.recurrent import Recurrent
from kerasrnn.recurrence import Plan, is_watched


@keras.saving.register_keras_serializable(package="kerasrnn")
class TimeDelay(Recurrent):
    """A `TimeDelayCell` over a sequence, all steps side by side (deck 003, "TD-NN").

         h_1     h_2     h_3    …     h_t = tanh(Σ_k x_{t-k} W_k + b)    (B, T, H)
          ↑    ↗  ↑    ↗  ↑
         x_1     x_2     x_3    …                                         (B, T, D)

    With a mask, with zoneout, on a forced `route`, or where someone watches the steps, the cell's
    own loop runs: the same numbers.

    Args:
        cell: a `kerasrnn.cells.TimeDelayCell`.
        *args, **kwargs: see `Recurrent`.
    """

    def plan(self, input_shape) -> Plan:
        if self.route is not None:
            return super().plan(input_shape)
        super().plan(input_shape)  # refuses what has no steps
        return Plan("whole", "no step waits for another; a mask or zoneout asks for the loop.")

    def inner_loop(self, sequences, initial_state, mask, training=False):
        stepped = any(self.cell.zone_rates) or self.state_regularizer is not None or is_watched()
        if mask is not None or self.route is not None or stepped:
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        x = ops.flip(sequences, axis=1) if self.go_backwards else sequences
        drops = [m[:, None] for m in cell.input_masks(x[:, 0])] if training else ()
        pieces = ops.split(cell.project(x, drops), cell.frames, axis=-1)  # x_t W_k, (B, T, H) each
        ahead = cell.frames - 1
        shifted = [
            ops.pad(piece, ((0, 0), (k, ahead - k), (0, 0))) for k, piece in enumerate(pieces)
        ]
        sums = sum(shifted)  # (B, T + K - 1, H), the last K - 1 of steps to come
        waiting = ops.reshape(initial_state[1], (-1, ahead, cell.units))
        steps = ops.shape(x)[1]
        sums = sums + ops.pad(ops.cast(waiting, sums.dtype), ((0, 0), (0, steps), (0, 0)))
        outputs = cell.activation(sums[:, :steps])
        q = ops.reshape(sums[:, steps:], (-1, ahead * cell.units))
        return outputs[:, -1], outputs, [outputs[:, -1], q]
