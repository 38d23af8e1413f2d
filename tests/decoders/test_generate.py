"""`generate`: against a loop in plain Python over a chain that is known by hand."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.decoders import draws, generate

V = 7
LOGITS = np.random.default_rng(0).normal(scale=2, size=(V, V)).astype(np.float32)


def step(tokens, states):
    """A chain with memory: the state sums what was read, and picks the row of logits."""
    total = (states["total"] + tokens + 1) % V
    return tf.gather(tf.constant(LOGITS), total), {"total": total}


def begin(batch):
    return {"total": tf.zeros([batch], tf.int32)}


def written_by_hand(prompt, length, uniforms=None, stop=None):
    """One row, in plain Python and float64; greedy without uniforms."""
    total, outputs = 0, []
    for token in prompt:
        total = (total + token + 1) % V
    while len(outputs) < length:
        weights = np.exp(LOGITS[total].astype(np.float64))
        if uniforms is None:
            token = int(weights.argmax())
        else:
            borders = np.cumsum(weights / weights.sum())
            token = int(np.searchsorted(borders, uniforms[len(outputs)], side="right"))
        outputs.append(token)
        if stop and outputs[-len(stop) :] == stop:
            break
        total = (total + token + 1) % V
    return outputs


PROMPTS = [[3], [1, 2, 3, 4, 5], [6, 6], [0, 1, 0, 1]]
LENGTHS = [9, 4, 0, 12]
SEEDS = [5, -5, 1 << 40, 5]


def padded(prompts, width, fill=0):
    rows = [prompt + [fill] * (width - len(prompt)) for prompt in prompts]
    return np.int32(rows), np.int32([len(prompt) for prompt in prompts])


def run(prompts=PROMPTS, lengths=LENGTHS, seeds=SEEDS, width=5, most=12, fill=0, **options):
    """The rows that `generate` writes, as lists."""
    prompt, prompt_lengths = padded(prompts, width, fill)
    tokens, counts = generate(
        step,
        prompt,
        prompt_lengths,
        begin(len(prompts)),
        length=lengths,
        uniforms=draws(seeds, most),
        **options,
    )
    assert tokens.shape == (len(prompts), most)
    return [row[:count].tolist() for row, count in zip(tokens.numpy(), counts.numpy(), strict=True)]


def test_greedy_output_of_ragged_prompts_is_the_chain_followed_by_hand():
    expected = [written_by_hand(p, n) for p, n in zip(PROMPTS, LENGTHS, strict=True)]
    assert run(temperature=0.0) == expected


def test_sampled_output_takes_each_rows_draws_in_order():
    uniforms = draws(SEEDS, 12).numpy()
    rows = zip(PROMPTS, LENGTHS, uniforms, strict=True)
    assert run() == [written_by_hand(*row) for row in rows]


def test_a_row_depends_neither_on_the_other_rows_nor_on_padding():
    options = {"temperature": [0.7, 0.9, 0.0, 1.0], "top_k": [0, 3, 0, 0], "top_p": [1, 1, 1, 0.8]}
    together = run(**options)
    assert run(width=9, most=15, fill=V - 1, **options) == together
    for row in range(4):
        alone = {name: value[row] for name, value in options.items()}
        prompt, width = PROMPTS[row], len(PROMPTS[row])
        assert run([prompt], [LENGTHS[row]], [SEEDS[row]], width, **alone) == [together[row]]


def test_equal_prompts_and_seeds_give_equal_rows_and_other_seeds_other_rows():
    rows = run([[2, 4]] * 3, 12, [8, 8, 9])
    assert rows[0] == rows[1] != rows[2]


def test_a_row_ends_with_its_first_stop_text_which_it_includes():
    uniforms = draws(SEEDS, 40).numpy()
    free = [written_by_hand(p, 40, u) for p, u in zip(PROMPTS, uniforms, strict=True)]
    for stop in (free[0][3:4], free[1][6:8], free[3][20:23]):
        rows = zip(PROMPTS, uniforms, strict=True)
        expected = [written_by_hand(p, 40, u, stop) for p, u in rows]
        assert any(len(row) < 40 for row in expected)
        assert run(lengths=40, most=40, stop=stop) == expected


def test_the_prompt_does_not_count_towards_the_stop_text():
    first = written_by_hand([3, 1], 6)
    assert run([[3, 1]], 6, [0], 2, temperature=0.0, stop=[1, first[0]]) == [first]


def test_an_empty_stop_text_ends_no_row():
    assert run(stop=tf.zeros([0], tf.int32)) == run()


def test_padding_is_zero_and_the_loop_ends_with_the_last_row():
    calls = []

    def counted(tokens, states):
        tf.py_function(lambda: calls.append(1), [], [])
        return step(tokens, states)

    prompt, prompt_lengths = padded([[1], [1, 2, 3]], 3)
    options = {"length": [2, 1], "uniforms": draws([1, 2], 50), "temperature": 0.0}
    tokens, counts = generate(counted, prompt, prompt_lengths, begin(2), **options)
    assert len(calls) == 3  # the second row reads three tokens and writes one
    assert counts.numpy().tolist() == [2, 1]
    assert not tokens[0, 2:].numpy().any()
    assert not tokens[1, 1:].numpy().any()


def test_length_zero_writes_nothing():
    assert run(lengths=0) == [[]] * 4
    assert run(lengths=0, most=0) == [[]] * 4
    assert run(lengths=99, most=3) == [row[:3] for row in run(lengths=3)]


class Served(tf.Module):
    """`generate` as a server would call it, all options tensors, any batch and widths."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None], tf.int64),
        ],
        autograph=False,
    )
    def write(self, prompt, prompt_lengths, length, temperature, top_k, top_p, seeds):
        return generate(
            step,
            prompt,
            prompt_lengths,
            begin(tf.shape(prompt)[0]),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            uniforms=draws(seeds, tf.reduce_max(length)),
        )


REQUEST = (
    *padded(PROMPTS, 5),
    np.int32(LENGTHS),
    np.float32([0.8, 1, 0, 1]),
    np.int32([0, 4, 0, 0]),
    np.float32([1, 1, 1, 0.9]),
    np.int64(SEEDS),
)


def test_a_saved_model_writes_the_same_rows(tmp_path):
    tf.saved_model.save(Served(), tmp_path / "served")
    loaded = tf.saved_model.load(tmp_path / "served")
    tokens, counts = loaded.write(*map(tf.constant, REQUEST))
    rows = [row[:n].tolist() for row, n in zip(tokens.numpy(), counts.numpy(), strict=True)]
    assert rows == run(temperature=REQUEST[3], top_k=REQUEST[4], top_p=REQUEST[5])


@pytest.mark.parametrize("stop", [None, [2, 5]])
def test_xla_writes_the_same_rows_and_takes_the_lengths_from_the_values(stop):
    @tf.function(jit_compile=True, autograph=False)
    def write(prompt, prompt_lengths, length, temperature, top_k, top_p, seeds):
        return generate(
            step,
            prompt,
            prompt_lengths,
            begin(4),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            uniforms=draws(seeds, 12),
            stop=stop,
        )

    options = {"temperature": REQUEST[3], "top_k": REQUEST[4], "top_p": REQUEST[5], "stop": stop}
    for lengths in (LENGTHS, [12, 1, 7, 2]):
        tokens, counts = write(*REQUEST[:2], np.int32(lengths), *REQUEST[3:])
        rows = [row[:n].tolist() for row, n in zip(tokens.numpy(), counts.numpy(), strict=True)]
        assert rows == run(lengths=lengths, **options)


def test_wrong_arguments_are_refused_in_one_sentence():
    def call(prompt=((1, 2),), prompt_lengths=(2,), length=3, uniforms=None, **options):
        uniforms = draws([0], 3) if uniforms is None else uniforms
        options |= {"length": length, "uniforms": uniforms}
        return generate(step, prompt, prompt_lengths, begin(1), **options)

    with pytest.raises(ValueError, match=r"`prompt` must have axes \(batch, time\), got shape"):
        call(prompt=[1, 2])
    with pytest.raises(ValueError, match=r"`prompt` must hold at least one token, got width 0"):
        call(prompt=np.zeros((1, 0)))
    with pytest.raises(ValueError, match=r"`prompt_lengths` must be at least 1, got \(0,\)"):
        call(prompt_lengths=(0,))
    with pytest.raises(ValueError, match=r"`prompt_lengths` must have axes \(batch\)"):
        call(prompt_lengths=2)
    with pytest.raises(ValueError, match=r"`length` must be at least 0, got -1"):
        call(length=-1)
    with pytest.raises(ValueError, match=r"`uniforms` must have axes \(batch, labels\).*`draws"):
        call(uniforms=np.zeros(3))
    with pytest.raises(ValueError, match=r"`top_p` must be in \(0, 1\]"):
        call(top_p=0)
