"""Pascanu's Ω: keep the error as long as it was on its way back through time."""

import keras
import tensorflow as tf
from keras import ops

from kerasrnn.cells.product import Product
from kerasrnn.training.unrolled import Unrolled, cell_names, unrolled

BOUND = 1e-20  # a squared gradient below this says nothing about its direction


class _Immediate(Product):
    """h U whose value does not change with U, though its derivative by h is still U."""

    def raw(self, h, *columns):
        value = super().raw(h, *columns)
        return value - super().raw(ops.stop_gradient(h), *columns) + ops.stop_gradient(value)


def omega(run: Unrolled, gradients, kernel):
    """Ω of one run of a cell, differentiable by `kernel` alone, through the Jacobian alone.

        Ω = mean_k (‖∂L/∂h_{k+1} ∂h_{k+1}/∂h_k‖ / ‖∂L/∂h_{k+1}‖ - 1)²       (1)

    Args:
        gradients: ∂L/∂h_t of each state, (T, B, width) each, as constants.
        kernel: U (H, G).
    Returns:
        A scalar: the mean over all steps of all sequences that a mask keeps and a gradient reaches.
    """
    p = run.product
    product = _Immediate(kernel, p.bias, p.masks, p.scale, p.units, p.centre)
    gradients = [ops.stop_gradient(g) for g in gradients]
    old = [ops.stop_gradient(x) for x in run.previous]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(old)
        new = run.step(ops.stop_gradient(run.z), old, product)
        new = run.settle(new, old, run.keep)
    back = tape.gradient(new, old, gradients, tf.UnconnectedGradients.ZERO)
    arrived = sum(ops.sum(b * b, axis=-1) for b in back)  # (T, B)
    left = sum(ops.sum(g * g, axis=-1) for g in gradients)
    counts = left > BOUND
    for keep in run.keep:
        counts = ops.logical_and(counts, ops.any(keep, axis=-1))
    inside = ops.logical_and(counts, arrived > 0)
    ratio = ops.sqrt(ops.where(inside, arrived, 1) / ops.where(counts, left, 1))
    terms = ops.where(counts, (ops.where(inside, ratio, 0) - 1) ** 2, 0)  # (1)
    return ops.sum(terms) / ops.maximum(ops.sum(ops.cast(counts, terms.dtype)), 1)


@keras.saving.register_keras_serializable(package="kerasrnn")
class OmegaRegularized(keras.Model):
    """Any model, trained with Ω on each of its recurrent layers (slides: "penalization").

    The gradient of `weight` · Ω is added to that of the recurrent weights U. As in the paper it is
    the immediate one: states and ∂L/∂h_{k+1} are constants, and U counts where it stands in
    ∂h_{k+1}/∂h_k, not in the states that it made. A cell's state is all that it carries on: an
    LSTM's is (h, c). Ω is a mean over steps, as the authors' program has it, where eq. 9 writes a
    sum; so the weight need not follow the length. "omega" among the metrics of training is its value.

    The layers run step by step, differentiated automatically: slower than without Ω.

    Args:
        model: has a layer of `kerasrnn.layers`; what goes in and out is its own.
        weight: of Ω.
    Raises:
        ValueError: if `weight` is negative or the model has no recurrent layer.
    Source: Pascanu et al. 2013, arXiv:1211.5063, eqs. 9 and 10.
    """

    def __init__(self, model: keras.Model, weight: float = 1.0, **kwargs):
        if weight < 0:
            raise ValueError(f"`weight` must be at least 0, got {weight}.")
        super().__init__(**kwargs)
        cell_names(model)
        self.model = model
        self.weight = weight
        self.omega_tracker = keras.metrics.Mean(name="omega")
        self.built = True

    def call(self, inputs, training=None, mask=None):
        return self.model(inputs, training=training, mask=mask)

    def train_step(self, data):
        logs, total = omega_step(self, data, self.weight)
        self.omega_tracker.update_state(total)
        return logs | {self.omega_tracker.name: self.omega_tracker.result()}

    def test_step(self, data):
        """As of any model: Ω needs the gradients of a training step."""
        found = super().test_step(data)
        found.pop(self.omega_tracker.name, None)
        return found

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {**super().get_config(), "model": model, "weight": self.weight}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        model = keras.saving.deserialize_keras_object(config.pop("model"), custom_objects)
        return cls(model, **config)


def omega_step(model: keras.Model, data, weight: float):
    """A compiled model's training step with `weight` · Ω, and the sum of Ω over its recurrent layers.

    Returns:
        (the step's logs, Ω).
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    with tf.GradientTape(persistent=True) as tape, unrolled(tape) as runs:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    if not runs:
        raise ValueError(
            "`model` must run a recurrent layer step by step in training, but all steps ran at once, as "
            "with a `teacher`; let the layer read its own answers."
        )
    weights = model.trainable_weights
    gradients = tape.gradient(scaled, weights)
    scale = model.optimizer.scale_loss(tf.constant(weight, tf.float32))
    added, total = _penalty(tape, runs, scaled, scale)
    gradients = [
        g if w.path not in added else added[w.path] if g is None else g + added[w.path]
        for g, w in zip(gradients, weights, strict=True)
    ]
    model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
    rows = ops.shape(keras.tree.flatten(x)[0])[0]
    model._loss_tracker.update_state(loss, sample_weight=rows)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight), total


def _penalty(tape, runs, loss, scale):
    """Gradients of scale · Ω by the path of the weight, and the Ω of all layers."""
    added, total = {}, 0.0
    for run in runs:
        kernel = run.product.kernel
        reached = tape.gradient(loss, run.taps, unconnected_gradients="zero")
        constant = ops.stop_gradient(kernel)
        with tf.GradientTape() as own:
            own.watch(constant)
            value = omega(run, reached, constant)
        found = own.gradient(value, constant, unconnected_gradients="zero")
        total = total + ops.cast(value, "float32")
        found = found * ops.cast(scale, found.dtype)
        for weight in run.cell.trainable_weights:  # U itself, or what it is made of
            part = tape.gradient(kernel, weight.value, found)
            if part is not None:
                added[weight.path] = added.get(weight.path, 0) + part
    return added, total
