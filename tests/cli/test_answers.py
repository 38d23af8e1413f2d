"""What each verb prints where all is well: answers on standard output, the rest on standard error."""

import pkgutil

import pytest

from kerasrnn import cli
from kerasrnn.app import app_names


@pytest.fixture(scope="module")
def book(tiny):
    return tiny("char_lm")


def test_apps_lists_every_application(command):
    assert command("apps", "--names").out.splitlines() == app_names()
    shown = command("apps").out
    for name in app_names():
        assert f"{name:12} " in shown
    assert "presets: tiny, small, base" in shown


def verbs() -> list[str]:
    """The files of `kerasrnn.cli`, but for what they share."""
    return [part.name for part in pkgutil.iter_modules(cli.__path__) if part.name != "quiet"]


def test_help_of_every_verb_ends_with_an_example(command):
    shown = command("--help").out
    assert command().out == shown
    for verb in verbs():
        answer = command(verb, "--help")
        assert answer.code == 0
        assert f"\n  {verb} " in shown
        assert f"Example: kerasrnn {verb}" in " ".join(answer.out.split())


def test_train_prints_the_run_folder_and_nothing_else_on_standard_output(book):
    assert book.training.out == f"{book.path}\n"
    assert book.training.err.count("valid_nats_per_char") == book.run.config.epochs


def test_evaluate_json_is_one_object_with_the_agreed_keys(book, command):
    answer = command("evaluate", book.path, "--json", "--split", "valid")
    assert answer.out.count("\n") == 1
    assert list(answer.json) == ["app", "split", "examples", "metrics"]
    assert answer.json["app"] == "char_lm"
    assert answer.json["split"] == "valid"
    assert list(answer.json["metrics"]) == ["nats_per_char", "bits_per_char", "perplexity"]
    examples, metrics = book.run.judge(split="valid")
    assert answer.json["examples"] == examples
    assert answer.json["metrics"] == pytest.approx(metrics)
    shown = command("evaluate", book.path, "--split", "valid").out
    assert f"{metrics['perplexity']:.4f}" in shown


def test_predict_json_holds_each_input_with_its_answer(book, command):
    words = ("predict", book.path, "the ", "∀", "", "--length", 9, "--seed=4", "--top-k", 3)
    answer = command(*words, "--json")
    expected = book.run.predict(["the ", "∀", ""], length=9, seed=4, top_k=3)
    pairs = [{"input": i, "answer": a} for i, a in zip(("the ", "∀", ""), expected, strict=True)]
    assert answer.out.count("\n") == 1
    assert answer.json == {"app": "char_lm", "predictions": pairs}
    assert answer.err.splitlines() == ["The model never saw '∀' in training; each is read as ' '."]
    assert command(*words).out == "".join(f"{p['input']}{p['answer']}\n" for p in pairs)


@pytest.fixture
def asked(book, command, monkeypatch):
    """words of `predict` -> the inputs and options that reach the run, and what is printed."""

    def ask(*words):
        got = {}

        def predict(run, inputs, **options):
            got.update(options, inputs=inputs)
            return ["answer"] * len(inputs)

        monkeypatch.setattr(type(book.run), "predict", predict)
        answer = command("predict", book.path, *words)
        assert answer.code == 0, answer.err
        return got, answer

    return ask


def test_options_and_prompts_may_stand_in_any_order(asked):
    got, _ = asked(
        "--length", "9", "the ", "--seed", "-7", "--greedy", "--json", "--top-p=0.5", "b"
    )
    assert got["inputs"] == ["the ", "b"]
    assert [got[name] for name in ("length", "seed", "greedy", "top_p")] == [9, -7, True, 0.5]
    assert [got[name] for name in ("temperature", "top_k", "stop")] == [0.8, 0, ""]
    assert asked("the ", "--greedy=no", "--stop", "--")[0]["stop"] == "--"


def test_after_two_dashes_all_are_prompts(asked):
    got, _ = asked("--length", 5, "a", "--", "--the", "--", "--length")
    assert got["inputs"] == ["a", "--the", "--", "--length"]
    assert got["length"] == 5


def test_a_prompt_that_was_no_utf8_is_printed_without_harm(asked):
    assert asked("the \udcff", "--json")[1].json["predictions"][0]["input"] == "the \udcff"
    assert asked("the \udcff")[1].out == "the \\udcffanswer\n"


def test_help_of_predict_says_where_inputs_stand(command):
    usage = " ".join(command("predict", "--help").out.split())
    assert "kerasrnn predict [OPTIONS] {RUN} [INPUT]… [the app's own options]" in usage


def test_the_apps_own_options_are_listed_with_their_defaults(book, command):
    listed = command("predict", book.path, "--options").out
    for option in ("--length", "--temperature", "--top-k", "--top-p", "--greedy", "--stop"):
        assert option in listed
    assert "default 0.8" in listed


def test_without_data_the_first_line_says_what_is_read(command, monkeypatch, tmp_path):
    from kerasrnn import learning

    def stop(*args, **kwargs):
        raise learning.UserError("stop")

    monkeypatch.setattr(learning, "_prepared", stop)
    words = ["train", "char_lm", "--preset", "tiny", "--out", tmp_path / "run"]
    said = command(*words).err.splitlines()
    assert said[0] == "No --data: training on the source text of this Python's standard library."


def test_every_option_of_train_arrives(command, monkeypatch, tmp_path):
    from kerasrnn import run

    got = {}

    def stop(app, data, **options):
        got.update(options, app=app.name, data=data)
        raise run.UserError("stop")

    monkeypatch.setattr(run, "train", stop)
    words = "train char_lm --data x --preset tiny --set a=1 --set b=2 --epochs 3 --max-minutes 1.5"
    words += f" --out {tmp_path} --resume --seed 7 --jit on --precision mixed_bfloat16"
    words += " --profile --deterministic --distribute mirrored:2"
    assert command(*words.split()).code == 2
    assert got == {
        "app": "char_lm", "data": "x", "preset": "tiny", "config": None, "settings": ("a=1", "b=2"),
        "epochs": 3, "max_minutes": 1.5, "out": tmp_path, "resume": True, "seed": 7, "jit": "on",
        "precision": "mixed_bfloat16", "profile": True, "deterministic": True, "distribute": "mirrored:2",
    }  # fmt: skip
