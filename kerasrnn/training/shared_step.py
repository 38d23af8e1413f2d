"""The training step of several processes: a gradient of the rows of all, as one process would find it."""

import keras
import tensorflow as tf

from kerasrnn import recurrence
from kerasrnn.errors import UserError

BY_WEIGHT, BY_ROW = ("mean_with_sample_weight",), ("sum_over_batch_size", "mean")


class SharedStep:
    """A `train_step` for one of several processes.

    With l_p the loss of process p's rows, L of all rows and d_p what l_p was divided by (the sum of its
    sample weights, or the number of its rows):

        L = Σ_p d_p l_p / Σ_p d_p                                                          (1)

    d_p / n is what is multiplied, n the number of weights or rows, which is the same everywhere: then all
    numbers keep the size that they have in one process.

    Args:
        team: has `strategy`, `parts`, and `gradients`, which sums them up.
        model: compiled.
        xla: whether the gradient is one XLA program.
    Attributes:
        normalisations: layers that take means over all rows, those of all processes, at every step.
    Raises:
        UserError: if the model's own step or loss says nothing of how it is to be summed, or XLA cannot compile
            what the step needs.
    """

    def __init__(self, team, model: keras.Model, xla: bool):
        self.team, self.model, self._xla = team, model, xla
        self._reduction = _reduction(model)
        # Keras divides a loss of its own by the number of a strategy's replicas
        self._undo = 1.0 if _has_own_loss(model) else float(team.parts)
        layers = model._flatten_layers()
        self.normalisations = [x for x in layers if type(x) is keras.layers.BatchNormalization]
        if self.normalisations and xla:
            raise UserError(
                "`jit` must be off here: XLA cannot compile batch normalisation over several processes."
            )
        # plain where it is not compiled, as a function within cannot take means over all processes
        compiled = tf.function(self._local, jit_compile=True, autograph=False)
        self._gradients = compiled if xla else self._local

    def __call__(self, data) -> dict:
        found = self.team.strategy.run(self._replica, args=(data,))
        share, loss, gradients = found
        gradients = [None if g is None else tf.math.divide_no_nan(g, tf.cast(share, g.dtype))
                     for g in gradients]  # fmt: skip
        model = self.model
        model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        rows = tf.shape(tf.nest.flatten(data)[0])[0]
        model._loss_tracker.update_state(tf.math.divide_no_nan(loss, share), sample_weight=rows)
        return {"loss": model._loss_tracker.result()}

    def _replica(self, data):
        """(1), its numerator and denominator, of all processes."""
        share, loss, gradients = self._gradients(data)
        return self.team.gradients(share, loss, gradients)

    def _local(self, data):
        """d_p / n, this process's summand of (1), and its gradients."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        share = tf.ones(())
        if self._reduction in BY_WEIGHT and weights is not None:
            share = tf.reduce_mean(tf.cast(weights, tf.float32))
        model = self.model
        with recurrence.compiled(self._xla), tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = model.compute_loss(x, y, outputs, weights, training=True)
            loss = tf.cast(loss, tf.float32) * self._undo * share
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, model.trainable_weights)
        model.compute_metrics(x, y, outputs, weights)  # of its own rows; only the loss is shared
        dense = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
        return share, loss, dense


def _has_own_loss(model: keras.Model) -> bool:
    return type(model).compute_loss is not keras.Model.compute_loss


def _reduction(model: keras.Model) -> str:
    """How the model's loss is a mean: a name of Keras' reductions."""
    name = type(model).__name__
    if type(model).train_step is not keras.Model.train_step:
        raise UserError(f"{name} has a training step of its own, which cannot be shared out.")
    if _has_own_loss(model):
        reduction = getattr(model, "loss_reduction", None)
    elif isinstance(model.loss, (dict, list, tuple)):
        reduction = None
    else:
        reduction = getattr(model.loss, "reduction", "sum_over_batch_size")
    if reduction not in (*BY_WEIGHT, *BY_ROW):
        raise UserError(
            f"To be shared out, a loss must be a mean over rows or over their weights; {name}'s is "
            f"{reduction or 'not known to be one (`loss_reduction` says which)'}."
        )
    return reduction
