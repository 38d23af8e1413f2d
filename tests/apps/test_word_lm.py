"""The word model: its tokens against a tokenizer in Python, its numbers against a forward pass in NumPy."""

import dataclasses
import itertools
import json
import re

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps import word_lm
from kerasrnn.apps.word_lm.config import Config, Options
from kerasrnn.apps.word_lm.data import Assets, open_source, prepare, tokenize, words
from kerasrnn.apps.word_lm.decode import WordWriter
from kerasrnn.apps.word_lm.model import network
from kerasrnn.data.documents import Source
from kerasrnn.errors import UserError


@pytest.fixture(scope="module")
def book(tiny):
    return tiny("word_lm")


def by_hand(text):
    """The tokens of a text, in Python: no marks, and no space but " " and "\\n"."""
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r" *\n *", "\n", text))
    found = re.findall(r"\w+(?:['’-]\w+)*|-{2,}|\.{2,}|\n|[^\s]", text)
    return ["</s>" if token == "\n" else token for token in found]


@pytest.mark.parametrize(
    "text",
    [
        'The cat\'s paw -- it is well-known...\n\n\n \nEND: 3,5 _x_ ("yes"). ',
        "καλημέρα κόσμε 😀\n你好世界, naïve don’t",
        "</s> <unk> <s>",
        "'tis 'quoted' - - a--b.c",
        "",
        "\n \n",
    ],
)
def test_tokens_are_words_marks_and_line_ends(text):
    assert words([text], lowercase=False) == by_hand(text)


def test_marks_spaces_and_broken_bytes_of_every_kind_are_read():
    raw = ["cafe\u0301 a\u00a0b\u2003c\r\td".encode(), b"a\xffb"]
    tokens = [[t.decode() for t in row] for row in tokenize(tf.constant(raw), True).to_list()]
    assert tokens == [["cafe\u0301", "a", "b", "c", "d"], ["a", "\ufffd", "b"]]
    assert words(["ÀΣ Çé"], lowercase=True) == ["àς", "çé"]


def test_the_vocabulary_is_the_commonest_words_of_the_training_text():
    source = Source("x", {"train": ("b a a c a\nb, c b", "d a"), "valid": ("v v v v",)})
    assets = prepare(source, Config(vocabulary=5))
    expected = Assets(("</s>", "<unk>", "a", "b", "c"), False, rare=2, counts=(3, 2, 4, 3, 2))
    assert assets == expected  # rare are "," and "d"
    assert assets.encode("a d\nc\n\n").tolist() == [0, 2, 1, 0, 4, 0]
    assert prepare(source, Config(min_count=1)).vocabulary[2:] == ("a", "b", "c", ",", "d")
    assert assets.unseen(["a d e", "d f"]) == ["d", "e", "f"]
    with pytest.raises(UserError, match="lower min_count"):
        prepare(source, Config(min_count=9))


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def chances_by_hand(model, tokens):
    """ln P(every token | those before), float64, (T, V), from the model's own weights; tied."""
    weight = {v.path: np.float64(v.numpy()) for v in model.variables}
    named = {path.split("/", 1)[0]: value for path, value in weight.items() if "lstm" not in path}
    lstm = [np.float64(w) for w in model.get_layer("lstm_1").get_weights()]
    h = c = np.zeros(len(lstm[1]))
    rows = []
    for token in tokens:
        i, f, g, o = np.split(named["words"][token] @ lstm[0] + h @ lstm[1] + lstm[2], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = h @ named.get("projection", np.eye(len(h))) @ named["words"].T + named["bias"]
        rows.append(logits - logits.max() - np.log(np.exp(logits - logits.max()).sum()))
    return np.array(rows)


def test_the_perplexity_is_that_of_a_forward_pass_by_hand(book):
    text = "the lazy dog\nthe quick fox never, κόσμε\n\nthe end."
    path = book.source.parent / "short.txt"
    path.write_text(text, "utf-8")
    tokens = book.run.assets.encode(text)
    assert len(tokens) == 1 + len(by_hand(text + "\n"))
    chances = chances_by_hand(book.run.model.model, tokens[:-1])
    nats = -np.mean(chances[np.arange(len(tokens) - 1), tokens[1:]])
    examples, metrics = book.run.judge(str(path), "all")
    assert examples == len(tokens) - 1
    assert metrics["perplexity"] == pytest.approx(np.exp(nats), rel=1e-4)


def test_without_tied_tables_or_with_other_sizes_the_network_is_the_one_drawn():
    assets = Assets(("</s>", "<unk>", *"abcde"), False)
    wide = network(Config(units=(6,), embedding_size=4), assets)
    tokens = np.array([[0, 3, 5, 1]])
    logits, *_ = wide([tokens, np.zeros((1, 6)), np.zeros((1, 6))])
    expected = chances_by_hand(wide, tokens[0])
    np.testing.assert_allclose(tf.nn.log_softmax(logits)[0], expected, atol=1e-5)
    shapes = [
        w.shape for w in network(Config(units=(4,), embedding_size=4, tied=False), assets).weights
    ]
    assert (7, 4) in shapes
    assert (4, 7) in shapes


def test_an_untrained_network_predicts_each_word_by_its_frequency():
    assets = Assets(("</s>", "<unk>", "a", "b"), False, counts=(9, 0, 4, 3))
    plain = network(Config(units=(5,), embedding_size=5), assets)
    plain.get_layer("words").embeddings.assign(np.zeros((4, 5)))
    logits, *_ = plain([np.array([[0, 2]]), np.zeros((1, 5)), np.zeros((1, 5))])
    np.testing.assert_allclose(tf.nn.softmax(logits)[0], [[0.5, 0.05, 0.25, 0.2]] * 2, rtol=1e-5)


def test_tiny_beats_the_unigram_perplexity_of_real_text(tmp_path):
    settings = ("max_chars=120000", "epoch_steps=100")
    run = word_lm.train(preset="tiny", settings=settings, out=tmp_path / "run")
    texts = open_source(None, run.config).splits
    train, valid = (
        np.concatenate([run.assets.encode(text)[1:] for text in texts[split]])
        for split in ("train", "valid")
    )
    counts = np.bincount(train, minlength=len(run.assets.vocabulary)) + 1
    unigram = np.exp(-np.log(counts[valid] / counts.sum()).mean())
    assert run.evaluate(split="valid")["perplexity"] < 0.9 * unigram


def test_answers_hold_known_words_only_and_read_on_from_the_prompt(book):
    prompts = ["the", "", "the ", "κόσμε never-seen"]
    answers = book.run.predict(prompts, length=30, temperature=3.0)
    for answer in answers:
        assert set(by_hand(answer)) <= set(book.run.assets.vocabulary) - {"<unk>"}
        assert "  " not in answer
        assert len(by_hand(answer)) <= 30
    assert not any(answers[n].startswith(" ") for n in (1, 2))
    assert book.run.predict(["a"], length=0) == [""]
    assert book.run.predict([], length=3) == []


def test_greedy_words_are_the_likeliest_by_hand(book):
    tokens = [0, *book.run.assets.encode("jumps; the")[1:-1]]
    for _ in range(4):
        chances = chances_by_hand(book.run.model.model, tokens)[-1]
        chances[1] = -np.inf
        tokens.append(int(chances.argmax()))
    expected = [book.run.assets.vocabulary[token] for token in tokens[-4:]]
    assert by_hand(*book.run.predict(["jumps; the"], length=4, greedy=True)) == expected


def test_words_are_spelt_with_the_spaces_that_a_text_has(book):
    vocabulary = ("</s>", "<unk>", "a", ",", "(", ")", "b")
    writer = WordWriter(book.run.model, Assets(vocabulary, False))
    tokens = [[vocabulary.index(w) for w in ("a", ",", "(", "b", ")", "</s>", "</s>", "b")]] * 4
    spelt = writer.spell(
        tf.constant(tokens), tf.constant([8, 8, 8, 0]), ["x", "", "x\n", "x"]
    ).numpy()
    assert [text.decode() for text in spelt] == [" a, (b)\n\nb", "a, (b)\n\nb", "a, (b)\n\nb", ""]


def test_unknown_words_and_stops_are_told(book, capsys):
    book.run.predict(["the ßß fox"], length=5)
    assert capsys.readouterr().err == "The model does not know 'ßß'; each is read as <unk>.\n"
    (free,) = book.run.predict(["the"], length=30, seed=1)
    first = by_hand(free)[0]
    (stopped,) = book.run.predict(["the"], length=30, seed=1, stop=first.replace("</s>", "\n"))
    assert by_hand(stopped) == [first]
    assert book.run.predict(["the"], length=30, seed=1, stop="ßß") == [free]
    assert "cannot write the stop text" in capsys.readouterr().err


def test_hypotheses_are_ranked_by_their_score_and_the_models(book, command, tmp_path):
    sentences = ["the quick brown fox , 你好世界", "fox the the quick", "jumps; the", ""]
    chances = []
    for sentence in sentences:
        tokens = book.run.assets.encode(sentence)
        by_word = chances_by_hand(book.run.model.model, tokens[:-1])
        chances.append(by_word[np.arange(len(tokens) - 1), tokens[1:]].sum())
    scores = [-3.0, -1.5, -2.25, -40.0]
    path = tmp_path / "nbest.tsv"
    lines = [f"{score}\t{sentence}\n" for score, sentence in zip(scores, sentences, strict=True)]
    path.write_text("".join([*lines[:2], "\n\n", *lines[2:]]), "utf-8")
    options = {"nbest": True, "weight": 0.5, "word_bonus": 0.25}
    (ranked,) = book.run.predict([str(path)], **options)
    totals = [
        score + 0.5 * chance + 0.25 * len(sentence.split())
        for score, chance, sentence in zip(scores, chances, sentences, strict=True)
    ]
    for found, numbers in zip(ranked, ([0, 1], [2, 3]), strict=True):
        best = sorted(numbers, key=lambda n: -totals[n])
        assert [one["sentence"] for one in found] == [sentences[n] for n in best]
        assert [one["score"] for one in found] == pytest.approx([totals[n] for n in best], rel=1e-4)
    words = ("predict", book.path, path, "--nbest", "--weight", 0.5, "--word-bonus=0.25")
    assert json.loads(command(*words, "--json").out)["predictions"][0]["answer"] == ranked
    shown = [line.split("\t")[1] for line in command(*words).out.splitlines() if "\t" in line]
    assert shown == [one["sentence"] for one in itertools.chain(*ranked)]


def test_an_unknown_word_shares_its_chance_with_the_others_of_its_kind(book):
    sentences = ["the ßß fox ∀", "the fox", "∀"]
    plain, shared = (
        WordWriter(book.run.model, dataclasses.replace(book.run.assets, rare=rare))
        for rare in (1, 10)
    )
    lower = np.subtract(plain.log_probabilities(sentences), shared.log_probabilities(sentences))
    np.testing.assert_allclose(lower, np.log(10) * np.array([2, 0, 1]), atol=1e-4)


@pytest.mark.parametrize("line", ["no tab", "x\tthe", "nan\tthe", "\tthe"])
def test_a_file_that_holds_no_hypotheses_is_refused(book, tmp_path, line):
    path = tmp_path / "nbest.tsv"
    for text, said in ((f"1\tthe\n{line}\n", "line 2"), ("\n\n", "empty")):
        path.write_text(text)
        with pytest.raises(UserError, match=said):
            book.run.predict([str(path)], nbest=True)


def test_the_export_writes_and_scores_as_the_run_does(book):
    served = tf.saved_model.load(str(book.export)).signatures
    prompts = ["the", "", "κόσμε ßß"]
    options = {"length": 9, "temperature": 0.9, "top_k": 0, "top_p": 1.0, "seed": 4}
    kinds = {"temperature": tf.float32, "top_p": tf.float32}
    given = {name: tf.constant(v, kinds.get(name, tf.int32)) for name, v in options.items()}
    answer = served["serving_default"](prompt=tf.constant(prompts), **given)["text"].numpy()
    assert [text.decode() for text in answer] == book.run.predict(prompts, **options)
    texts = ["the quick fox", "", "the\n", "the quick\nκόσμε fox " * 40]
    scored = served["score"](text=tf.constant(texts))
    assert scored["words"].numpy().tolist() == [4, 1, 2, 201]
    for text, found in zip(texts, scored["log_probability"].numpy(), strict=True):
        tokens = book.run.assets.encode(text)
        chances = chances_by_hand(book.run.model.model, tokens[:-1])
        expected = chances[np.arange(len(tokens) - 1), tokens[1:]].sum()
        assert found == pytest.approx(expected, rel=1e-4)


def test_wrong_options_and_numbers_are_refused():
    for options in ({"length": -1}, {"temperature": -0.1}, {"top_p": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            Options(**options)
    for numbers in ({"vocabulary": 2}, {"min_count": 0}, {"dropout": 1.0}):
        with pytest.raises(ValueError, match="must be"):
            Config(**numbers)
