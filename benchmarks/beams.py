"""Beam search contenders over one captioner-like decoder: an LSTM that reads its own words."""

import numpy as np
import tensorflow as tf

from kerasrnn.builders import many_to_many
from kerasrnn.decoders import beam_search

START = 0  # token


class Decoder:
    """An untrained decoder, whose weights do not change speed, and a batch of first states.

    No word ends a caption: all contenders write `length` words.
    """

    def __init__(self, units: int, vocabulary: int, rows: int, width: int, length: int):
        self.rows, self.width, self.length, self.vocabulary = rows, width, length, vocabulary
        self.network = many_to_many(
            "lstm",
            units=units,
            classes=vocabulary,
            inputs="embedding",
            vocabulary=vocabulary,
            embedding_size=units,
            carry=True,
        )
        rng = np.random.default_rng(0)
        self.states = [rng.normal(size=(rows, units)).astype(np.float32) for _ in "hc"]

    def step(self, tokens, states):
        logits, *states = self.network([tokens[:, None], *states], training=False)
        return logits[:, 0], states

    def in_graph(self):
        """Ours: the whole search in one compiled graph."""
        search = tf.function(self._search, jit_compile=True, autograph=False)
        first, states = tf.fill([self.rows], START), [tf.constant(s) for s in self.states]
        return lambda: search(first, states).tokens.numpy()

    def _search(self, first, states):
        return beam_search(self.step, states, first, width=self.width, length=self.length)

    def batched(self):
        """A Python loop over a compiled step of all beams of all images."""

        @tf.function(jit_compile=True, autograph=False)
        def step(tokens, states):
            logits, states = self.step(tokens, states)
            return tf.nn.log_softmax(logits), states

        def write():
            def advance(tokens, states):
                chances, states = step(tf.constant(tokens), [tf.constant(s) for s in states])
                return chances.numpy(), [state.numpy() for state in states]

            return _by_hand(advance, self.states, self.width, self.length)

        return write

    def predicted(self, rows: int):
        """The usual loop: one image at a time, one `model.predict` for each step of its beams."""

        def advance(tokens, states):
            logits, *states = self.network.predict([tokens[:, None], *states], verbose=0)
            shifted = logits[:, 0] - logits.max(axis=-1)
            return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), states

        def write():
            for row in range(rows):
                mine = [state[row : row + 1] for state in self.states]
                _by_hand(advance, mine, self.width, self.length)

        return write


def _by_hand(advance, states, width: int, length: int) -> list[list[tuple[float, list[int]]]]:
    """Beam search as it is usually written: for each image the (ln P, words), best first."""
    rows = len(states[0])
    states = [np.repeat(state, width, axis=0) for state in states]
    tokens = np.full(rows * width, START, np.int32)
    live = [[(0.0, [])] + [(-np.inf, [])] * (width - 1) for _ in range(rows)]
    for _ in range(length):
        chances, states = advance(tokens, states)
        parents = []
        for row in range(rows):
            total = np.array([score for score, _ in live[row]])[:, None]
            total = (total + chances[row * width : (row + 1) * width]).ravel()
            best = np.argpartition(-total, width)[:width]
            alive = []
            for place in best[np.argsort(-total[best])]:
                beam, token = divmod(int(place), chances.shape[1])
                alive.append((float(total[place]), [*live[row][beam][1], token]))
                parents.append(row * width + beam)
            live[row] = alive
        states = [state[parents] for state in states]
        tokens = np.array([beam[1][-1] for beams in live for beam in beams], np.int32)
    return live
