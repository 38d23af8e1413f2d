"""Clip gradients where recent gradients say that they are too long.

A fixed threshold needs nothing from here: every Keras optimizer takes `global_clipnorm` (the
gradient's norm), `clipnorm` (each variable's) and `clipvalue` (each entry).
"""

import keras
from keras import ops

OUTLIER = 10.0  # times the mean norm, which are counted of a longer gradient


class _Clipping(keras.optimizers.Optimizer):
    """Rescales the whole gradient to a threshold, then hands it to another optimizer.

    A subclass writes `limit()`. A gradient that is not finite is handed on as it is, and forgotten; so is one
    of length 0, such as of a window in which nothing counts.
    """

    def __init__(self, optimizer, window: int = 1000, name: str | None = None):
        if window < 1:
            raise ValueError(f"`window` must be at least 1 update, got {window}.")
        super().__init__(learning_rate=0.0, name=name)
        self.optimizer = keras.optimizers.get(optimizer)
        self.window = window

    def build(self, variables):
        self.norms = self.add_variable((self.window,), name="norms")
        self.count = self.add_variable((), dtype="int64", name="count")
        self.optimizer.build(variables)
        super().build(variables)

    def limit(self, norm):
        """The threshold for a gradient of this norm, and `joined` norms to remember."""
        raise NotImplementedError(f"{type(self).__name__} must define `limit(norm)`.")

    def joined(self, norm):
        """The last norms with this one in place of the oldest, (window,)."""
        here = ops.arange(self.window, dtype="int64") == self.count % self.window
        return ops.where(here, norm, self.norms)

    def apply(self, grads, trainable_variables=None):
        if not self.built:
            self.build(trainable_variables)
        grads = [_dense(g) for g in grads]
        squares = [ops.sum(ops.cast(g, "float32") ** 2) for g in grads if g is not None]
        norm = ops.sqrt(sum(squares))
        limit, norms = self.limit(norm)
        fine = ops.logical_and(ops.isfinite(norm), norm > 0)
        self.norms.assign(ops.where(fine, norms, self.norms))
        self.count.assign_add(ops.cast(fine, "int64"))
        scale = ops.where(ops.logical_and(fine, norm > limit), limit / norm, 1.0)
        grads = [None if g is None else g * ops.cast(scale, g.dtype) for g in grads]
        self.optimizer.apply(grads, trainable_variables)
        self.iterations.assign(self.optimizer.iterations)

    @property
    def variables(self):
        return self._variables + self.optimizer.variables

    @property
    def learning_rate(self):
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.optimizer.learning_rate = value

    def finalize_variable_values(self, var_list):
        self.optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict:
        inner = keras.saving.serialize_keras_object(self.optimizer)
        return {"optimizer": inner, "window": self.window, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        inner = keras.saving.deserialize_keras_object(config.pop("optimizer"), custom_objects)
        return cls(inner, **config)


@keras.saving.register_keras_serializable(package="kerasrnn")
class AutoClip(_Clipping):
    """Clip at a percentile of the norms of the last updates, this one among them.

    Args:
        optimizer: what updates; any Keras optimizer or its name.
        percentile: in [0, 100]; the paper's best is 10, at which nine gradients of ten are clipped.
        window: updates that are looked back on; the paper looks back on all.
    Raises:
        ValueError: if a number is out of its range.
    Source: Seetharaman et al. 2020, arXiv:2007.14469, algorithm 1.
    """

    def __init__(self, optimizer, percentile: float = 10.0, window: int = 1000, name=None):
        if not 0 <= percentile <= 100:
            raise ValueError(f"`percentile` must be in [0, 100], got {percentile}.")
        super().__init__(optimizer, window, name)
        self.percentile = percentile

    def limit(self, norm):
        norms = self.joined(norm)
        newest = ops.minimum(self.count, self.window - 1)
        known = ops.arange(self.window, dtype="int64") <= newest
        ordered = ops.sort(ops.where(known, norms, float("inf")))
        last = ops.cast(newest, "float32")
        place = last * (self.percentile / 100)
        low = ops.floor(place)
        high = ops.minimum(low + 1, last)
        a, b = (ops.take(ordered, ops.cast(k, "int32")) for k in (low, high))
        return a + (b - a) * (place - low), norms

    def get_config(self) -> dict:
        return {**super().get_config(), "percentile": self.percentile}


@keras.saving.register_keras_serializable(package="kerasrnn")
class MeanClip(_Clipping):
    """Clip at a multiple of the mean norm of the last updates (slides: "statistics of the gradient").

    Of a gradient that is more than ten times as long as the mean, or `factor` times if that is more, only so
    much counts, so one explosion does not raise the mean for long; the first gradient is not clipped.

    Args:
        optimizer: what updates; any Keras optimizer or its name.
        factor: of the mean; "from half to ten times this average" works, says the source.
        window: updates that are looked back on.
    Raises:
        ValueError: if a number is out of its range.
    Source: Pascanu et al. 2013, arXiv:1211.5063, section 3.2.
    """

    def __init__(self, optimizer, factor: float = 2.0, window: int = 1000, name=None):
        if factor <= 0:
            raise ValueError(f"`factor` must be above 0, got {factor}.")
        super().__init__(optimizer, window, name)
        self.factor = factor

    def limit(self, norm):
        count = ops.cast(ops.minimum(self.count, self.window), "float32")  # the others are 0
        mean = ops.sum(self.norms) / ops.maximum(count, 1)
        limit, most = (
            ops.where(count > 0, factor * mean, float("inf"))
            for factor in (self.factor, max(self.factor, OUTLIER))
        )
        return limit, self.joined(ops.minimum(norm, most))

    def get_config(self) -> dict:
        return {**super().get_config(), "factor": self.factor}


def _dense(gradient):
    """TensorFlow gives a table's gradient as rows and their numbers, the same row perhaps twice."""
    if gradient is None or not hasattr(gradient, "dense_shape"):
        return gradient
    import tensorflow as tf

    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, gradient.dense_shape[0])
