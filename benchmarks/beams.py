"""Beam search contenders over one captioner, `small` but for its sizes."""

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.apps.captioner import PRESETS, build
from kerasrnn.apps.captioner.data import END, PAD, SPECIAL, START, UNKNOWN, Assets
from kerasrnn.apps.captioner.decode import Speaker
from kerasrnn.settings import replace

FEATURES = 256  # numbers of an image


class Decoder:
    """An untrained captioner, whose weights do not change speed, and the features of a batch of images.

    `<end>` is made so unlikely that no caption ends before `length` words.
    """

    def __init__(self, units: int, vocabulary: int, rows: int, width: int, length: int):
        self.rows, self.width, self.length = rows, width, length
        self.units, self.vocabulary = units, vocabulary
        rare = (f"word {k}" for k in range(vocabulary - len(SPECIAL)))
        assets = Assets((*SPECIAL, *rare), length)
        config = replace(PRESETS["small"], units=(units,))
        self.model = build(config, assets)
        (bias,) = self.model.writer.get_layer("bias").weights
        bias.assign(-30.0 * (np.arange(vocabulary) == END))
        self.speaker = Speaker(self.model, config, assets)
        self.features = keras.random.normal((rows, FEATURES), seed=0)

    def in_graph(self):
        """Ours: the whole search in one compiled graph."""
        search = tf.function(self.speaker.search, jit_compile=True, autograph=False)
        return lambda: search({"features": self.features}, self.width).tokens.numpy()

    def products(self):
        """No search: only h U and the words' scores of all its steps, which any search must compute."""
        lstm = keras.random.normal((self.units, 4 * self.units), seed=1)
        words = keras.random.normal((self.units, self.vocabulary), seed=2)

        @tf.function(jit_compile=True, autograph=False)
        def multiply(h):
            def body(t, h, seen):
                scores = tf.matmul(h, words)[:, :1]
                return t + 1, tf.matmul(h + scores, lstm)[:, : self.units], seen + scores

            loop = [0, h, tf.zeros([self.rows * self.width, 1])]
            return tf.while_loop(lambda t, *_: t < self.length, body, loop)[1:]

        states = tf.zeros([self.rows * self.width, self.units])
        return lambda: multiply(states)[1].numpy()

    def batched(self):
        """A Python loop over a compiled step of all beams of all images, which are kept in lists."""

        @tf.function(jit_compile=True, autograph=False)
        def step(tokens, memory, states):
            logits, *states = self.model.writer([tokens[:, None], *memory, *states])
            return tf.nn.log_softmax(logits[:, 0]), states

        def write():
            memory, states = self.model.begin(self.features)
            memory = [tf.repeat(one, self.width, axis=0) for one in memory]

            def advance(tokens, states):
                chances, states = step(tf.constant(tokens), memory, list(map(tf.constant, states)))
                return chances.numpy(), [state.numpy() for state in states]

            return self._by_hand(advance, [state.numpy() for state in states])

        return write

    def predicted(self, rows: int):
        """The usual loop: one image at a time, one `model.predict` for each step of its beams."""

        def write():
            for row in range(rows):
                memory, states = self.model.begin(self.features[row : row + 1])
                memory = [np.repeat(one, self.width, axis=0) for one in memory]

                def advance(tokens, states, memory=memory):
                    inputs = [tokens[:, None], *memory, *states]
                    logits, *states = self.model.writer.predict(inputs, verbose=0)
                    shifted = logits[:, 0] - logits.max(axis=-1)
                    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), states

                self._by_hand(advance, [state.numpy() for state in states])

        return write

    def _by_hand(self, advance, states) -> list[list[tuple[float, list[int]]]]:
        """Beam search as it is usually written: for each image the (ln P, words), best first."""
        width, rows = self.width, len(states[0])
        states = [np.repeat(state, width, axis=0) for state in states]
        searches = [_Search(width, self.length) for _ in range(rows)]
        while not all(search.done for search in searches):
            tokens = np.int32([words[-1] for search in searches for _, words in search.live])
            chances, states = advance(tokens, states)
            chances[:, [PAD, START, UNKNOWN]] = -np.inf
            parents = []
            for row, search in enumerate(searches):
                own = slice(row * width, (row + 1) * width)
                parents += [row * width + beam for beam in search.advance(chances[own])]
            states = [state[parents] for state in states]
        return [[(score, words[1:]) for score, words in search.found] for search in searches]


class _Search:
    """One image's live captions and its found ones."""

    def __init__(self, width: int, length: int):
        self.width, self.length, self.done, self.found = width, length, False, []
        self.live = [(0.0, [START])] + [(-np.inf, [START])] * (width - 1)

    def advance(self, chances: np.ndarray) -> list[int]:
        """Each next live caption's parent, after ln p (K, V) of the words that may follow."""
        if self.done:
            return list(range(self.width))
        total = (np.array([score for score, _ in self.live])[:, None] + chances).ravel()
        best = np.argpartition(-total, 2 * self.width)[: 2 * self.width]
        alive, parents = [], []
        for rank, place in enumerate(best[np.argsort(-total[best])]):
            beam, token = divmod(int(place), chances.shape[1])
            score, words = float(total[place]), [*self.live[beam][1], token]
            if token == END or len(words) > self.length:
                self.found += [(score, words)] if rank < self.width else []
            elif len(alive) < self.width:
                alive.append((score, words))
                parents.append(beam)
        self.found = sorted(self.found, reverse=True)[: self.width]
        full = len(self.found) == self.width
        self.done = not alive or (full and self.found[-1][0] >= alive[0][0])
        self.live = alive or self.live
        return parents or list(range(self.width))
