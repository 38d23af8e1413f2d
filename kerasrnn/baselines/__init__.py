"""What the slides compare recurrent networks with.

| name | slide | learns from | answers |
|---|---|---|---|
| `MarkovChain` | Markov models | sequences of symbols | ln p of a sequence, samples |
| `HiddenMarkovModel` | HMM | sequences of symbols or vectors | evaluation, decoding, learning |
| `AutoRegression` | auto-regression | series of numbers | the next values |
| `CodePredictor` | WaveNet | codes of sound | ln p of each: by frequency, by a linear predictor |
| `WordHMM` | the traditional flow | features of clips by word | the word |
| `kneser_ney` → `NGramModel` | RNN against 5-gram | sentences | log10 p of each word |
| `read_arpa`, `write_arpa` | | ARPA files | the same |
| `feed_forward_ngram` | feed forward | windows of tokens | logits of the next |
| `NearestNeighbour` | | features of things, what was said of each | what was said of the nearest |
| `mixture_weights`, `mixture` | | ln p of held-out tokens by each model | how much of each; ln p |
"""

from kerasrnn.baselines.arpa import read_arpa, write_arpa
from kerasrnn.baselines.autoregression import AutoRegression
from kerasrnn.baselines.codes import CodePredictor
from kerasrnn.baselines.feed_forward import feed_forward_ngram
from kerasrnn.baselines.hmm import HiddenMarkovModel
from kerasrnn.baselines.kneser_ney import kneser_ney
from kerasrnn.baselines.markov import MarkovChain
from kerasrnn.baselines.mixture import mixture, mixture_weights
from kerasrnn.baselines.nearest import NearestNeighbour, whitening
from kerasrnn.baselines.ngram import NGramModel
from kerasrnn.baselines.word_hmm import WordHMM

__all__ = [
    "AutoRegression",
    "CodePredictor",
    "HiddenMarkovModel",
    "MarkovChain",
    "NGramModel",
    "NearestNeighbour",
    "WordHMM",
    "feed_forward_ngram",
    "kneser_ney",
    "mixture",
    "mixture_weights",
    "read_arpa",
    "whitening",
    "write_arpa",
]
