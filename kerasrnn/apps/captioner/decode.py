"""Logits become captions: the likeliest words, drawn ones, or the best of many beams, in one graph."""

import functools
from pathlib import Path

import tensorflow as tf

from kerasrnn.apps.captioner.config import Config, Options
from kerasrnn.apps.captioner.data import END, PAD, START, UNKNOWN, Assets, pictures
from kerasrnn.apps.captioner.network import attention, halves, words_cell
from kerasrnn.data.captions import Source
from kerasrnn.data.images import decode_image, fit, read_image
from kerasrnn.decoders import beam_search, draws, generate, step_ahead
from kerasrnn.errors import UserError


class Speaker(tf.Module):
    """The model as what looks at images and says what it sees. It never writes <unk>.

    Args:
        model: a trained captioner.
        config, assets: its own.
    """

    def __init__(self, model, config: Config, assets: Assets):
        super().__init__(name="captioner")
        self.model_variables = [variable.value for variable in model.variables]
        self.spell = assets.spell
        self.config, self.length = config, assets.length
        self._unwritten = [k in (PAD, START, UNKNOWN) for k in range(len(assets.vocabulary))]
        self._begin = lambda x: model.begin(model.features(x))  # kept out of tf.Module's sight
        self._writer = functools.partial(model.writer, training=False)
        cell = words_cell(model.writer, config)
        self._ahead = cell and functools.partial(_ahead, model.writer, cell, config)
        looks = attention(model.writer) if config.attentive else None
        self._looks = lambda inputs: looks(inputs, training=False)
        self.searched = tf.function(self.search, autograph=False, reduce_retracing=True)
        self.drawn = tf.function(self.draw, autograph=False, reduce_retracing=True)
        self.looked = tf.function(self.look, autograph=False, reduce_retracing=True)

    def see(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """Files' contents (B,) as the encoder's images, uint8 (B, S, S, 3).

        Two at a time: an image may have 40 megapixels before it is made small.
        """
        size = self.config.image_size
        return tf.map_fn(
            lambda one: fit(decode_image(one), size),
            image_bytes,
            parallel_iterations=2,
            fn_output_signature=tf.TensorSpec([size, size, 3], tf.uint8),
        )

    def _step(self, memory, rows: int | None, width: int, steps: int):
        """One step of `width` captions of each of so many images, in a loop of so many steps."""
        read = (rows or 1) * width * steps  # words
        if self._ahead and len(self._unwritten) <= read:
            return self._ahead(read, memory, width)
        memory = [tf.repeat(one, width, axis=0) for one in memory]

        def step(tokens, states):
            logits, *states = self._writer([tokens[:, None], *memory, *states])
            return logits[:, 0], states

        return step

    def search(self, x: dict, width: int, alpha=0.0, no_repeat: int = 0, length: int = 0):
        """The likeliest captions of images or features, as `kerasrnn.decoders.Beams`."""
        memory, states = self._begin(x)
        length = length or self.length  # the last word needs no end behind it
        return beam_search(
            self._step(memory, states[0].shape[0], width, length),
            states,
            tf.fill(tf.shape(states[0])[:1], START),
            width=width,
            length=length,
            end=END,
            alpha=alpha,
            min_length=1,
            no_repeat_ngram=no_repeat,
            forbidden=self._unwritten,
        )

    def draw(self, x: dict, uniforms, temperature, top_k, top_p):
        """One caption of each, word by word: tokens (B, L) for uniforms (B, L)."""
        memory, states = self._begin(x)
        step = self._step(memory, states[0].shape[0], 1, uniforms.shape[1] or 1)
        numbers = tf.range(len(self._unwritten))

        def allowed(tokens, states):
            logits, states = step(tokens, states)
            # a caption has a word, as those of `search` have
            barred = self._unwritten | ((tokens[:, None] == START) & (numbers == END))
            return tf.where(barred, tf.float32.min, tf.cast(logits, tf.float32)), states

        ones = tf.ones(tf.shape(states[0])[:1], tf.int32)
        return generate(
            allowed,
            ones[:, None] * START,
            ones,
            states,
            length=tf.shape(uniforms)[1],
            uniforms=uniforms,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=[END],
        )[0]

    def look(self, x: dict, tokens: tf.Tensor) -> tf.Tensor:
        """Where an attending model looks for each token of captions (B, T): (B, T, L), sums of 1 or 0."""
        memory, states = self._begin(x)
        read = tf.concat([tf.fill(tf.shape(tokens[:, :1]), START), tokens[:, :-1]], axis=1)
        return self._looks([read, *memory, *states]) * tf.cast(tokens != PAD, tf.float32)[..., None]

    def answer(self, x: dict, options: Options) -> list:
        """As `predict`."""
        if options.beam:
            length = options.length or self.length
            found = self.searched(x, options.beam, options.alpha, options.no_repeat, length)
            if tf.reduce_any(found.counts == 0):
                raise UserError(
                    f"`no_repeat` must leave something to write, but with {options.no_repeat} the "
                    f"{options.beam} beams were stuck before {length} words; raise it."
                )
            captions, scores = self.spell(found.tokens).numpy(), found.scores.numpy().tolist()
            rows = zip(captions, scores, found.counts.numpy(), strict=True)
            return [_nbest(texts[:count], row[:count]) for texts, row, count in rows]
        rows = len(next(iter(x.values())))
        uniforms = draws([options.seed] * rows, options.length or self.length)
        tokens = self.drawn(x, uniforms, options.temperature, options.top_k, options.top_p)
        return [text.decode() for text in self.spell(tokens).numpy()]


def _ahead(writer, cell, config: Config, read: int, memory, width: int):
    """`step_ahead` of a writer, in a loop that reads so many words; its readout is made ahead for as many."""
    until, beyond = halves(writer, config) if config.units[-1] <= read else (writer, None)
    return step_ahead(until, cell, memory, width, beyond)


def _nbest(captions, scores) -> dict:
    captions = [caption.decode() for caption in captions]
    return {"caption": captions[0], "captions": captions, "scores": scores}


@functools.lru_cache(maxsize=1)
def speaker(model, config: Config, assets: Assets) -> Speaker:
    """The last model's speaker, kept so that its graphs are made once."""
    return Speaker(model, config, assets)


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """A caption of each image file; with `options.beam`, {"caption", "captions", "scores"}, best first.

    Raises:
        UserError: if a file cannot be read, or holds no image.
    """
    if not all(isinstance(path, str) for path in inputs):
        raise UserError("Each input must be the path of an image file.")
    said, answers = speaker(model, config, assets), []
    for first in range(0, len(inputs), config.batch_size):
        some = inputs[first : first + config.batch_size]
        images = tf.stack([read_image(Path(path), config.image_size) for path in some])
        answers += said.answer({"image": images}, options)
    return answers


def show(path: str, answer: str | dict) -> str:
    """An image's name and what is said of it, as a person reads them."""
    if isinstance(answer, str):
        return f"{path}: {answer}"
    lines = zip(answer["scores"], answer["captions"], strict=True)
    return "\n".join([f"{path}:", *(f"{score:9.3f}  {caption}" for score, caption in lines)])


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> what the model says by now of the first image that it is judged on."""
    said = Speaker(model, config, assets)
    _, images = pictures(source, config, "valid")
    first = {name: rows[:1] for name, rows in next(iter(images.one_pass())).items()}
    return lambda: said.answer(first, Options())[0]
