"""The network whose memory is its last answer, with or without its teacher's."""

import keras
from keras import ops

from kerasrnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable(package="kerasrnn")
class OutputRecurrent(Recurrent):
    """An `OutputRecurrentCell` over a sequence (deck 002, "network with output recurrence").

        y_1 ─┐  y_2 ─┐  y_3        y_1     y_2     y_3     (B, T, C)
         ↑   │   ↑   │   ↑          ↑       ↑       ↑
        h_1  └→ h_2  └→ h_3        h_1     h_2     h_3
         ↑       ↑       ↑         ↑ ↑     ↑ ↑     ↑ ↑
        x_1     x_2     x_3       x_1 p_0 x_2 p_1 x_3 p_2
            its own answers            the teacher's

    With `teacher` no step waits for another: all are one product, and training is as easy as a
    feed-forward network's.

    Args:
        cell: a `kerasrnn.cells.OutputRecurrentCell`.
        *args, **kwargs: see `Recurrent`.
    Call arguments:
        sequences: x (B, T, D).
        teacher: p_{t-1} for each step, (B, T, C): the right answers one step late, such as one-hot
            vectors, the first row 1/C or a start token's; None for its own. Masked steps then
            answer too: leave them out of the loss.
    Raises:
        ValueError: if `teacher` is given to a layer that returns states or the last answer only, or
            has a `state_regularizer`: there are no states to penalise then.
    """

    def call(self, sequences, initial_state=None, mask=None, training=False, teacher=None):
        if teacher is None:
            return super().call(sequences, initial_state, mask, training)
        if not self.return_sequences or self.return_state or self.go_backwards:
            raise ValueError(
                "`teacher` needs return_sequences=True, return_state=False and go_backwards=False, "
                f"got {self.return_sequences}, {self.return_state} and {self.go_backwards}."
            )
        if self.state_regularizer is not None:
            raise ValueError(
                "`state_regularizer` must be None with `teacher`, whose layer has no states to "
                f"penalise, got {self.state_regularizer!r}."
            )
        cell, drops, kernel = self.cell, (), None
        if training:
            drops = [m[:, None] for m in cell.input_masks(sequences[:, 0])]
            kernel = cell.draw_kernel()
        masks = [m[:, None] for m in cell.recurrent_masks(teacher[:, 0])] if training else ()
        z = cell.project(sequences, drops)
        return cell.answer(z, cell.product(masks, kernel)(ops.cast(teacher, z.dtype)))
