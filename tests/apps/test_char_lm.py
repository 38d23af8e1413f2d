"""The character model: against deck 001's "hello", a forward pass in NumPy, and the entropy of a text."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps import char_lm
from kerasrnn.apps.char_lm import decode
from kerasrnn.apps.char_lm.config import Config, Options
from kerasrnn.apps.char_lm.data import Assets, open_source, prepare
from kerasrnn.data import streams
from kerasrnn.data.documents import Source
from kerasrnn.data.splits import side
from kerasrnn.errors import UserError


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def log_softmax(a):
    a = a - a.max()
    return a - np.log(np.exp(a).sum())


def nats_by_hand(run, tokens, begins):
    """-Σ ln P(next character) over `tokens`, float64; the state is zero where `begins` says so."""
    network = run.model.model
    lstm = [np.float64(w) for w in network.get_layer("lstm_1").get_weights()]
    kernel, bias = (np.float64(w) for w in network.get_layer("outputs").get_weights())
    total = 0.0
    for place, (token, target) in enumerate(pairwise(tokens)):
        if place in begins:
            h = c = np.zeros(len(lstm[1]))
        i, f, g, o = np.split(lstm[0][token] + h @ lstm[1] + lstm[2], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        total -= log_softmax(h @ kernel + bias)[target]
    return total


@pytest.fixture(scope="module")
def book(tiny):
    return tiny("char_lm")


def test_after_hello_the_greedy_answer_to_h_is_ello(tmp_path):
    (tmp_path / "hello.txt").write_text("hello")
    numbers = {"units": (16,), "batch_size": 1, "steps": 4, "epoch_steps": 150, "epochs": 1}
    config = Config(cell="simple_rnn", learning_rate=0.02, **numbers)
    run = char_lm.train(tmp_path / "hello.txt", config=config, out=tmp_path / "run")
    assert run.assets.vocabulary == "helo"
    assert run.predict(["h"], length=4, greedy=True) == ["ello"]
    assert run.evaluate(split="all")["perplexity"] < 1.2


def test_tiny_beats_the_unigram_entropy_of_real_text(tmp_path):
    config = char_lm.PRESETS["tiny"]
    text = "".join(open_source(None, config).splits["valid"])
    counts = np.array(list(Counter(text).values())) / len(text)
    entropy = -(counts * np.log(counts)).sum()
    run = char_lm.train(preset="tiny", out=tmp_path / "run")
    assert run.evaluate(split="valid")["nats_per_char"] < 0.95 * entropy
    assert run.data is None


def test_the_metrics_are_those_of_a_forward_pass_by_hand_over_each_strip(book):
    text = "".join(("κόσμε 😀\n", "the lazy dog, 好\n")[n % 3 % 2] for n in range(400))
    path = book.source.parent / "other.txt"
    path.write_text(text, "utf-8")
    tokens = [book.run.assets.vocabulary.index(c) for c in text]
    chunks = math.ceil((len(tokens) - 1) / streams.JUDGING_STEPS)
    strip = streams.JUDGING_STEPS * math.ceil(chunks / streams.JUDGING_ROWS)
    begins = set(range(0, len(tokens), strip))
    assert 1 < len(begins) < chunks
    expected = nats_by_hand(book.run, tokens, begins) / (len(tokens) - 1)
    examples, metrics = book.run.judge(str(path), "all")
    assert examples == len(tokens) - 1
    assert metrics["nats_per_char"] == pytest.approx(expected, rel=1e-4)
    assert metrics["bits_per_char"] == pytest.approx(expected / math.log(2), rel=1e-4)
    assert metrics["perplexity"] == pytest.approx(math.exp(expected), rel=1e-3)


def test_a_text_in_one_chunk_costs_what_a_forward_pass_from_zero_costs(book):
    (book.source.parent / "short.txt").write_text("the end\nthe fox")
    tokens = book.run.assets.encode("the end\nthe fox")
    examples, metrics = book.run.judge(str(book.source.parent / "short.txt"), "all")
    assert metrics["nats_per_char"] * examples == pytest.approx(
        nats_by_hand(book.run, tokens, {0}), rel=1e-4
    )


def test_the_vocabulary_is_the_characters_in_order_of_appearance(book):
    text = book.source.read_text("utf-8")
    assert book.run.assets.vocabulary == "".join(dict.fromkeys(text))
    assert book.run.assets.vocabulary[book.run.assets.replacement] == " "


def test_without_a_space_the_commonest_character_stands_in():
    assets = prepare(Source("x", {"train": ("cab", "dbb", "ea")}), Config())
    assert assets == Assets("cabde", 2)


def test_every_answer_is_made_of_seen_characters_and_as_long_as_asked(book):
    prompts = ["the", "", "κόσμε 😀", "你好", "never seen: ∀ß"]
    answers = book.run.predict(prompts, length=40, temperature=2.0)
    assert [len(answer) for answer in answers] == [40] * 5
    assert set("".join(answers)) <= set(book.run.assets.vocabulary)
    assert book.run.predict([], length=40) == []
    assert book.run.predict(["a"], length=0) == [""]


def test_unseen_characters_are_read_as_the_space_and_told_once(book, capsys):
    told = book.run.predict(["the ßß∀ fox"], length=20)
    assert capsys.readouterr().err.splitlines() == [
        "The model never saw 'ß∀' in training; each is read as ' '."
    ]
    assert book.run.predict(["the ßß∀ fox"], length=20) == told
    assert capsys.readouterr().err == ""
    assert book.run.predict(["the     fox"], length=20) == told


def test_a_byte_that_was_no_utf8_is_an_unseen_character(book, capsys):
    assert book.run.predict(["the \udcff"], length=9) == book.run.predict(["the  "], length=9)
    assert "never saw '\\udcff'" in capsys.readouterr().err


def by_hand(book, prompt, length):
    """The likeliest continuation, each character by its own forward pass."""
    tokens = list(book.run.assets.encode(prompt))
    size = len(book.run.assets.vocabulary)
    for _ in range(length):
        costs = [nats_by_hand(book.run, [*tokens, token], {0}) for token in range(size)]
        tokens.append(int(np.argmin(costs)))
    return "".join(book.run.assets.vocabulary[token] for token in tokens[len(prompt) :])


def test_greedy_text_is_the_likeliest_character_by_hand_each_time(book):
    assert book.run.predict(["the q"], length=10, greedy=True) == [by_hand(book, "the q", 10)]


def test_each_option_reaches_the_decoder(book):
    def ask(**options):
        return book.run.predict(["the ", "jump"], length=40, **options)

    greedy = ask(greedy=True)
    assert ask(temperature=0.0, seed=3) == greedy
    assert ask(temperature=1.0, top_k=1, seed=4) == greedy
    assert ask(temperature=1.0, top_p=1e-6, seed=5) == greedy
    drawn = ask(temperature=1.0, seed=1)
    assert drawn == ask(temperature=1.0, seed=1)
    for options in ({"seed": 2}, {"temperature": 0.3}, {"top_k": 2}, {"top_p": 0.3}):
        assert ask(**{"temperature": 1.0, "seed": 1, **options}) != drawn


def test_a_stop_text_ends_an_answer(book, capsys):
    (free,) = book.run.predict(["the "], length=40, seed=1)
    stop = free[7:9]
    (stopped,) = book.run.predict(["the "], length=40, seed=1, stop=stop)
    assert stopped == free[: free.index(stop) + 2]
    assert book.run.predict(["the "], length=40, seed=1, stop="∀") == [free]
    assert "cannot write the stop text '∀'" in capsys.readouterr().err


def test_wrong_options_and_prompts_are_refused(book):
    for options in ({"length": -1}, {"temperature": -0.1}, {"top_k": -1}, {"top_p": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            Options(**options)
    with pytest.raises(ValueError, match="top_p"):
        Options(top_p=1.1)
    with pytest.raises(UserError, match="must be a string"):
        book.run.predict([b"the"])
    with pytest.raises(UserError, match="A split must be one of all, test, train, valid"):
        book.run.evaluate(split="bogus")


def test_training_and_serving_read_and_spell_every_character_alike(book):
    known = "".join(map(chr, [*range(1, 0xD800, 7), *range(0xE000, 0x11000), 0x1F600, 0x10FFFF]))
    known = " " + "".join(dict.fromkeys(known.replace(" ", "")))
    writer = decode.CharWriter(book.run.model, Assets(known, 0))
    text = known + "\ufeffa" + "".join(map(chr, range(1, 3000)))
    tokens, lengths = writer.read(tf.constant(["\ufeffa", text, ""]))
    assert lengths.numpy().tolist() == [2, len(text), 1]
    numbers = {c: n for n, c in enumerate(known)}
    assert tokens[1, : len(text)].numpy().tolist() == [numbers.get(c, 0) for c in text]
    assert Assets(known, 0).encode(text).tolist() == [numbers.get(c, 0) for c in text]
    assert tokens[2].numpy().tolist() == [0] * tokens.shape[1]
    spelt = writer.spell(np.arange(len(known))[None], [len(known)], [""])
    assert spelt.numpy()[0].decode() == known


def test_many_documents_are_dealt_out_whole_and_few_are_cut(tmp_path, capsys):
    for number in range(120):
        (tmp_path / f"{number}.txt").write_text(f"document {number} " * 3)
    splits = open_source(str(tmp_path), Config()).splits
    names = [path.name for path in sorted(tmp_path.iterdir())]
    texts = [(tmp_path / name).read_text() for name in names]
    assert list(splits["all"]) == texts
    for split in ("train", "valid", "test"):
        owned = [t for n, t in zip(names, texts, strict=True) if side(n) == split]
        assert list(splits[split]) == owned
    for path in sorted(tmp_path.iterdir())[5:]:
        path.unlink()
    (tmp_path / "binary").write_bytes(b"\0")
    (tmp_path / "long.txt").write_text("ab" * 100)
    splits = open_source(str(tmp_path), Config()).splits
    assert splits["train"][-1] == "ab" * 90
    assert splits["valid"][-1] == splits["test"][-1] == "ab" * 10
    assert capsys.readouterr().err.startswith("1 files in")
    limited = open_source(str(tmp_path), Config(max_chars=210)).splits
    assert sum(map(len, limited["all"])) == 210


def test_a_training_compiled_by_xla_takes_the_same_steps(tmp_path):
    (tmp_path / "text.txt").write_text("to be, or not to be: that is the question. " * 9)
    numbers = {"units": (16,), "batch_size": 2, "steps": 6, "epoch_steps": 4, "epochs": 1}
    losses = []
    for xla in (False, True):
        config = Config(xla=xla, **numbers)
        run = char_lm.train(tmp_path / "text.txt", config=config, out=tmp_path / f"run{xla}")
        assert bool(char_lm.build(config, run.assets).jit_compile) is xla
        losses.append(run.evaluate(split="all")["nats_per_char"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
