"""Every number of the captioner, with its unit."""

from dataclasses import dataclass

from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.settings import check_numbers, choice, positive, unit_interval, within
from kerasrnn.training.learning import LearningConfig

ENCODERS = ("tiny", "vgg16", "vgg19", "mobilenet")
ATTENTIVE = ("soft_attention", "hard_attention")
IMAGES = ("initial_state", "first_input", "every_step", *ATTENTIVE, "recall")
MOST_WORDS = 10_000  # of a caption
MOST_BEAMS = 100  # that one caption may be searched with


@dataclass(frozen=True)
class Config(LearningConfig):
    """A captioner and how it is trained."""

    encoder: str = "tiny"  # tiny, vgg16, vgg19 or mobilenet
    weights: str = "none"  # of the encoder: none (random), imagenet, hed, or a file of them
    features: str = "vector"  # of an image: one vector, or a grid of them, one a place
    image_size: int = 64  # pixels, both sides of what the encoder sees
    fine_tune: bool = False  # whether an encoder with weights of its own learns, too
    language: str = "en"  # of the captions, where the data has several
    min_count: int = 1  # times that a word of the vocabulary stands in the training captions
    max_vocabulary: int = 10_000  # words told apart, the commonest; the rest is <unk>
    max_words: int = 20  # of a caption; a longer one is cut there
    images: int = 0  # at most so many are used; 0 uses all

    image: str = "initial_state"  # how the words hear of the image; README.md tells the six ways
    cell: str = "lstm"  # a name of `kerasrnn.cell_names`; docs/cells.md tells what each is
    cell_options: tuple[str, ...] = ()  # key=value each, such as tau=4; see docs/cells.md
    units: tuple[int, ...] = (128,)  # H of each layer, from the words up; the first one attends
    embedding_size: int = 128  # numbers a word
    attend_by: str = "state_and_word"  # what asks for a place; the paper's is state, h_{t-1} alone
    attention_units: int = 64  # A, of the layer that compares the state with a place
    tied: bool = True  # whether the output layer's weights are the table of the words that are read
    dropout: float = 0.0  # share dropped of features, words, between layers and before the output
    doubly_stochastic: float = 0.0  # λ of Σ_l (1 - Σ_t α_tl)²: each place is looked at once in all
    reinforce: float = 1.0  # λ_r of hard attention: how much the reward teaches where to look
    entropy: float = 0.01  # λ_e, nats of the places' distribution, rewarded with hard attention
    expected: float = 0.5  # share of images whose places are averaged in training, not drawn
    scheduled_sampling: float = 0.0  # k of the inverse sigmoid decay, in updates; 0 is off
    components: int = 128  # R, numbers by which image=recall compares images, the principal ones
    beams: int = 3  # beams that captions are judged with; 1 is greedy

    xla: bool = False  # compile the whole training step: longer to begin, faster after

    def __post_init__(self):
        super().__post_init__()
        choice("encoder", self.encoder, ENCODERS)
        choice("features", self.features, ("vector", "grid"))
        choice("image", self.image, IMAGES)
        choice("attend_by", self.attend_by, ("state", "state_and_word"))
        choice("cell", self.cell, CELL_NAMES)
        self._check_numbers()
        if self.attentive and self.features != "grid":
            raise ValueError(
                f"`features` must be grid with image={self.image}, which looks at one place after "
                f"the other, got {self.features}."
            )
        if self.cell == "output_rnn":
            raise ValueError(
                "`cell` must leave the answer to the table of words; output_rnn does not."
            )
        if self.image == "recall" and (self.weights == "none" or self.fine_tune):
            raise ValueError(
                "`image` must be another than recall, which knows images by heart, where the encoder "
                f"learns: with weights={self.weights} and fine_tune={self.fine_tune}."
            )
        if self.scheduled_sampling and self.scheduled_sampling < 1:
            raise ValueError(
                f"`scheduled_sampling` must be 0 or at least 1, got {self.scheduled_sampling}."
            )

    def _check_numbers(self):
        sizes = ("units", "image_size", "min_count", "max_words", "embedding_size", "beams")
        weights = ("images", "doubly_stochastic", "reinforce", "entropy")
        check_numbers(self, (*sizes, "attention_units", "components"), weights, ("dropout",))
        unit_interval("expected", self.expected, closed=True)
        within("max_words", self.max_words, 1, MOST_WORDS)
        if self.max_vocabulary < 5:
            raise ValueError(
                "`max_vocabulary` must be at least 5, <pad>, <start>, <end> and <unk> among them, "
                f"got {self.max_vocabulary}."
            )

    @property
    def attentive(self) -> bool:
        """Whether the words look at one place of the image after the other."""
        return self.image in ATTENTIVE


PRESETS = {
    "tiny": Config(
        units=(32,),
        embedding_size=32,
        attention_units=16,
        image_size=32,
        batch_size=16,
        epochs=2,
        epoch_steps=10,
        images=200,
    ),
    "small": Config(
        image="every_step",
        epochs=10,
        epoch_steps=200,
        optimizer="muon",
        learning_rate=1e-2,
    ),
    "base": Config(
        encoder="vgg19",
        weights="imagenet",
        features="grid",
        image="soft_attention",
        image_size=224,
        units=(512,),
        embedding_size=512,
        attention_units=512,
        dropout=0.5,
        doubly_stochastic=1.0,
        min_count=5,
        max_words=30,
        epochs=30,
        learning_rate=4e-4,
        xla=True,
    ),
}


@dataclass(frozen=True)
class Options:
    """How words are chosen: what `predict` takes besides the images."""

    beam: int = 0  # captions that a search keeps alive; 0 writes one, by `temperature`
    alpha: float = 0.0  # with beam: ln P / ((5 + words) / 6)^alpha is what counts
    no_repeat: int = 0  # with beam: so many words never stand twice in a row; 0 is off
    length: int = 0  # words, at most; 0 stands for max_words of the training
    temperature: float = 0.0  # divides the logits; 0 takes the likeliest word
    top_k: int = 0  # draw among the k likeliest; 0 among all
    top_p: float = 1.0  # draw among the likeliest that hold this much of the mass
    seed: int = 0  # of the draws; the same seed and image give the same caption

    def __post_init__(self):
        for name in ("beam", "alpha", "no_repeat", "length", "temperature", "top_k"):
            positive(name, getattr(self, name), or_zero=True)
        positive("top_p", self.top_p)
        unit_interval("top_p", self.top_p, closed=True)
        if self.beam > MOST_BEAMS:
            raise ValueError(f"`beam` must be at most {MOST_BEAMS}, got {self.beam}.")
        if self.length > 1000:
            raise ValueError(f"`length` must be at most 1,000, got {self.length:,}.")
        if self.beam and self.temperature:
            raise ValueError(
                f"`temperature` must be 0 with `beam`, which draws nothing, got {self.temperature}."
            )
        if self.beam and (self.top_k or self.top_p < 1):
            raise ValueError(
                "`top_k` must be 0 and `top_p` 1 with `beam`, which draws nothing, got "
                f"top_k={self.top_k}, top_p={self.top_p}."
            )
        for name in ("no_repeat", "alpha"):
            if getattr(self, name) and not self.beam:
                raise ValueError(f"`{name}` needs `beam`; give it, such as --beam 5.")
