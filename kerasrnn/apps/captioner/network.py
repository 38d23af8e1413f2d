"""The two networks behind the encoder: what an image's features become, and what writes words from that.

Axes as in `kerasrnn.shapes`; E numbers a word, F an image's vector, L places of D features each.
"""

from itertools import chain

import keras
from keras import layers, ops

from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.recall import Likeness, Recall
from kerasrnn.builders import Stack
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.builders.states import like_inputs, named_states, state_inputs, states_from
from kerasrnn.cells import get
from kerasrnn.layers import AtEachStep, Bias, Dropout, HardAttention, SoftAttention


@keras.saving.register_keras_serializable(package="kerasrnn")
class ImageAsWord(layers.Layer):
    """The image's vector in the place of each word whose number is the vocabulary's size.

    Call arguments:
        inputs: [tokens (B, T), the words' vectors (B, T, E), the image's vector (B, E)].
    Returns:
        (B, T, E).
    """

    def __init__(self, vocabulary: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = vocabulary

    def call(self, inputs):
        tokens, words, image = inputs
        return ops.where((tokens == self.vocabulary)[..., None], image[:, None], words)

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary": self.vocabulary}


def stack_of(config: Config, units: tuple[int, ...]) -> Stack:
    """Recurrent layers of these units."""
    options = cell_options(config.cell, config.cell_options, units)
    return Stack(config.cell, units=units, cell_options=options, dropout=config.dropout)


def state_sizes(config: Config, places: int | None, known: int = 0) -> dict[str, dict[str, int]]:
    """Each layer's name, and its states with their sizes; the attention's tallies, what is recalled.

    Args:
        places: of the features, where they are a grid.
        known: captions that are recalled.
    """
    states = stack_of(config, config.units).states
    if known:
        states = {"recall": {"weights": known, "place": 1}} | states
    if not config.attentive:
        return states
    sizes = {"attended": places}
    if config.image == "hard_attention":
        sizes |= {"log_chance": 1, "entropy": 1}
    return states | {"tally": sizes}


def reader(config: Config, shape: tuple[int, ...], states: dict) -> keras.Model:
    """Features (B, F) or (B, L, F) → what every step of the writer reads, then the states it starts in.

    initial_state    –            s_0 = tanh(v W_s + b_s), each state by its own W_s
    first_input      v W_v        s_0 = 0; the image is the first word
    every_step       v W_v        s_0 = 0; the image is beside each word
    recall           –            s_0 = 0; the image chooses whose captions are recalled
    soft_attention   a, a W_a + b   s_0 from the mean place, as with initial_state; so is v where
    hard_attention                      features are a grid and nothing attends

    The features are normalised first, each place by itself: encoders differ in size by a hundred times.
    With `recall` the first states are a, of `Likeness`, and 0 words read.
    """
    given = keras.Input(shape, name="features")
    normal = layers.LayerNormalization(center=False, scale=False, name="normal")(given)
    places = Dropout(config.dropout, name="dropout")(normal)
    vector = ops.mean(places, axis=1) if len(shape) == 2 else places
    own = {name: sizes for name, sizes in states.items() if name not in ("recall", "tally")}
    nothing = ops.zeros_like(vector[:, :1])
    if config.attentive:
        keys = layers.Dense(config.attention_units, name="keys")(places)
        start = list(chain(*states_from(vector, own)))
        start += [ops.repeat(nothing, size, axis=1) for size in states["tally"].values()]
        return keras.Model(given, [places, keys, *start], name="reader")
    if config.image == "initial_state":
        return keras.Model(given, list(chain(*states_from(vector, own))), name="reader")
    sizes = chain(*(sizes.values() for sizes in own.values()))
    start = [ops.repeat(nothing, size, axis=1) for size in sizes]
    if config.image == "recall":
        wide = keras.config.dtype_policy().variable_dtype
        known = states["recall"]["weights"]
        compares = {"width": config.components, "dropout": config.dropout, "dtype": wide}
        alike = Likeness(known, **compares, name="likeness")(given)
        return keras.Model(given, [alike, ops.zeros_like(alike[:, :1]), *start], name="reader")
    image = layers.Dense(config.embedding_size, use_bias=False, name="image")(vector)
    return keras.Model(given, [image, *start], name="reader")


def writer(
    config: Config, vocabulary: int, memory: list, states: dict, length: int = 0
) -> keras.Model:
    """Words in, the next words' logits out; what the reader said comes in, and states in and out.

          y_1    y_2   …   y_T          (B, T, V)   u_t E^T + b, the logits     E (V, E)
           ↑      ↑         ↑
          u_1    u_2   …   u_T          (B, T, E)   h_t P; attending, E w_{t-1} + h_t P + ẑ_t Z
           ↑      ↑         ↑
    s_0 → h_1 →  h_2 → … → h_T → s_T    (B, H)      the cell, `units` of each layer
           ↑      ↑         ↑
          w_0    w_1   …  w_{T-1}       (B, T)      rows of E, and what `image` puts beside them

    Without `tied` the output has a table of its own. With image=recall the logits
    are ln p of `Recall`, and h hears nothing of the image.

    Args:
        memory: the reader's outputs before the states.
        states: as `state_sizes` has them.
        length: of the captions that are recalled, with <start> and <end>.
    Returns:
        [words (B, T), *memory, *states (B, ·)] → [logits, *states].
    Source: the output of attention, Xu et al. 2015, arXiv:1502.03044, eq. 7.
    """
    tokens = keras.Input((None,), dtype="int32", name="words")
    heard = [
        keras.Input(m.shape[1:], dtype=m.dtype, name=f"memory_{k}") for k, m in enumerate(memory)
    ]
    into = state_inputs(states)
    recalled = into.pop(0) if "recall" in states else []
    wide = keras.config.dtype_policy().variable_dtype
    table = layers.ReversibleEmbedding(
        vocabulary, config.embedding_size, tie_weights=config.tied, reverse_dtype=wide, name="table"
    )
    drop = Dropout(config.dropout, name="dropout")
    words = table(ops.minimum(tokens, vocabulary - 1))
    x = drop(words)
    if config.attentive:
        h, out, finals = _attend(config, tokens, x, heard, into)
        h = drop(h)
        u = layers.Add(name="deep_output")([x, _dense(config, h, "of_state"), out])
    else:
        if config.image == "first_input":
            x = ImageAsWord(vocabulary, name="image_as_word")([tokens, x, *heard])
        elif config.image == "every_step":
            x = AtEachStep(name="with_image")([x, *heard])
        stack = stack_of(config, config.units)
        h, finals = stack.read(x, start=into, states=True)
        u = drop(h)
        if h.shape[-1] != config.embedding_size:
            u = _dense(config, u, "projection")
    logits = Bias(dtype=wide, name="bias")(table(u, reverse=True))
    into, finals = list(chain(recalled, *into)), list(chain(*finals))
    if recalled:
        recall = Recall(states["recall"]["weights"], length, dtype=wide, name="recall")
        logits, *after = recall([tokens, logits, *recalled])
        finals = [*after, *finals]
    return keras.Model([tokens, *heard, *into], [logits, *like_inputs(into, finals)], name="writer")


def _dense(config: Config, x, name: str):
    return layers.Dense(config.embedding_size, use_bias=False, name=name)(x)


def _attend(config: Config, tokens, x, heard, into):
    """h of the last layer (B, T, H), ẑ Z (B, T, E), and each layer's last states, the tallies last."""
    *own, tallies = into
    hard = config.image == "hard_attention"
    kind, options = (HardAttention, {"expected": config.expected}) if hard else (SoftAttention, {})
    by_input = config.attend_by == "state_and_word"
    of_cell = cell_options(config.cell, config.cell_options, config.units)
    cell = get(config.cell, config.units[0], **of_cell)
    layer = kind(cell, by_input, name="attention", **options)
    h, context, _, *finals = layer(
        [x, *heard], initial_state=[*own[0], *tallies], mask=ops.not_equal(tokens, 0)
    )
    count = len(named_states(layer.cell))
    finals, last = [finals[:count]], finals[count:]
    if len(config.units) > 1:
        stack = stack_of(config, config.units[1:])
        h, above = stack.read(h, start=own[1:], states=True, prefix="above_")
        finals += above
    return h, _dense(config, context, "of_place"), [*finals, last]


def attention(writer: keras.Model) -> keras.Model:
    """What a writer that attends looks at: its own inputs → α (B, T, L)."""
    looked = writer.get_layer("attention").output[2]
    return keras.Model(writer.inputs, looked, name="looks")


def words_cell(writer: keras.Model, config: Config):
    """The cell that reads the words step by step, of `kerasrnn.cells`; None where there is none such."""
    if config.attentive:
        return None
    layer = writer.get_layer(f"{config.cell}_1")
    ready = layer.plan((None, 1, None)).route == "step" and not layer.cell.layer_norm
    return layer.cell if ready else None


def halves(writer: keras.Model, config: Config) -> tuple[keras.Model, keras.Model | None]:
    """A writer cut behind its recurrent layers: […] → [h (B, T, H), *states], and h → logits.

    Returns:
        The writer itself and None where the logits are not of h alone, or one product of
        h (H, V) is more than those by way of the words' E numbers, h P E^T.
    """
    size, units = config.embedding_size, config.units[-1]
    vocabulary = writer.outputs[0].shape[-1]
    alone = not config.attentive and config.image != "recall"
    if not alone or units == size or vocabulary * units > size * (units + vocabulary):
        return writer, None
    h = writer.get_layer("projection").input
    return keras.Model(writer.inputs, [h, *writer.outputs[1:]]), keras.Model(h, writer.outputs[0])
