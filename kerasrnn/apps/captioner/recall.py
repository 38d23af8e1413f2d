"""What was said of images alike, word by word: a memory of the training captions, for few images.

Axes as in `kerasrnn.shapes`; N captions that are known, F an image's features, R numbers that tell two apart.
"""

import keras
import numpy as np
from keras import layers, ops

from kerasrnn.baselines import whitening

ITSELF = 0.9999  # cosine from which two images are taken for one
LEAST = 1e-20  # probability


@keras.saving.register_keras_serializable(package="kerasrnn")
class Likeness(layers.Layer):
    """How much each known caption's image is like the one that is seen.

        a_n = softmax_n(β cos((u - μ) P M, (u_n - μ) P M))      u = sign(v) √|v|              (1)

    μ is the mean of the known u and P their whitening by principal components; β and M, at first the
    identity, are learnt. In training no image is like itself: it is learnt for those not yet known.

    Args:
        known: N.
        width: R.
        sharpness: β at first.
        dropout: share of the known that are left out in training, anew for each image.
    Call arguments:
        inputs: features (B, F), or (B, L, F), which stand for their mean over L.
    Returns:
        a, float32 (B, N).
    Source: (1) without an image's own caption, Goldberger et al. 2004, "Neighbourhood components analysis";
        u, Perronnin et al. 2010, "Improving the Fisher kernel for large-scale image classification".
    """

    def __init__(self, known, width, sharpness: float = 20.0, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.known, self.width, self.sharpness, self.dropout = known, width, sharpness, dropout
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        fixed = {"initializer": "zeros", "trainable": False}
        self.centre = self.add_weight((input_shape[-1],), name="centre", **fixed)
        self.whitening = self.add_weight((input_shape[-1], self.width), name="whitening", **fixed)
        self.whitened = self.add_weight((self.known, self.width), name="whitened", **fixed)
        self.metric = self.add_weight((self.width, self.width), "identity", name="metric")
        start = keras.initializers.Constant(np.log(self.sharpness))
        self.log_sharpness = self.add_weight((), start, name="log_sharpness")

    def know(self, features: np.ndarray) -> None:
        """Learn μ, P and the known images by heart, from each known caption's features (N, F)."""
        features = np.sign(features) * np.sqrt(np.abs(features))
        centre, axes = np.mean(features, axis=0), whitening(features, self.width)
        self.centre.assign(centre)
        self.whitening.assign(axes)
        self.whitened.assign((features - centre) @ axes)

    def call(self, inputs, training=False):
        seen = ops.mean(inputs, axis=1) if len(inputs.shape) == 3 else inputs
        seen = ops.sign(seen) * ops.sqrt(ops.abs(seen))
        seen = self._direction((seen - self.centre) @ self.whitening)
        cosines = seen @ ops.transpose(self._direction(self.whitened))
        likeness = ops.exp(self.log_sharpness) * cosines
        if training:
            lot = keras.random.uniform(ops.shape(cosines), seed=self.seed_generator)
            left_out = (cosines > ITSELF) | (lot < self.dropout)
            likeness = ops.where(left_out, -1e9, likeness)
        return ops.softmax(likeness, axis=-1)  # (1)

    def _direction(self, whitened):
        return ops.normalize(whitened @ self.metric, axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.known)

    def get_config(self) -> dict:
        own = {"known": self.known, "width": self.width, "sharpness": self.sharpness}
        return {**super().get_config(), **own, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package="kerasrnn")
class Recall(layers.Layer):
    """The network's word, or the one that comes next in the known captions of images alike.

        w_t,n = w_{t-1,n} (ρ + (1 - ρ) [y_n,t = x_t])      w_{-1} = a                        (1)
        p(x_{t+1}) = (Σ_n w_t,n [y_n,t+1 = x_{t+1}] + c q(x_{t+1})) / (Σ_n w_t,n + c)        (2)

    y_n is the n-th known caption, x what is read, from <start> on, and q the network's own word. A
    caption that said another word counts ρ of what it did; where few say what was written, or look
    like the image, the network's word has its way. ρ and c are learnt.

    Args:
        known: N.
        length: words of the longest caption, with <start> and <end>.
    Call arguments:
        inputs: [x (B, T), logits (B, T, V), w (B, N), words read before (B, 1), equal in all rows].
    Returns:
        [ln p (B, T, V), w (B, N), words read (B, 1)].
    Source: (2) is the nearest-neighbour language model of Khandelwal et al. 2020, arXiv:1911.00172, with
        captions for contexts, and Dirichlet smoothing for its fixed share of the network.
    """

    def __init__(self, known: int, length: int, **kwargs):
        super().__init__(**kwargs)
        self.known, self.length = known, length

    def build(self, *shapes):
        # A row more, of <pad>: what follows after the longest.
        self.captions = self.add_weight(
            (self.length + 1, self.known), "zeros", dtype="int32", trainable=False, name="captions"
        )
        ten_percent = keras.initializers.Constant(np.log(0.1))
        self.log_doubt = self.add_weight((), ten_percent, name="log_doubt")  # ln c
        self.log_stray = self.add_weight((), ten_percent, name="log_stray")  # ln ρ, at most 0

    def know(self, captions: np.ndarray) -> None:
        """Learn the known captions by heart, int32 (N, length)."""
        self.captions.assign(np.pad(captions, ((0, 0), (0, 1))).T)

    def call(self, inputs):
        tokens, logits, weights, place = inputs
        steps = ops.shape(tokens)[1]
        at = ops.cast(ops.max(place, initial=0.0), "int32") + ops.arange(steps, dtype="int32")
        said = ops.take(self.captions, ops.minimum(at, self.length), axis=0)  # (T, N)
        following = ops.take(self.captions, ops.minimum(at + 1, self.length), axis=0)
        stray = ops.exp(ops.minimum(self.log_stray, 0.0))
        agrees = ops.cast(said[None] == tokens[..., None], weights.dtype)
        weights = weights[:, None] * ops.cumprod(stray + (1 - stray) * agrees, axis=1)  # (1)
        words = ops.one_hot(following, logits.shape[-1], dtype=weights.dtype)
        votes = ops.einsum("btn,tnv->btv", weights, words)
        doubt = ops.exp(self.log_doubt)
        own = ops.softmax(ops.cast(logits, weights.dtype), axis=-1)
        chances = (votes + doubt * own) / (ops.sum(weights, axis=-1, keepdims=True) + doubt)  # (2)
        read = place + ops.cast(steps, place.dtype)
        return [ops.log(ops.maximum(chances, LEAST)), weights[:, -1], read]

    def compute_output_shape(self, inputs):
        return [inputs[1], inputs[2], inputs[3]]

    def get_config(self) -> dict:
        return {**super().get_config(), "known": self.known, "length": self.length}
