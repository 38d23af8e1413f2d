"""The numbers of learning that every app has: steps, optimizer, learning rate."""

from dataclasses import dataclass

from kerasrnn.settings import check_numbers, choice, within

MOST_BATCH = 1_000_000  # examples of a step


@dataclass(frozen=True)
class LearningConfig:
    """How a model is trained."""

    batch_size: int = 64  # B, examples of a step, of all processes together
    epochs: int = 10  # reports; training ends after the last
    epoch_steps: int = 0  # batches between two reports; 0 stands for one pass over the examples

    optimizer: str = "adamw"  # adamw, or muon, which needs fewer steps for matrices
    learning_rate: float = 3e-3  # at its highest
    warmup: float = 0.05  # share of the training during which it rises
    decay: str = "cosine"  # constant, linear or cosine; towards 0 at the end
    weight_decay: float = 0.0  # decoupled, a step, times the learning rate
    clip_norm: float = 1.0  # largest norm of the whole gradient
    accumulate: int = 1  # batches whose mean gradient makes one update of the weights
    weight_noise: float = 0.0  # σ of what is added to each weight while a gradient is found
    stabilise: float = 0.0  # β of (‖h_t‖ - ‖h_{t-1}‖)², which keeps a state as long as it was
    omega: float = 0.0  # weight of Pascanu's Ω, which keeps an error as long as it was; slow
    average: float = 0.0  # share of their running mean that a batch leaves; 0: weights as they are
    patience: int = 0  # reports without a better score before the training stops; 0: it never does
    keep: str = "last"  # weights that model.keras holds: last or best; with patience, the best

    def __post_init__(self):
        choice("optimizer", self.optimizer, ("adamw", "muon"))
        choice("decay", self.decay, ("constant", "linear", "cosine"))
        choice("keep", self.keep, ("last", "best"))
        within("batch_size", self.batch_size, 1, MOST_BATCH)
        above = ("epochs", "learning_rate", "clip_norm", "accumulate")
        check_numbers(
            self,
            above,
            ("epoch_steps", "weight_decay", "weight_noise", "stabilise", "omega", "patience"),
            ("warmup", "average"),
        )
