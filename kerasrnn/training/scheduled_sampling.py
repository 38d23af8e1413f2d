"""Scheduled sampling: a decoder learns to go on from its own words."""

import keras
from keras import ops

from kerasrnn.chance import uniform
from kerasrnn.layers.teacher_forcing import TeacherForcing


@keras.saving.register_keras_serializable(package="kerasrnn")
class ScheduledSampling(keras.Model):
    """Trains a model of states in, states out to read its own tokens more and more.

        y_1      y_2      y_3        logits (B, T, V)
         ↑        ↑        ↑
        h_1 ───→ h_2 ───→ h_3
         ↑        ↑        ↑         a coin a step:
        w_0   w_1 or ŵ_1  w_2 or ŵ_2     the teacher's w, or ŵ drawn from softmax(y)

    Outside training all tokens are the teacher's, and all steps run at once. In training the graph
    holds the model once for each step, which suits sentences rather than books; a cell's dropout is
    drawn anew at each step. No gradient goes through the draw.

    Args:
        model: takes [tokens (B, T), *states (B, …)], returns [logits (B, T, V), *states], for any T:
            such as `many_to_many(..., carry=True)`.
        schedule: updates done → probability of the teacher's token, such as `InverseSigmoidDecay`.
        sample: draw ŵ from the distribution; otherwise the likeliest.
        seed: of the coins and the draws.
        return_states: return the states after the last step, too.
    Call arguments:
        inputs: the teacher's tokens, one step late (B, T) int; or [tokens, *states] where the states
            to start in are not zero, as those of a picture's captioner.
    Returns:
        Logits (B, T, V), or [logits, *states].
    Raises:
        ValueError: if T is not fixed in training.
    Source: Bengio et al. 2015, arXiv:1506.03099, section 2.4.
    """

    def __init__(
        self,
        model,
        schedule,
        sample: bool = True,
        seed: int | None = None,
        return_states: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.model = model
        self.sample = sample
        self.return_states = return_states
        self.teacher = TeacherForcing(schedule, seed)
        self.built = True

    def call(self, inputs, training=None):
        tokens, *states = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        if not states:
            batch = ops.shape(tokens)[0]
            states = [ops.zeros((batch, *s.shape[1:]), s.dtype) for s in self.model.inputs[1:]]
        if training:
            outputs = self._unrolled(tokens, tuple(states))
        else:
            outputs = self.model([tokens, *states], training=False)
        return outputs if self.return_states else outputs[0]

    def _unrolled(self, tokens, states):
        batch, steps = ops.shape(tokens)
        if not isinstance(steps, int):
            raise ValueError(
                f"`inputs` must have a fixed number of steps in training, got {tokens.shape}; pad "
                "the sequences to one length."
            )
        coins = self.teacher.coins((batch, steps))
        said, own = [], tokens[:, :1]
        for t in range(steps):
            right = tokens[:, t : t + 1]
            read = ops.where(coins[:, t : t + 1], right, own) if t else right
            logits, *states = self.model([read, *states], training=True)
            said.append(logits)
            own = ops.cast(self._own(ops.stop_gradient(logits)), tokens.dtype)
        return [ops.concatenate(said, axis=1), *states]

    def _own(self, logits):
        """The next token by logits (B, 1, V): drawn from them, or the likeliest, (B, 1)."""
        if self.sample:  # the largest of logits + Gumbel noise is a draw from softmax(logits)
            noise = uniform(ops.shape(logits), self.teacher.seed_generator)
            noise = ops.maximum(noise, 1e-9)
            logits = logits - ops.cast(ops.log(-ops.log(noise)), logits.dtype)
        return ops.argmax(logits, axis=-1)

    def get_config(self):
        config = {
            "model": keras.saving.serialize_keras_object(self.model),
            "schedule": keras.saving.serialize_keras_object(self.teacher.schedule),
            "sample": self.sample,
            "seed": self.teacher.seed,
            "return_states": self.return_states,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        parts = [config.pop(name) for name in ("model", "schedule")]
        parts = [keras.saving.deserialize_keras_object(part, custom_objects) for part in parts]
        return cls(*parts, **config)
