"""Every cell of the decks against its equation in NumPy float64, under masks with holes."""

import numpy as np
import pytest
from keras import ops

from kerasrnn import cells, layers
from kerasrnn.cell_names import CELL_NAMES
from tests.oracles import recurrent_cells as oracle

B, T, D, H = 3, 9, 4, 6
LINEAR = {"g_of": lambda a: a}
CASES = {  # the cell's options, the oracle's step, and the oracle's options
    "relu_rnn": ({}, oracle.elman, {"f": oracle.relu}),
    "sigmoid_rnn": ({}, oracle.elman, {"f": oracle.sigmoid}),
    "sigmoid_rnn zoneout": (
        {"zoneout": 0.3},
        oracle.elman,
        {"f": oracle.sigmoid, "zoneout": (0.3,)},
    ),
    "irnn": ({}, oracle.elman, {"f": oracle.relu}),
    "np_rnn": ({}, oracle.elman, {"f": oracle.relu}),
    "mixture_rnn": ({}, oracle.elman, {}),
    "gru_reset_before": ({}, oracle.gru_before, {}),
    "leaky_rnn": ({"tau": 3.0}, oracle.leaky, {"tau": 3.0}),
    "leaky_rnn units": ({"tau": range(1, H + 1)}, oracle.leaky, {"tau": range(1, H + 1)}),
    "leaky_rnn learned": ({"tau": 5.0, "learn_tau": True}, oracle.leaky, {"tau": None}),
    "delayed_rnn": ({"delay": 2}, oracle.delayed, {"delay": 2}),
    "delayed_rnn 4": (
        {"delay": 4, "zoneout": 0.2},
        oracle.delayed,
        {"delay": 4, "zoneout": (0.2, 0)},
    ),
    "structured_rnn": ({"context": 2}, oracle.structured, {"context": 2}),
    "structured_rnn learned": (
        {"context": 2, "learn_alpha": True},
        oracle.structured,
        {"context": 2},
    ),
    "output_rnn": ({"classes": 3}, oracle.output_recurrent, {}),
    "unbounded": ({}, oracle.unbounded, {}),
    "peephole_lstm": ({}, oracle.lstm_variant, {}),
    "projected_lstm": ({"projection": 2}, oracle.lstm_variant, {}),
    "projected_lstm unpeeped": ({"peepholes": False}, oracle.lstm_variant, {"without": "p"}),
    "lstm_nig": ({}, oracle.lstm_variant, {"without": "i"}),
    "lstm_nfg": ({}, oracle.lstm_variant, {"without": "f"}),
    "lstm_nog": ({}, oracle.lstm_variant, {"without": "o"}),
    "lstm_niaf": ({}, oracle.lstm_variant, LINEAR),
    "lstm_noaf": ({}, oracle.lstm_variant, {"h_of": lambda a: a}),
    "lstm_cifg": ({}, oracle.lstm_variant, {"without": "c"}),
    "lstm_fgr": ({"zoneout": 0.2}, oracle.lstm_variant, {"zoneout": (0.2, 0.2, 0, 0, 0)}),
}


def built(name, **options):
    cell = cells.get(name, H, dtype="float64", **options)
    cell.build((None, D))
    rng = np.random.default_rng(0)
    for weight in cell.trainable_weights:
        weight.assign(weight + 0.4 * rng.normal(size=weight.shape))
    return cell


def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(B, T, D)), rng.random((B, T)) > 0.3


def run(cell, x, **arguments):
    route = "loop" if cell.gate_form else "scan"
    options = {"return_sequences": True, "return_state": True, "route": route, **arguments}
    return layers.Recurrent(cell, dtype="float64", **options)(
        x[0], mask=ops.convert_to_tensor(x[1])
    )


@pytest.mark.parametrize("case", CASES)
def test_a_cell_is_its_equation(case):
    options, step, given = CASES[case]
    cell = built(case.split()[0], **options)
    weights = {w.name: np.asarray(w) for w in cell.trainable_weights}
    x, mask = batch()
    outputs, *states = run(cell, (x, mask))
    expected, final = oracle.unroll(step, x, cell.widths, weights, mask, **given)
    started = mask.cumsum(axis=1)[..., None] > 0  # a layer says 0 before the first step
    np.testing.assert_allclose(outputs, np.where(started, expected, 0), atol=1e-10)
    for found, value in zip(states, final, strict=True):
        np.testing.assert_allclose(found, value, atol=1e-10)


def test_every_name_has_an_equation():
    first = {case.split()[0] for case in CASES}
    assert first | {"simple_rnn", "lstm", "gru", "time_delay"} == set(cells.CELLS)
    assert set(CELL_NAMES) == set(cells.CELLS)


def test_a_time_delay_cell_sees_its_window_of_the_steps_that_count():
    cell = built("time_delay", frames=3)
    x, mask = batch()
    outputs, *_ = run(cell, (x, mask))
    for k in range(B):
        expected = oracle.time_delay(x[k, mask[k]], *cell.trainable_weights, frames=3)
        np.testing.assert_allclose(np.asarray(outputs)[k, mask[k]], expected, atol=1e-10)


def test_tau_1_is_elmans_network_and_no_peepholes_are_the_lstm():
    x = batch()
    for name, options, plain in (
        ("leaky_rnn", {"tau": 1.0}, "simple_rnn"),
        ("peephole_lstm", {"peepholes": False}, "lstm"),
    ):
        cell, other = built(name, **options), built(plain)
        cell.set_weights(other.get_weights())
        np.testing.assert_allclose(run(cell, x)[0], run(other, x)[0], atol=1e-10)


def test_a_learned_tau_starts_where_it_is_told():
    cell = cells.get("leaky_rnn", 3, tau=(1.5, 4.0, 1000.0), learn_tau=True)
    cell.build((None, D))
    np.testing.assert_allclose(cell.time_constant("float32"), (1.5, 4.0, 1000.0), rtol=1e-5)


def test_the_unbounded_cell_leaves_the_bounds_that_the_gru_keeps():
    x = np.ones((1, 50, 1), "float32")
    start = dict.fromkeys(("kernel_initializer", "bias_initializer"), "ones")
    peaks = {}
    for name in ("unbounded", "gru"):
        cell = cells.get(name, 4, recurrent_initializer="identity", **start)
        peaks[name] = np.abs(layers.Recurrent(cell)(x)).max()
    assert peaks["unbounded"] > 5
    assert peaks["gru"] <= 1


def test_the_context_units_forget_a_pulse_at_the_rate_alpha():
    cell = built("structured_rnn", context=2, alpha=0.9)
    x = np.zeros((1, 6, D))
    x[:, 0] = 1.0
    slow = np.asarray(run(cell, (x, np.ones((1, 6), bool)))[0])[0, :, -2:]
    np.testing.assert_allclose(slow[1:], slow[:1] * 0.9 ** np.arange(1, 6)[:, None], atol=1e-12)


@pytest.mark.parametrize("learned", [False, True])
def test_a_very_slow_context_neither_stops_nor_forgets_nothing_in_bfloat16(learned):
    ends = {}
    for policy in ("float32", "mixed_bfloat16"):
        cell = cells.get(
            "structured_rnn", 8, context=4, alpha=0.999, learn_alpha=learned, dtype=policy
        )
        cell.build((None, D))
        cell.context_kernel.assign(np.ones((D, 4)))
        x = np.ones((1, 900, D), "float32")
        x[:, 600:] = 0
        slow = layers.Recurrent(cell, return_sequences=True, dtype=policy)(x)[0, :, -1]
        ends[policy] = np.float64(slow)[[599, 899]]
    up = D * (1 - 0.999**600)
    np.testing.assert_allclose(ends["float32"], [up, up * 0.999**300], rtol=1e-4)
    np.testing.assert_allclose(ends["mixed_bfloat16"], ends["float32"], rtol=0.01)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("leaky_rnn", {"tau": 0.5}, "at least 1"),
        ("leaky_rnn", {"tau": 1.0, "learn_tau": True}, "above 1"),
        ("leaky_rnn", {"tau": (2.0, 3.0)}, "one number or 6"),
        ("delayed_rnn", {"delay": 1}, "at least 2 steps"),
        ("structured_rnn", {"context": 6}, "both kinds"),
        ("structured_rnn", {"alpha": 1.0}, r"in \(0, 1\)"),
        ("structured_rnn", {"layer_norm": True}, "must be False"),
        ("output_rnn", {"classes": 0}, "at least 1"),
        ("time_delay", {"frames": 1}, "at least 2"),
        ("time_delay", {"layer_norm": True}, "must be False"),
        ("peephole_lstm", {"without": ("update",)}, "must be some of"),
        ("peephole_lstm", {"without": ("forget",), "coupled": True}, "must be some of"),
        ("peephole_lstm", {"projection": 0}, "at least 1"),
        ("lstm_fgr", {"coupled": True}, "must be left out"),
    ],
)
def test_an_option_that_cannot_be_is_refused(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        cells.get(name, H, **options)
