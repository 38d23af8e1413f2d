"""The papers' own tasks, drawn without end: inputs and targets as NumPy arrays.

Each takes a generator of random numbers first, and is a pure function of it. Axes as in `kerasrnn.shapes`.
"""

import numpy as np

ORDER_SYMBOLS = 8  # E, B, a, b, c, d, X, Y of `temporal_order`
SYMBOLS = 6  # A, B, c, d, e, f of `fixed_order`
DIGITS = 10  # blank, eight digits and the marker of `copy_memory`


def adding(rng: np.random.Generator, batch: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Add the two marked numbers of many.

    Args:
        batch, steps: B and T ≥ 2.
    Returns:
        float32 (B, T, 2), numbers in [0, 1) beside marks, of which two are 1; and their sum (B, 1).
    Source: Le et al. 2015, arXiv:1504.00941, section 4.1; Bai et al. 2018, arXiv:1803.01271, section 4.1.
    """
    numbers = rng.random((batch, steps), np.float32)
    first = rng.integers(0, steps, batch)
    second = (first + rng.integers(1, steps, batch)) % steps  # any place but the first
    marks = np.zeros((batch, steps), np.float32)
    rows = np.arange(batch)
    marks[rows, first] = marks[rows, second] = 1
    total = numbers[rows, first] + numbers[rows, second]
    return np.stack([numbers, marks], axis=-1), total[:, None]


def early_adding(
    rng: np.random.Generator, batch: int, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add two marked numbers of the first half, told apart from the ends by marks of -1.

    A sequence has T to 1.1 T pairs. One of the first ten is marked 1, and one of the first T / 2 - 1
    that are not; the first and the last pair are marked -1, all others 0. Where the first pair is
    marked 1, its number is 0.

    Args:
        batch, steps: B and T ≥ 24.
    Returns:
        float32 (B, 1.1 T, 2), numbers in [-1, 1) beside marks, 0 past the end; lengths (B,); and
        targets (B, 1), 0.5 + sum / 4.
    Source: Hochreiter and Schmidhuber 1997, section 5.4.
    """
    longest = steps + steps // 10
    lengths = rng.integers(steps, longest + 1, batch)
    numbers = rng.uniform(-1, 1, (batch, longest))
    first = rng.integers(0, 10, batch)
    second = rng.integers(0, steps // 2 - 2, batch)
    second += second >= first  # any place but the first
    rows = np.arange(batch)
    marks = np.zeros((batch, longest))
    marks[:, 0] = marks[rows, lengths - 1] = -1
    marks[rows, first] = marks[rows, second] = 1
    numbers[marks[:, 0] == 1, 0] = 0
    target = 0.5 + (numbers[rows, first] + numbers[rows, second]) / 4
    pairs = np.stack([numbers, marks], axis=-1) * (np.arange(longest) < lengths[:, None])[..., None]
    return pairs.astype(np.float32), lengths, target[:, None].astype(np.float32)


def temporal_order(
    rng: np.random.Generator, batch: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell in which order two symbols came: XX, XY, YX or YY (task 6a).

    A sequence is E, then symbols of a, b, c and d but for X or Y at t_1 in 10 … 20 and at t_2 in
    50 … 60, then B; it is 100 to 110 long.

    Returns:
        tokens int32 (B, 110), of `ORDER_SYMBOLS`, 0 for E, 1 for B and for what lies past the end,
        2 … 5 for a … d, 6 and 7 for X and Y; lengths (B,); and classes int32 (B,).
    Source: Hochreiter and Schmidhuber 1997, section 5.6.
    """
    lengths = rng.integers(100, 111, batch)
    tokens = rng.integers(2, 6, (batch, 110), np.int32)
    rows = np.arange(batch)
    shown = rng.integers(0, 2, (2, batch), np.int32)
    tokens[rows, rng.integers(10, 21, batch)] = 6 + shown[0]
    tokens[rows, rng.integers(50, 61, batch)] = 6 + shown[1]
    tokens[:, 0] = 0
    tokens[np.arange(110) >= lengths[:, None] - 1] = 1
    return tokens, lengths, 2 * shown[0] + shown[1]


def fixed_order(rng: np.random.Generator, batch: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """`temporal_order` in T steps: A or B at t_1 in T/10 … 2T/10 and at t_2 in 4T/10 … 5T/10.

    Args:
        batch, steps: B and T, at least 10.
    Returns:
        tokens int32 (B, T), of `SYMBOLS`, 0 and 1 for A and B; and classes int32 (B,).
    Source: Pascanu et al. 2013, arXiv:1211.5063, section 4.1.
    """
    tenth = steps // 10
    tokens = rng.integers(2, SYMBOLS, (batch, steps), np.int32)
    shown = rng.integers(0, 2, (2, batch), np.int32)
    rows = np.arange(batch)
    tokens[rows, rng.integers(tenth, 2 * tenth + 1, batch)] = shown[0]
    tokens[rows, rng.integers(4 * tenth, 5 * tenth + 1, batch)] = shown[1]
    return tokens, 2 * shown[0] + shown[1]


def copy_memory(rng: np.random.Generator, batch: int, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Repeat ten digits when asked, T steps later.

    Args:
        batch, delay: B and T ≥ 1.
    Returns:
        tokens int32 (B, T + 20), ten digits in 1 … 8, blanks 0, and eleven marks 9; and what is to be
        said, int32 (B, T + 20), blanks and then the ten digits.
    Source: Bai et al. 2018, arXiv:1803.01271, section 4.1; Arjovsky et al. 2016, arXiv:1511.06464.
    """
    digits = rng.integers(1, 9, (batch, 10), np.int32)
    blanks = np.zeros((batch, delay + 10), np.int32)
    tokens = np.concatenate([digits, blanks], axis=1)
    tokens[:, -11:] = 9
    return tokens, np.concatenate([blanks, digits], axis=1)
