"""What the papers' rows stand on, on JAX, in a process of their own; and which files they are judged by."""

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.io import savemat

from benchmarks.papers import ON_TENSORFLOW, ROWS, __main__

SCRIPT = '''
import jax, keras, numpy as np
from jax import numpy as jnp
from benchmarks.papers import hochreiter, polyphony
from benchmarks.papers.ensemble import Ensemble, drawn
from benchmarks.papers.hochreiter_adding import experiment
from kerasrnn.builders import many_to_one

rng = np.random.default_rng(0)


def close(found, expected):
    """As near as single precision is after some thirty steps, on any processor."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def the_gradient_in_one_pass_is_that_of_the_loop_back():
    e = experiment(24)
    model = hochreiter.network(e)
    weights = [w.value for w in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]
    x, lengths, y = e.draw(rng, 1)
    given = [x, np.arange(x.shape[1]) < lengths[:, None]]

    def plain(weights):
        answer = model.stateless_call(weights, fixed, given, training=True)[0]
        return hochreiter.half_squares(y, answer)

    def fast(weights):
        return hochreiter.half_squares(y, hochreiter.online(model, weights, *given))

    close(jax.value_and_grad(fast)(weights), jax.value_and_grad(plain)(weights))


def models_side_by_side_end_where_each_alone_ends():
    def build():
        return many_to_one("simple_rnn", units=3, classes=1, features=2, dropout=0.5)

    def loss(targets, answers):
        return jnp.mean((targets - answers) ** 2)

    x, y = rng.normal(size=(4, 2, 5, 6, 2)), rng.normal(size=(4, 2, 5, 1))
    rates = (0.1, 0.01)
    both = Ensemble(build, [3, 4], keras.optimizers.Adam(1.0), loss, rates=rates)
    losses = both.train(x, y)
    for n, seed in enumerate((3, 4)):
        alone = Ensemble(build, [seed], keras.optimizers.Adam(rates[n]), loss)
        close(losses[:, n], alone.train(x[:, n : n + 1], y[:, n : n + 1])[:, 0])
        close([w[n] for w in both.weights], [w[0] for w in alone.weights])
        close(both.predict(x[0, 0])[n], alone.predict(x[0, 0])[0])
    same = np.stack([x[0]] * 4), np.stack([y[0]] * 4)
    still = Ensemble(build, [3], keras.optimizers.SGD(0.0), loss)
    values = still.train(*(a[:, :1] for a in same))[:, 0]
    assert len(set(values.tolist())) == 4, "each update drops other units"


def noise_on_the_weights_moves_the_gradient_alone():
    def build():
        return many_to_one("simple_rnn", units=3, classes=1, features=2)

    def loss(targets, answers):
        return jnp.mean((targets - answers) ** 2)

    x, y = (np.stack([rng.normal(size=(1, 5, *shape))] * 4) for shape in ((6, 2), (1,)))
    still = Ensemble(build, [3], keras.optimizers.SGD(0.0), loss, noise=0.1)
    before = [np.asarray(w) for w in still.weights]
    values = still.train(x, y)[:, 0]
    assert len(set(values.tolist())) == 4, "each update draws other noise"
    assert all((a == b).all() for a, b in zip(before, still.weights))


def nats_of_music_count_the_keys_of_the_steps_that_are_there():
    pieces = [(rng.random((size, 88)) < 0.2).astype("float32") for size in (3, 5)]
    x, y = polyphony.padded(pieces)
    logits = rng.normal(size=x.shape)
    total = 0.0
    for n, piece in enumerate(pieces):
        for t in range(len(piece) - 1):
            p = 1 / (1 + np.exp(-logits[n, t]))
            sounds = piece[t + 1]
            total -= np.sum(sounds * np.log(p) + (1 - sounds) * np.log(1 - p))
            np.testing.assert_array_equal(x[n, t], piece[t])
    np.testing.assert_allclose(polyphony.nats(y, logits), total / 6, rtol=1e-5)
    steps = [piece[1:] for piece in polyphony.cut([np.arange(250)[:, None]])]
    np.testing.assert_array_equal(np.concatenate(steps)[:, 0], np.arange(1, 250))


the_gradient_in_one_pass_is_that_of_the_loop_back()
models_side_by_side_end_where_each_alone_ends()
noise_on_the_weights_moves_the_gradient_alone()
nats_of_music_count_the_keys_of_the_steps_that_are_there()
print("held")
'''


def test_one_pass_gradients_models_side_by_side_and_the_nats_of_music():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "held\n", done.stderr


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_file(row):
    assert find_spec(f"benchmarks.papers.{ROWS[row]}")


def test_the_rows_on_tensorflow_are_rows():
    assert set(ON_TENSORFLOW) <= set(ROWS)


@pytest.mark.parametrize(
    ("row", "file", "other"),
    [
        ("chung_jsb", "JSB_Chorales.mat", False),
        ("chung_jsb", "jsb-chorales-quarter.json", False),
        ("chung_jsb", "Nottingham.mat", True),
        ("chung_nottingham", "nottingham.MAT", False),
        ("chung_nottingham", "JSB_Chorales.mat", True),
        ("greff", "jsb_chorales.mat", False),
        ("greff", "my_JSB_Chorales.mat", True),
    ],
)
def test_a_row_passes_or_fails_by_its_own_pieces_alone(row, file, other, tmp_path, monkeypatch):
    module = import_module(f"benchmarks.papers.{row}")
    trains = module if row == "greff" else import_module("benchmarks.papers.chung")
    monkeypatch.setattr(trains, "learn", lambda *given, **more: ([1.0] * 3, [9.0] * 3))
    pieces = np.empty((1, 1), object)
    pieces[0, 0] = np.eye(4, 88)
    if file.endswith(".json"):
        chords = {split: [[[21], [22], [23], [24]]] for split in ("train", "valid", "test")}
        (tmp_path / file).write_text(json.dumps(chords))
    else:
        splits = ("traindata", "validdata", "testdata")
        savemat(tmp_path / file, dict.fromkeys(splits, pieces), appendmat=False)
    result = module.run(str(tmp_path / file))
    said = [sentence for sentence in result.deviations if "not comparable" in sentence]
    assert said == ([f"not comparable: {file}"] if other else [])
    assert (result.passed is None) == other


def test_a_folder_that_holds_the_papers_file_is_read_by_it(tmp_path):
    polyphony = import_module("benchmarks.papers.polyphony")
    file = tmp_path / "jsb-chorales-quarter.json"
    file.write_text(json.dumps({split: [[[21], [22]]] for split in ("train", "valid", "test")}))
    assert polyphony.read(str(tmp_path), polyphony.JSB).name == str(file)


@pytest.mark.parametrize("rows", [["chung-jsb"], ["chung-jsb", "greff"]], ids=len)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(rows, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    missing = tmp_path / "Missing.mat"
    monkeypatch.setattr(sys, "argv", ["papers", *rows, "--data", str(missing)])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "Traceback" not in err
    line = err.splitlines()[-1]
    assert line.startswith(f"benchmarks.papers: Cannot read the MATLAB file {missing}: ")
