"""A network that reads and writes strings: a prompt in, token by token out, in one graph."""

import math

import tensorflow as tf

from kerasrnn.checks import checked
from kerasrnn.decoders.beam import Beams, beam_search
from kerasrnn.decoders.draws import draws
from kerasrnn.decoders.sampling import generate
from kerasrnn.errors import UserError

SCORED_STEPS = 64  # tokens of a text that are scored at once
MOST_TOKENS = 2**24  # of all texts that are read at once, padded to the longest: 64 MB


class Writer(tf.Module):
    """A language model as a reader and writer of strings; an app's `predict` and its export are made of it.

    A subclass knows the app's tokens: it has `number` and `spell`.

    Args:
        network: [tokens (B, T), *states (B, H)] → [logits (B, T, V), *states].
        start: the token that opens an empty text.
        forbidden: bool (V,), True for tokens that are read and never written; None where there is none.
    """

    def __init__(self, network, start: int, name: str, forbidden: list[bool] | None = None):
        super().__init__(name=name)
        self.network_variables = [variable.value for variable in network.variables]
        self.state_sizes = [int(state.shape[-1]) for state in network.inputs[1:]]
        self.start = start
        self.forbidden = forbidden
        # kept out of tf.Module's sight
        self._network = lambda inputs: network(inputs, training=False)
        self.write_fast = tf.function(self.write, jit_compile=True, autograph=False)
        self.search_fast = tf.function(self.search, jit_compile=True, autograph=False)

    def number(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Strings (B,) as tokens int32 (B, P), ragged."""
        raise NotImplementedError(f"{type(self).__name__} must define `number(texts)`.")

    def spell(self, tokens: tf.Tensor, lengths: tf.Tensor, prompts: tf.Tensor) -> tf.Tensor:
        """Tokens (B, L) that follow prompts (B,) as strings (B,)."""
        raise NotImplementedError(f"{type(self).__name__} must define `spell(tokens, …)`.")

    def stop(self, text: str) -> tf.Tensor:
        """The tokens (S,) of a stop text."""
        return self.number(tf.constant([text]))[0]

    def framed(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whole texts (B,) as `read` gives them: what `score` asks the probability of."""
        return self.read(texts)

    def read(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Strings (B,) as tokens (B, P), padded with the start, which also opens an empty string.

        Returns:
            tokens int32 (B, P) and lengths int32 (B,), each at least 1.
        Raises:
            tf.errors.InvalidArgumentError: if B P is more than MOST_TOKENS.
        """
        numbers = self.number(texts)
        count = numbers.nrows() * tf.reduce_max(tf.concat([numbers.row_lengths(), [0]], 0))
        said = f"Texts, padded to the longest, must have {MOST_TOKENS} tokens at most, got {{}}."
        good = count <= MOST_TOKENS
        numbers = numbers.with_values(checked(good, tf.strings.format(said, count), numbers.values))
        tokens = tf.pad(numbers.to_tensor(self.start), [[0, 0], [0, 1]], constant_values=self.start)
        return tokens, tf.cast(tf.maximum(numbers.row_lengths(), 1), tf.int32)

    def fresh(self, rows) -> list[tf.Tensor]:
        """The states before the first token."""
        return [tf.zeros([rows, size]) for size in self.state_sizes]

    def step(self, tokens, states):
        logits, *states = self._network([tokens[:, None], *states])
        return logits[:, 0], states

    def write(self, tokens, lengths, length, temperature, top_k, top_p, uniforms, stop=None):
        """What follows each prompt: tokens int32 (B, L) and lengths (B,); see `generate`."""

        def step(tokens, states):
            logits, states = self.step(tokens, states)
            if self.forbidden is not None:
                logits = tf.where(self.forbidden, tf.constant(-math.inf, logits.dtype), logits)
            return logits, states

        return generate(
            step,
            tokens,
            lengths,
            self.fresh(tf.shape(tokens)[0]),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            uniforms=uniforms,
            stop=stop,
        )

    def search(self, tokens, lengths, length, alpha, end=-1, **options) -> Beams:
        """The likeliest texts after each prompt; `options` are those of `beam_search`."""

        def read(t, states):
            _, after = self.step(tokens[:, t], states)
            more = (t < lengths - 1)[:, None]
            return t + 1, [tf.where(more, new, old) for new, old in zip(after, states, strict=True)]

        fresh = self.fresh(tf.shape(tokens)[0])
        _, states = tf.while_loop(lambda t, _: t < tf.reduce_max(lengths) - 1, read, [0, fresh])
        last = tf.gather(tokens, lengths - 1, batch_dims=1)
        limits = {"length": length, "alpha": alpha, "end": end, "forbidden": self.forbidden}
        return beam_search(self.step, states, last, **limits, **options)

    def spell_beams(self, beams: Beams, prompts: tf.Tensor) -> tf.Tensor:
        """Strings (B, N); those beyond a row's count are empty."""
        shape = tf.shape(beams.lengths)
        tokens = tf.reshape(beams.tokens, [shape[0] * shape[1], -1])
        each = tf.repeat(prompts, shape[1])
        return tf.reshape(self.spell(tokens, tf.reshape(beams.lengths, [-1]), each), shape)

    def score(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """ln P(every token after the first | those before it), (B,), and how many they are, (B,).

        A text of any length takes the memory of SCORED_STEPS tokens' logits.
        """
        tokens, lengths = self.framed(texts)

        def body(first, total, *states):
            piece = tokens[:, first : first + SCORED_STEPS + 1]
            logits, *states = self._network([piece[:, :-1], *states])
            chances = tf.nn.log_softmax(tf.cast(logits, tf.float32))
            taken = tf.gather(chances, piece[:, 1:], batch_dims=2)
            counted = tf.sequence_mask(lengths - 1 - first, tf.shape(taken)[1])
            total += tf.reduce_sum(tf.where(counted, taken, 0.0), axis=1)
            return first + SCORED_STEPS, total, *states

        rows = tf.shape(tokens)[0]
        _, total, *_ = tf.while_loop(
            lambda first, *_: first < tf.shape(tokens)[1] - 1,
            body,
            [0, tf.zeros([rows]), *self.fresh(rows)],
        )
        return total, lengths - 1

    def answers(self, prompts: list[bytes], options) -> list:
        """What `predict` says after each prompt: `texts`, or with `options.beam` the `likeliest`."""
        if not options.beam:
            return self.texts(prompts, options)
        found = self.likeliest(prompts, options)
        return found if options.best else [texts[0]["text"] for texts in found]

    def texts(self, prompts: list[bytes], options) -> list[str]:
        """What follows each prompt, through XLA; shapes are rounded up so that few are compiled.

        Args:
            prompts: UTF-8.
            options: has length, temperature, top_k, top_p, greedy, stop and seed.
        """
        given, tokens, lengths = self._padded(prompts)
        rows = len(prompts)
        written = self.write_fast(
            tokens,
            lengths,
            tf.fill([rows], options.length),
            tf.fill([rows], 0.0 if options.greedy else options.temperature),
            tf.fill([rows], options.top_k),
            tf.fill([rows], options.top_p),
            draws([options.seed] * rows, _bucket(options.length)),
            self.stop(options.stop) if options.stop else None,
        )
        return [text.decode("utf-8") for text in self.spell(*written, given).numpy()]

    def likeliest(self, prompts: list[bytes], options) -> list[list[dict]]:
        """For each prompt the likeliest texts that follow it, best first, as {"text", "score"}; through XLA.

        Args:
            prompts: UTF-8.
            options: has length, beam, alpha, best, no_repeat and stop.
        Raises:
            UserError: if the stop text is more than one token, or no text is without repetition.
        """
        given, tokens, lengths = self._padded(prompts)
        stop = self.stop(options.stop).numpy().tolist() if options.stop else [-1]
        if len(stop) > 1:
            raise UserError(
                f"`stop` must be one token where a beam searches, got {options.stop!r}, which is "
                f"{len(stop)}; shorten it, or draw without --beam."
            )
        beams = self.search_fast(
            tokens,
            lengths,
            tf.constant(options.length),
            tf.constant(options.alpha),
            tf.constant(stop[0]),
            width=options.beam,
            nbest=max(options.best, 1),
            no_repeat_ngram=options.no_repeat,
            longest=_bucket(options.length),
        )
        if tf.reduce_any(beams.counts == 0):
            raise UserError(
                f"`no_repeat` must leave something to write, but with {options.no_repeat} the "
                f"{options.beam} beams were stuck before {options.length} tokens; raise it, or "
                "lower `length`."
            )
        texts = self.spell_beams(beams, given).numpy()
        parts = zip(texts, beams.scores.numpy(), beams.counts.numpy(), strict=True)
        return [
            [
                {"text": text.decode("utf-8"), "score": float(score)}
                for text, score in zip(row[:count], scores[:count], strict=True)
            ]
            for row, scores, count in parts
        ]

    def _padded(self, prompts: list[bytes]):
        """Prompts as strings (B,), their tokens, (B, P) with P rounded up, and lengths, (B,)."""
        given = tf.constant(prompts, tf.string)
        tokens, lengths = self.read(given)
        width = tokens.shape[1]
        return given, tf.pad(tokens, [[0, 0], [0, _bucket(width) - width]]), lengths


def show_answer(prompt: str, answer: str | list[dict]) -> str:
    """A prompt and what follows it, or each of several with its score, as a person reads them."""
    if isinstance(answer, str):
        return prompt + answer
    return "\n".join(f"{one['score']:.3f}\t{prompt}{one['text']}" for one in answer)


def _bucket(size: int) -> int:
    """The next power of two from 16."""
    return max(16, 1 << (size - 1).bit_length())
