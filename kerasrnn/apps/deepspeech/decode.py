"""Logits become text, with a confidence, and with the times at which each letter is heard."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.deepspeech import search
from kerasrnn.apps.deepspeech.config import Config, Options
from kerasrnn.apps.deepspeech.data import Assets, Source
from kerasrnn.apps.deepspeech.front import Front, of_frames
from kerasrnn.data.audio import read_audio
from kerasrnn.decoders.ctc import greedy, prefix_beam
from kerasrnn.recurrence import portable

SHOWN = 60  # letters of a sample


class Listener(tf.Module):
    """The model as what writes down waveforms.

    Args:
        model: a trained network of deepspeech.
        config, assets: its own.
    """

    def __init__(self, model, config: Config, assets: Assets):
        super().__init__(name="deepspeech")
        self.model_variables = [variable.value for variable in model.variables]
        self.config, self.front = config, Front(config, assets.statistics)
        self.blank = assets.blank
        self._letters = [*assets.alphabet, ""]
        # not compiled, which it would be anew for each length; and out of tf.Module's sight
        self._network = portable()(lambda x: model(x, training=False))
        self._graphs, self._writers = {}, {}
        self._given = tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int64)
        self.heard = tf.function(self.hear, self._given, autograph=False)

    def hear(self, audio: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits float32 (B, T', K) of recordings (B, S) of `lengths` samples, and T' of each, int32 (B,)."""
        features = self.front(audio)
        frames = tf.cast(self.front.frames(lengths), tf.int32)
        features *= of_frames(frames, tf.shape(features)[1])
        logits = self._network({"features": features, "frames": frames})
        return tf.cast(logits, tf.float32), self.front.steps(frames)

    def transcriber(self, beams: int, best: int = 1):
        """`transcribe` as a graph, made once."""
        if (beams, best) not in self._graphs:
            graph = functools.partial(self.transcribe, beams=beams, best=best)
            self._graphs[beams, best] = tf.function(graph, self._given, autograph=False)
        return self._graphs[beams, best]

    def writer(self, beams: int):
        """(logits, steps) -> the likeliest texts, string (B,), as a graph, made once."""
        if beams not in self._writers:
            given = tf.TensorSpec([None, None, self.blank + 1]), tf.TensorSpec([None], tf.int32)
            graph = tf.function(
                lambda x, t: self.written(x, t, beams)["transcript"][:, 0], given, autograph=False
            )
            self._writers[beams] = graph
        return self._writers[beams]

    def transcribe(self, audio: tf.Tensor, lengths: tf.Tensor, beams: int, best: int = 1) -> dict:
        """What is said in recordings (B, S) of `lengths` samples; see `written`."""
        logits, steps = self.hear(audio, lengths)
        return self.written(logits, steps, beams, best)

    def written(self, logits: tf.Tensor, steps: tf.Tensor, beams: int, best: int = 1) -> dict:
        """The likeliest texts of logits (B, T', K), of which the first `steps` (B,) count.

        Returns:
            transcript: string (B, best), the likeliest first.
            confidence: float32 (B, best), P(text | recording), as far as the search has summed it up.
            timestamps: float32 (B, best, N, 2), seconds at which each letter begins and ends to be heard; -1
                behind the last; N is at least 1.
        """
        if beams == 1 and best == 1:
            path = greedy(logits, steps, self.blank)
        else:
            path = prefix_beam(logits, steps, self.blank, max(beams, best), best)
        most = tf.maximum(tf.reduce_max(path.lengths), 1)
        symbols = path.symbols[..., :most]
        there = symbols >= 0
        letters = tf.gather(tf.constant(self._letters), tf.where(there, symbols, self.blank))
        times = tf.cast(tf.stack([path.starts, path.ends + 1], -1)[..., :most, :], tf.float32)
        return {
            "transcript": tf.strings.reduce_join(letters, -1),
            "confidence": tf.exp(path.log_probabilities),
            "timestamps": tf.where(there[..., None], times * self.config.step_seconds, -1.0),
        }


@functools.lru_cache(maxsize=1)
def listener(model, config: Config, assets: Assets) -> Listener:
    """The last model's listener, kept so that its graphs are made once."""
    return Listener(model, config, assets)


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """What is said in each audio file: {"transcript", "confidence", "words"}, and "alternatives" with best > 1.

    A language model, a lexicon or hot words are searched with on the host (`search`), else all is in graph.

    Raises:
        UserError: if a file cannot be read, or lasts over ten minutes.
    """
    heard = listener(model, config, assets)
    beams = options.beam or config.beams
    searched, answers = search.wanted(options), []
    for path in inputs:
        sound = read_audio(Path(path), config.rate)
        given = tf.constant(sound[None]), tf.constant([len(sound)], tf.int64)
        if searched:
            logits, steps = (part.numpy() for part in heard.heard(*given))
            answers += search.answers(logits, steps, config, assets, options)
            continue
        found = heard.transcriber(beams, options.best)(*given)
        answers.append(answer({name: value.numpy()[0] for name, value in found.items()}))
    return answers


def answer(found: dict) -> dict:
    """One recording's texts, as `predict` gives them; confidences and seconds to three places."""
    texts = [text.decode() for text in found["transcript"]]
    sure = [round(float(value), 3) for value in found["confidence"]]
    made = {
        "transcript": texts[0],
        "confidence": sure[0],
        "words": words(texts[0], found["timestamps"][0]),
    }
    if len(texts) > 1:
        pairs = zip(texts[1:], sure[1:], strict=True)
        # there may be fewer texts than were asked for: behind the last stand empty ones
        made["alternatives"] = [{"transcript": t, "confidence": c} for t, c in pairs if t or c]
    return made


def words(text: str, times: np.ndarray) -> list[dict]:
    """Each word with the seconds between which its letters (N, 2) are heard."""
    found, place = [], 0
    for word in text.split(" "):
        if word:
            begin, end = times[place, 0], times[place + len(word) - 1, 1]
            found.append(
                {"word": word, "begin": round(float(begin), 3), "end": round(float(end), 3)}
            )
        place += len(word) + 1
    return found


def show(path: str, answer: dict) -> str:
    """A file's name and its answer, as a person reads them."""
    return f"{path}: {answer}"


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> what the model hears in a validation clip, by now, and what is said."""
    utterances = source.splits["valid"]
    heard = Listener(model, config, assets)
    place = int(np.argsort(utterances.sounds.lengths, kind="stable")[len(utterances) // 2])
    sound = utterances.sounds[place]
    given = tf.constant(sound[None]), tf.constant([len(sound)], tf.int64)

    def sample() -> str:
        found = heard.transcriber(1)(*given)["transcript"].numpy()[0, 0].decode()
        return f"{utterances.texts[place][:SHOWN]!r} is heard as {found[:SHOWN]!r}"

    return sample
