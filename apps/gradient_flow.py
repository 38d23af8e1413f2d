"""How far does a gradient reach? Look into recurrent networks before and after they learn.

    python apps/gradient_flow.py --out docs

Deck 000's exercise: ‖∂h_T/∂h_k‖ ≤ η^(T-k) where the largest singular value η of every Jacobian
∂h_m/∂h_{m-1} is below 1, so the gradient vanishes; above 1 it may explode. Here both, for four
networks; then an LSTM that has learned which of two symbols came first: its gates, and its hidden
states in two dimensions (deck 002). About a minute on two cores.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from kerasrnn import cells, layers
from kerasrnn.data.tasks import SYMBOLS, fixed_order
from kerasrnn.training import gradient_flow, pictures

UNITS, STEPS, ROWS, FEATURES = 32, 60, 4, 8
NETWORKS = {"Elman": "simple_rnn", "IRNN": "irnn", "LSTM": "lstm", "GRU": "gru"}
GAINS = {"U at half its size": 0.5, "U as it starts": 1.0, "U at three times its size": 3.0}


def untrained(name: str, gain: float) -> keras.Model:
    """A network as it starts, its recurrent weights U times `gain`."""
    cell = cells.get(name, UNITS, seed=1)
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), layers.Recurrent(cell)])
    cell.recurrent_kernel.assign(gain * cell.recurrent_kernel)
    return model


def vanishing_and_exploding(out: Path) -> None:
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(1).normal(scale=0.1, size=(ROWS, STEPS, FEATURES)).astype("float32")
    panels = {}
    print(f"{'':28}{'network':10}{'‖∂h_T/∂h_0‖':>14}{'largest singular value':>26}")
    for title, gain in GAINS.items():
        panels[title] = {}
        for label, name in NETWORKS.items():
            (flow,) = gradient_flow(untrained(name, gain), x).values()
            panels[title][label] = flow.through["h"]
            through, largest = flow.through["h"][:, 0].mean(), flow.largest.mean()
            print(f"{title:28}{label:10}{through:14.2e}{largest:26.2f}")
    title = f"How far the gradient reaches back: {UNITS} units, small inputs, untrained"
    pictures.gradient_flows(panels, out / "gradient_flow.png", title)


def order(count: int, steps: int, seed: int):
    """Symbols A and B at two random places among others: which came in which order?

    Returns:
        x (N, T, 6) one-hot, y (N,) of AA, AB, BA, BB.
    """
    tokens, classes = fixed_order(np.random.default_rng(seed), count, steps)
    return np.eye(SYMBOLS, dtype="float32")[tokens], classes


def learned(out: Path) -> None:
    keras.utils.set_random_seed(1)
    x, y = order(2000, 30, seed=1)
    layer = layers.LSTM(16, name="lstm")
    model = keras.Sequential([keras.Input(x.shape[1:]), layer, keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=20, batch_size=50, verbose=0)
    x, y = order(200, 30, seed=2)
    _, accuracy = model.evaluate(x, y, verbose=0)
    flow = gradient_flow(model, (x, y))["lstm"]
    print(f"\nwhich came first, 200 new sequences of 30: accuracy {accuracy:.3f}")
    for name, value in flow.summary().items():
        print(f"  {name:24}{value:10.4f}")
    about = f"an LSTM of 16 units that tells the order of two symbols ({accuracy:.0%} right)"
    pictures.saturation(flow.gates, out / "gate_saturation.png", f"Gates of {about}")
    names = ["AA", "AB", "BA", "BB"]
    title = f"Hidden states of {about}"
    pictures.hidden_states(flow.states["h"], y, names, out / "hidden_states.png", title)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures")
    arguments = parser.parse_args()
    vanishing_and_exploding(arguments.out)
    learned(arguments.out)
