"""Chung et al. 2014, arXiv:1412.3555, table 2: gated networks and tanh on polyphonic music."""

from benchmarks.papers.polyphony import incomparable, learn, read
from benchmarks.papers.result import Result

UNITS = {"tanh": ("simple_rnn", 100), "GRU": ("gru", 46), "LSTM": ("lstm", 36)}
SEEDS = 3
RATES = (2e-3, 1e-2)  # of which each network gets the one that validates best
MOST = 3000  # updates
NEAR = 0.25  # nats


def compare(
    data: str | None, file: str, published: dict[str, float], worst: str | None = None
) -> Result:
    """The three networks on `file`, or on other pieces; one may have to be the worst."""
    music = read(data, file)
    other = incomparable(music, file)
    ours, mean = {"pieces": {split: len(rolls) for split, rolls in music.splits.items()}}, {}
    for name, (cell, units) in UNITS.items():
        tried = {r: learn(cell, units, music, range(SEEDS), rate=r, most=MOST) for r in RATES}
        rate = min(tried, key=lambda r: sum(tried[r][0]))
        found = tried[rate][1]
        mean[name] = sum(found) / SEEDS
        ours |= {f"{name}-{units}": found, f"{name}-{units}, mean": round(mean[name], 3)}
        ours[f"{name}-{units}: rate"] = rate
    right = worst in (None, max(mean, key=mean.get)) and all(
        abs(mean[name] - nats) <= NEAR for name, nats in published.items()
    )
    numbers = " / ".join(f"{nats:.2f}" for nats in published.values())
    return Result(
        published=f"test nats a step, tanh-100 / GRU-46 / LSTM-36: {numbers}",
        ours=ours,
        seeds=f"{SEEDS}, each its own start and batches",
        passed=None if other else right,
        deviations=(
            *other,
            f"Adam, clipped at norm 1, its rate the better of {RATES} on validation, in place of RMSProp with "
            "ten rates",
            f"the test loss is that where the validation loss is least; at most {MOST:,} updates",
        ),
    )
