"""The exported graph: a seed in, a WAV file out; and one step, its state in and out."""

import tensorflow as tf

from kerasrnn.apps.wavenet.config import LONGEST, Config
from kerasrnn.apps.wavenet.data import Assets
from kerasrnn.apps.wavenet.decode import as_pcm
from kerasrnn.apps.wavenet.timing import HOP, timed_rows, timing
from kerasrnn.decoders import draws
from kerasrnn.decoders.sounds import SoundWriter
from kerasrnn.export.questions import first_question
from kerasrnn.layers.companding import silence


class Endpoint(SoundWriter):
    """What the export holds.

    Args:
        model: a trained network.
        config, assets: its own.
    """

    def __init__(self, model, config: Config, assets: Assets):
        super().__init__(model, "wavenet")
        self.config, self._classes = config, list(assets.classes)
        self.states = self._state_specs()

    def _state_specs(self) -> list[tf.TensorSpec]:
        """Each state's shape, None where the rows are."""
        one, two = (self.start(rows)[1] for rows in (1, 2))
        return [
            tf.TensorSpec(
                [None if a != b else a for a, b in zip(x.shape, y.shape, strict=True)],
                x.dtype,
                f"state_{number}",
            )
            for number, (x, y) in enumerate(zip(one, two, strict=True))
        ]

    def kinds(self, named: dict) -> dict:
        """{"class_name": string (B,)} as {"class": int32 (B,)}; a name that is none is refused."""
        if not self._classes:
            return {}
        same = named["class_name"][:, None] == tf.constant(self._classes)
        said = f"`class_name` must be one of {', '.join(self._classes)}."
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(tf.reduce_any(same, 1)), [said])]
        ):
            return {"class": tf.argmax(tf.identity(same), axis=1, output_type=tf.int32)}

    def sound(self, seed, samples, temperature, named: dict) -> tf.Tensor:
        """16-bit PCM WAV files, string (B,)."""
        rows, context = tf.shape(seed)[0], self.config.context
        samples = tf.clip_by_value(samples, 1, LONGEST)
        inputs = self.kinds(named)
        if self.config.timed:
            begun, ends = tf.fill([rows], context), tf.fill([rows], context + samples)
            count = (context + samples) // HOP + 1
            inputs["local"] = timed_rows(0, count, begun, ends, self.config.rate)
        y = self.conditions(inputs)
        codes, states = self.read(tf.fill([rows, context], silence()), *self.start(rows), y)
        uniforms = draws(seed, samples)
        codes, _, _ = self.write(codes, states, uniforms, temperature, y)
        return tf.map_fn(self._file, codes, fn_output_signature=tf.string)

    def _file(self, codes: tf.Tensor) -> tf.Tensor:
        audio = tf.cast(as_pcm(codes), tf.float32) / 32768  # encode_wav multiplies by it and cuts
        return tf.audio.encode_wav(audio[:, None], self.config.rate)


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: seed int32 (B,), samples int32 scalar (at most 80,000), temperature float32 scalar, and
        where there are classes class_name string (B,) → audio_bytes string (B,), WAV files of 16-bit PCM.
    step: code int32 (B,), the sample before, and class_name → logits float32 (B, 256) of the next code; the
        states state_0 … go in and come out by the same names, at first as `start` gives them. Of a timed model
        also `since` and `left`, float32 (B,): seconds since the sound began and until it ends.
    start: rows int32 scalar → code int32 (B,), silence, and the states before the first sample.
    """
    served = Endpoint(model, config, assets)
    kind = {"class_name": tf.TensorSpec([None], tf.string, "class_name")} if assets.classes else {}
    times = [tf.TensorSpec([None], tf.float32, name) for name in ("since", "left")]
    held = {spec.name: spec for spec in served.states}

    @tf.function(autograph=False)
    def serving_default(seed, samples, temperature, **named):
        return {"audio_bytes": served.sound(seed, samples, temperature, named)}

    @tf.function(autograph=False)
    def step(code, **given):
        inputs = served.kinds(given)
        if config.timed:
            inputs["local"] = timing(given["since"], given["left"])[:, None]
        y = served.conditions(inputs)
        logits, states = served.step(
            code, [given[name] for name in held], None if y is None else y[0]
        )
        return {"logits": logits} | dict(zip(held, states, strict=True))

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, "rows")], autograph=False)
    def start(rows):
        code, states = served.start(rows)
        return {"code": code} | dict(zip(held, states, strict=True))

    return {
        "serving_default": serving_default.get_concrete_function(
            seed=tf.TensorSpec([None], tf.int32, "seed"),
            samples=tf.TensorSpec([], tf.int32, "samples"),
            temperature=tf.TensorSpec([], tf.float32, "temperature"),
            **kind,
        ),
        "step": step.get_concrete_function(
            code=tf.TensorSpec([None], tf.int32, "code"),
            **kind,
            **({spec.name: spec for spec in times} if config.timed else {}),
            **held,
        ),
        "start": start,
        "module": served,
    }


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export: one sound, several, the states to begin with, and a step."""
    names = list(assets.classes)
    asked = []
    for seeds in ([1], [0, -7, 123456]):
        inputs = {"seed": seeds, "samples": 40, "temperature": 1.0}
        if names:
            inputs["class_name"] = [names[seed % len(names)] for seed in seeds]
        asked.append({"signature": "serving_default", "inputs": inputs})
    step = first_question(endpoint, "step", **({"class_name": names[:1]} if names else {}))
    return [*asked, {"signature": "start", "inputs": {"rows": 2}}, step]
