"""A network that hears on: sound comes in pieces, and what was heard goes in and out as a state."""

import tensorflow as tf
from keras import ops

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.data import Assets
from kerasrnn.apps.deepspeech.front import Front
from kerasrnn.apps.deepspeech.model import CEILING, recurrent_stack
from kerasrnn.recurrence import portable


class Stream(tf.Module):
    """A model with `streaming` over a recording that goes on, C frames late.

        new samples ─→ frames ─→ [ kept | new ] ─→ h1 … h3 ─→ h4, its states kept ─→ h5 ─→ logits ─→ letters

    A step's answer comes when the C frames after it have been heard: `late` steps later. The steps of all
    pieces are those of the whole recording, if every piece is a whole number of steps.

    Args:
        model: a trained network of deepspeech with `streaming`.
        config, assets: its own.
    """

    def __init__(self, model, config: Config, assets: Assets):
        super().__init__(name="deepspeech_stream")
        self.model_variables = [variable.value for variable in model.variables]
        self.config, self.front, self.blank = config, Front(config, assets.statistics), assets.blank
        self.late = config.context // config.stride
        self._letters = [*assets.alphabet, ""]
        self._layer = lambda name: model.get_layer(name)  # kept out of tf.Module's sight
        self._names = {layer.name for layer in model.layers}
        states = recurrent_stack(config).states
        self._states = {
            name: [f"{name}_{part}" for part in parts] for name, parts in states.items()
        }
        kept = self.late * config.stride + config.context
        state = {
            "heard": ((), tf.int32),
            "last": ((), tf.int32),
            "tail": ((self.front.held,), tf.float32),
            "frames": ((kept, config.bands), tf.float32),
        }
        for name, parts in states.items():
            state |= {f"{name}_{part}": ((size,), tf.float32) for part, size in parts.items()}
        self.state = state

    def start(self, rows) -> dict[str, tf.Tensor]:
        """The state at the start of `rows` recordings: zeros."""
        return {name: tf.zeros([rows, *shape], kind) for name, (shape, kind) in self.state.items()}

    def hear(self, audio: tf.Tensor, state: dict) -> tuple[dict, dict]:
        """Hear a recording on.

        Args:
            audio: float32 (B, n step_samples), n at least 1.
            state: as `start` or the call before gave it. heard: steps that have come. last: 1 + the letter that
                the last step said, 0 for none. tail: samples that the next frame begins with. frames: those
                that the next steps see, too. The others are the recurrent layers'.
        Returns:
            {"transcript": string (B,), the letters that n steps have added; "logits": float32 (B, n, K);
            "real": bool (B, n), False for the first `late` steps of a recording, which say nothing}, and the
            state after.
        """
        sound = tf.concat([state["tail"], audio], 1)
        answer, after = self._heard(self.front.heard(sound), state)
        return answer, after | {"tail": sound[:, tf.shape(sound)[1] - self.front.held :]}

    def finish(self, state: dict) -> dict:
        """What the last `late` steps of a recording say, behind which there is nothing; as `hear`.

        There is one step at least, which is not real where none is late.
        """
        shape = [
            tf.shape(state["heard"])[0],
            max(self.late, 1) * self.config.stride,
            self.config.bands,
        ]
        answer, _ = self._heard(tf.zeros(shape), state, ended=True)
        return answer

    def _heard(self, features: tf.Tensor, state: dict, ended: bool = False) -> tuple[dict, dict]:
        """`hear` of frames (B, n stride, F), which are none of the recording's where that has ended."""
        frames = tf.concat([state["frames"], features], 1)
        count = tf.shape(features)[1] // self.config.stride
        step = state["heard"][:, None] + tf.range(count) - self.late
        real = (step >= 0) & (step < state["heard"][:, None]) if ended else step >= 0
        logits, states = self._network(frames, real, state)
        best = tf.where(real, tf.argmax(logits, -1, tf.int32), self.blank)
        said = tf.where(state["last"] > 0, state["last"] - 1, self.blank)
        before = tf.concat([said[:, None], best[:, :-1]], 1)
        letters = tf.gather(tf.constant(self._letters), tf.where(best != before, best, self.blank))
        last = best[:, -1]
        after = {
            "heard": state["heard"] + count,
            "last": tf.where(last == self.blank, 0, last + 1),
            "frames": frames[:, tf.shape(features)[1] :],
            "tail": state["tail"],
            **states,
        }
        answer = {"transcript": tf.strings.reduce_join(letters, -1), "logits": logits, "real": real}
        return answer, after

    @portable()
    def _network(self, x: tf.Tensor, real: tf.Tensor, state: dict) -> tuple[tf.Tensor, dict]:
        """Logits (B, n, K) of frames (B, kept + n stride, F), and the recurrent layers' states."""
        after, count = {}, len(self.config.dense)
        for number in range(1, count + 1):
            x = self._clipped(x, number)
        for name, parts in self._states.items():
            x, *states = self._layer(name)(
                x, mask=real, initial_state=[state[part] for part in parts], training=False
            )
            after |= dict(zip(parts, states, strict=True))
        logits = self._layer("outputs")(self._clipped(x, count + 2))
        return tf.cast(logits, tf.float32), {k: tf.cast(v, tf.float32) for k, v in after.items()}

    def _clipped(self, x: tf.Tensor, number: int) -> tf.Tensor:
        """One layer of the network, as `deep_speech` has it."""
        z = self._layer(f"hidden_{number}")(x)
        if f"normalise_{number}" in self._names:
            z = self._layer(f"normalise_{number}")(z)
        return ops.clip(z, 0, CEILING)
