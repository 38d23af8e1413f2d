"""Whether a step reads the right answer of the step before, or the network's own."""

import keras
from keras import ops

from kerasrnn.chance import uniform


class Schedule:
    """The probability ε_i of reading the right answer, after i updates; subclasses write `at(i)`."""

    def __call__(self, updates):
        return ops.clip(self.at(ops.cast(updates, "float32")), 0.0, 1.0)

    def at(self, updates):
        """ε_i after i = `updates`, a scalar of any number type."""
        raise NotImplementedError(f"{type(self).__name__} must define `at(updates)`.")

    def get_config(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="kerasrnn")
class LinearDecay(Schedule):
    """ε_i = max(floor, start - slope · i); source: Bengio et al. 2015, arXiv:1506.03099, 2.4.

    Args:
        slope: lost with each update.
        start, floor: the first and the least probability.
    """

    def __init__(self, slope: float, start: float = 1.0, floor: float = 0.0):
        self.slope, self.start, self.floor = slope, start, floor

    def at(self, updates):
        return ops.maximum(self.floor, self.start - self.slope * updates)


@keras.saving.register_keras_serializable(package="kerasrnn")
class ExponentialDecay(Schedule):
    """ε_i = kⁱ, k < 1; source: Bengio et al. 2015, arXiv:1506.03099, 2.4.

    Raises:
        ValueError: if `k` is not in (0, 1).
    """

    def __init__(self, k: float):
        if not 0 < k < 1:
            raise ValueError(f"`k` must be in (0, 1), got {k}.")
        self.k = k

    def at(self, updates):
        return ops.power(self.k, updates)


@keras.saving.register_keras_serializable(package="kerasrnn")
class InverseSigmoidDecay(Schedule):
    """ε_i = k / (k + exp(i / k)), k ≥ 1; source: Bengio et al. 2015, arXiv:1506.03099, 2.4.

    Raises:
        ValueError: if `k` is below 1.
    """

    def __init__(self, k: float):
        if k < 1:
            raise ValueError(f"`k` must be at least 1, got {k}.")
        self.k = k

    def at(self, updates):
        return ops.sigmoid(ops.log(self.k) - updates / self.k)  # no overflow in exp(i / k)


@keras.saving.register_keras_serializable(package="kerasrnn")
class TeacherForcing(keras.layers.Layer):
    """Flips a coin: the right answer with the scheduled probability, or the network's own.

    For a layer that reads its previous answers, such as `OutputRecurrent`: run it on its own, mix
    its answers with the right ones, and give it the mixture as its `teacher`. For a decoder step by
    step: `kerasrnn.training.scheduled_sampling`, which takes `coins`.

    Args:
        schedule: updates done → probability of the right answer; a `Schedule`.
        seed: of the coins.
    Call arguments:
        right, own: (B, T, …), both one step late.
        training: outside training the right answers are read, as for a likelihood.
    Returns:
        (B, T, …). No gradient goes through `own`.
    Source: Bengio et al. 2015, arXiv:1506.03099 ("scheduled sampling"), section 2.4.
    """

    def __init__(self, schedule, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.schedule = schedule
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.updates = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="updates"
        )
        self.built = True

    def coins(self, shape):
        """bool of `shape`, True where the right answer is read; counts as one update."""
        chance = self.schedule(self.updates)
        self.updates.assign_add(1)
        return uniform(shape, self.seed_generator) < chance

    def call(self, right, own, training=False):
        if not training:
            return right
        coins = self.coins(ops.shape(right)[:2])
        coins = ops.reshape(coins, (*ops.shape(coins), *[1] * (len(right.shape) - 2)))
        return ops.where(coins, right, ops.cast(ops.stop_gradient(own), right.dtype))

    def compute_output_shape(self, right_shape, own_shape):
        return right_shape

    def get_config(self) -> dict:
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {**super().get_config(), "schedule": schedule, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config.pop("schedule"))
        return cls(schedule, **config)
