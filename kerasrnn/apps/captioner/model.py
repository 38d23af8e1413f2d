"""The model: an encoder of images, and what reads its features and writes words."""

import keras
from keras import ops

from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.data import Assets
from kerasrnn.apps.captioner.encoders import encoder
from kerasrnn.apps.captioner.features import frozen
from kerasrnn.apps.captioner.network import reader, state_sizes, writer
from kerasrnn.layers.attention import doubly_stochastic, reinforced
from kerasrnn.layers.teacher_forcing import InverseSigmoidDecay
from kerasrnn.training.optimizers import optimizer
from kerasrnn.training.scheduled_sampling import ScheduledSampling

KEPT = 0.9  # of the hard attention's baseline, at an update


@keras.saving.register_keras_serializable(package="kerasrnn")
class Captioner(keras.Model):
    """Says what is to be seen (deck 004, "Image Caption Generator").

        image ─→ encoder ─→ features ─→ reader ─→ memory, s_0 ─→ writer ─→ logits of the words
                                                                   ↑
                                                            <start> w_1 w_2 …

    Args:
        encoder: uint8 (B, S, S, 3) → features (B, F) or (B, L, F).
        reader: features → [*memory, *states].
        writer: [words (B, T), *memory, *states] → [logits (B, T, V), *states].
        first: a word's number that stands for the image and is read before all others; or None.
        scheduled_sampling: k of the inverse sigmoid decay, in updates; 0 is off.
        penalties: λ of the doubly stochastic penalty, λ_r and λ_e of hard attention.
    Call arguments:
        inputs: {"image" uint8 (B, S, S, 3) or "features" (B, …), "words" int32 (B, T)}.
    Returns:
        {"logits": (B, T, V)}, and what attention tallies: "attended" (B, L), "log_chance" and
        "entropy" (B, 1).

    The loss is in nats a word: of all words in the batch, and so are the penalties, that λ is the
    paper's beside the sum over a caption.
    """

    loss_reduction = "mean_with_sample_weight"  # for `kerasrnn.training.shared_step`

    def __init__(self, encoder, reader, writer, first, scheduled_sampling, penalties, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.reader, self.writer = encoder, reader, writer
        self.first, self.scheduled_sampling = first, scheduled_sampling
        self.penalties = list(penalties)
        self.sampler = None
        names = [tensor.name for tensor in writer.inputs]
        self.heard = sum(name.startswith("memory_") for name in names)
        if scheduled_sampling:
            inputs, (logits, *states) = writer.inputs, writer.outputs
            chain = keras.Model(inputs, [logits, *inputs[1 : 1 + self.heard], *states])
            schedule = InverseSigmoidDecay(scheduled_sampling)
            self.sampler = ScheduledSampling(chain, schedule, return_states=True)
        self.tallies = [name.removeprefix("tally_") for name in names if name.startswith("tally_")]
        self.baseline = self.add_weight((), "zeros", trainable=False, name="baseline")
        self.built = True

    def features(self, inputs, training=None):
        """What the encoder makes of the images, unless it comes ready."""
        if "features" in inputs:
            return inputs["features"]
        return self.encoder(inputs["image"], training=bool(training) and self.encoder.trainable)

    def begin(self, features, training=None) -> tuple[list, list]:
        """The memory that every step reads, and the states before <start>."""
        said = self.reader(features, training=training)
        said = said if isinstance(said, list) else [said]
        # the writer's own kinds, which a loop over it keeps, at half precision too
        taken = self.writer.inputs[1:]
        said = [ops.cast(one, into.dtype) for one, into in zip(said, taken, strict=True)]
        memory, states = said[: self.heard], said[self.heard :]
        if self.first is not None:
            image = ops.full((ops.shape(features)[0], 1), self.first, "int32")
            _, *states = self.writer([image, *memory, *states], training=training)
        return memory, states

    def call(self, inputs, training=None):
        memory, states = self.begin(self.features(inputs, training), training)
        network = self.sampler if self.sampler and training else self.writer
        logits, *states = network([inputs["words"], *memory, *states], training=training)
        tallies = states[len(states) - len(self.tallies) :]
        return {"logits": logits, **dict(zip(self.tallies, tallies, strict=True))}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        crossed = keras.losses.sparse_categorical_crossentropy(
            y, y_pred["logits"], from_logits=True
        )
        weights = ops.cast(y != 0 if sample_weight is None else sample_weight, crossed.dtype)
        likelihood = -ops.sum(weights * crossed, axis=1)  # ln p(y | image), (B,)
        gain = likelihood
        spread, reinforce, entropy = self.penalties
        counted = ops.cast(ops.any(weights > 0, axis=1), crossed.dtype)
        if spread:
            gain -= spread * counted * doubly_stochastic(y_pred["attended"])
        if "log_chance" in y_pred and training:
            drawn = y_pred["log_chance"][:, 0], y_pred["entropy"][:, 0]
            gain += counted * reinforced(*drawn, likelihood, self.baseline, reinforce, entropy)
            mean = ops.sum(likelihood) / ops.maximum(ops.sum(counted), 1)
            self.baseline.assign(KEPT * self.baseline + (1 - KEPT) * mean)
        return sum(self.losses) - ops.sum(gain) / ops.maximum(ops.sum(weights), 1)

    def get_config(self):
        parts = {"encoder": self.encoder, "reader": self.reader, "writer": self.writer}
        config = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        config |= {"first": self.first, "scheduled_sampling": self.scheduled_sampling}
        return {**super().get_config(), **config, "penalties": self.penalties}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in ("encoder", "reader", "writer"):
            config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


def build(config: Config, assets: Assets) -> Captioner:
    """A compiled model; its encoder learns unless it has weights of its own and `fine_tune` is off."""
    looks = encoder(config)
    looks.trainable = not frozen(config)
    shape, vocabulary = looks.output_shape[1:], len(assets.vocabulary)
    known = 0 if assets.examples is None else len(assets.examples.words)
    states = state_sizes(config, shape[0] if len(shape) == 2 else None, known)
    reads = reader(config, shape, states)
    count = len(reads.outputs) - sum(map(len, states.values()))
    penalties = (
        config.doubly_stochastic if config.attentive else 0.0,
        config.reinforce,
        config.entropy,
    )
    model = Captioner(
        looks,
        reads,
        writer(config, vocabulary, reads.outputs[:count], states, assets.length + 2),
        first=vocabulary if config.image == "first_input" else None,
        scheduled_sampling=config.scheduled_sampling,
        penalties=penalties,
        name="captioner",
    )
    if known:
        reads.get_layer("likeness").know(assets.examples.features)
        model.writer.get_layer("recall").know(assets.examples.words)
    by = optimizer(config, plain=["table/", "bias/"])
    model.compile(by, jit_compile=config.xla)
    return model
