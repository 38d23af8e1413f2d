"""The hidden Markov model, and the three problems that a user of one has; on hmmlearn."""

import functools

import numpy as np

from kerasrnn.errors import UserError


@functools.cache
def _begun(mixture_model: type) -> type:
    """hmmlearn's model, which clusters all frames before it learns even if nothing is left to guess."""

    class Begun(mixture_model):
        def _init(self, X, lengths=None):
            if self.init_params:
                super()._init(X, lengths)
            else:
                self._check_and_set_n_features(X)
                self._init_covar_priors()
                self._fix_priors_shape()

    return Begun


class HiddenMarkovModel:
    """A hidden chain of K states, seen only through what each state emits (slides: "HMM").

        h_1 →  h_2 → … → h_T        p(h_1 = i) = start_i,  p(h_t = j | h_{t-1} = i) = transitions_ij
         ↓      ↓         ↓
        x_1    x_2   …   x_T        p(x_t | h_t), by one of two kinds of emission:

        discrete            p(x = v | h = i) = emissions_iv                          x_t in 0 … V-1
        Gaussian mixture    p(x | h = i) = Σ_m weights_im N(x; means_im, variances_im)   x_t (D,)

    The slides' three problems are `evaluate`, `decode` and `learn`.

    Args:
        states: K.
        symbols: V, for discrete emissions; or
        mixtures: M, Gaussians a state, with diagonal covariances.
        seed: of the first guess, and nothing else.
        prior: frames of mean 0 and variance 1, and moves, that each Gaussian and state counts beside those it
            is shown in `learn`: what is hardly ever visited stays usable. Only with `mixtures`.
    Raises:
        ValueError: unless exactly one of `symbols` and `mixtures` is given.
        UserError: if hmmlearn is not installed.
    """

    def __init__(
        self,
        states: int,
        *,
        symbols: int | None = None,
        mixtures: int | None = None,
        seed: int = 0,
        prior: float = 0.0,
    ):
        if (symbols is None) == (mixtures is None):
            raise ValueError(f"Give either `symbols` or `mixtures`, got {symbols} and {mixtures}.")
        try:
            from hmmlearn.hmm import GMMHMM, CategoricalHMM
        except ModuleNotFoundError:
            raise UserError(
                "Hidden Markov models need hmmlearn: pip install 'kerasrnn[hmm]'."
            ) from None
        self.states, self.symbols, self.seed = states, symbols, seed
        common = {"n_components": states, "random_state": seed}
        if symbols is not None:
            self._model = CategoricalHMM(n_features=symbols, **common)
        else:
            self._model = _begun(GMMHMM)(
                n_mix=mixtures,
                covars_prior=(prior - 3) / 2,
                covars_weight=prior / 2,
                means_weight=prior,
                weights_prior=1 + prior,
                transmat_prior=1 + prior,
                **common,
            )

    def evaluate(self, sequence) -> float:
        """Evaluation: ln p(x_1, …, x_T), all hidden paths summed up (forward algorithm)."""
        return float(self._model.score(self._column(sequence)))

    def decode(self, sequence) -> tuple[np.ndarray, float]:
        """Decoding: the likeliest hidden path (T,), and ln p(that path, x_1, …, x_T) (Viterbi)."""
        log_probability, path = self._model.decode(self._column(sequence), algorithm="viterbi")
        return path, float(log_probability)

    def learn(
        self, sequences, *, iterations: int = 100, tolerance: float = 1e-4
    ) -> "HiddenMarkovModel":
        """Learning: parameters that make `sequences` likely, the hidden paths unknown (Baum–Welch).

        Begins with a guess drawn from the seed, or with the parameters that `set` was given, and ends
        after `iterations` or when the log-likelihood of all sequences gains less than `tolerance`. A
        state that is never left keeps the moves that it began with, one that is never met its symbols.
        """
        begun = {name: getattr(self._model, name, None) for name in ("transmat_", "emissionprob_")}
        columns = [self._column(sequence) for sequence in sequences]
        self._model.n_iter, self._model.tol = iterations, tolerance
        self._model.fit(np.concatenate(columns), [len(column) for column in columns])
        for name, before in begun.items():
            if (found := getattr(self._model, name, None)) is not None:
                before = np.full(found.shape, 1 / found.shape[1]) if before is None else before
                never = found.sum(axis=1, keepdims=True) == 0
                setattr(self._model, name, np.where(never, before, found))
        return self

    def sample(self, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw T = `length` observations, (T,) or (T, D), and the hidden path (T,) behind them."""
        observed, path = self._model.sample(length, random_state=seed)
        return (observed[:, 0] if self.symbols else observed), path

    def set(self, **parameters) -> "HiddenMarkovModel":
        """Give parameters by the names that the equations above have; `learn` then begins with them.

        Args:
            parameters: start (K,), transitions (K, K), and emissions (K, V), or weights (K, M), means
                and variances (K, M, D).
        Raises:
            ValueError: for other names.
        """
        for name, value in parameters.items():
            if name not in self._names:
                raise ValueError(
                    f"A parameter must be one of {', '.join(self._names)}; got {name!r}."
                )
            value = np.asarray(value, np.float64)
            setattr(self._model, self._names[name], value)
            if name == "means":
                self._model.n_features = value.shape[-1]
        kept = {self._names[name][0] for name in parameters}  # hmmlearn calls each by its letter
        self._model.init_params = "".join(c for c in self._model.init_params if c not in kept)
        return self

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """All parameters by name, as `set` takes them."""
        return {name: getattr(self._model, attribute) for name, attribute in self._names.items()}

    @property
    def _names(self) -> dict[str, str]:
        names = {"start": "startprob_", "transitions": "transmat_"}
        if self.symbols:
            return names | {"emissions": "emissionprob_"}
        return names | {"weights": "weights_", "means": "means_", "variances": "covars_"}

    def _column(self, sequence) -> np.ndarray:
        """A sequence as hmmlearn reads it: (T, 1) symbols or (T, D) vectors."""
        sequence = np.asarray(sequence, np.int64 if self.symbols else np.float64)
        column = sequence[:, None] if sequence.ndim == 1 else sequence
        wide = column.ndim == 2 and len(column) and (not self.symbols or column.shape[1] == 1)
        if not wide or (self.symbols and np.any((column < 0) | (column >= self.symbols))):
            wanted = (
                f"(T,) symbols from 0 to {self.symbols - 1}" if self.symbols else "(T, D) numbers"
            )
            raise ValueError(f"A sequence must be {wanted}, T at least 1, got {sequence!r}.")
        return column
