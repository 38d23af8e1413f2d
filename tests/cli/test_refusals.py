"""What is wrong with the user's input is said in one line, ends with 2, and leaves nothing behind."""

import errno
import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def place(tiny, tmp_path_factory):
    """A folder of things to be wrong about, and one run and one export that are right."""
    book = tiny("char_lm")
    folder = tmp_path_factory.mktemp("place")
    files = {"good.txt": b"to be or not to be " * 20, "empty.txt": b"", "one.txt": b"a"}
    files |= {"same.txt": b"a" * 500, "binary": b"ELF\0\0\1", "latin.txt": b"caf\xe9"}
    files |= {"list.json": b"[1]", "bad.json": b"{", "latin.json": b"\xe9"}
    files |= {"key.json": b'{"unitz": [4]}', "type.json": b'{"units": 4}'}
    files |= {"nan.json": b'{"learning_rate": NaN}', "deep.json": b"[" * 100_000}
    files |= {"vast.json": b'{"learning_rate": 1' + b"0" * 400 + b"}"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for name in ("empty", "binaries", "half", "other", "taken"):
        (folder / name).mkdir()
    (folder / "binaries" / "a").write_bytes(b"\0")
    (folder / "taken" / "file").write_text("")
    (folder / "other" / "config.json").write_text("{}")
    config = (book.path / "config.json").read_text("utf-8")
    (folder / "half" / "config.json").write_text(config)
    (folder / "run").symlink_to(book.path)
    (folder / "models").mkdir()
    (folder / "models" / "char_lm" / "1").mkdir(parents=True)
    return folder


TRAIN = "train char_lm --data good.txt --preset tiny --out new"
REFUSALS = {
    "train char_lm --data missing.txt --out new": "Cannot read .*missing.txt: No such file",
    "train char_lm --data empty.txt --out new": "must hold characters, but .*empty.txt is empty",
    "train char_lm --data binary --out new": "holds NUL bytes: it is a binary file",
    "train char_lm --data latin.txt --out new": "is not at byte 3",
    "train char_lm --data one.txt --out new": "two different characters, .* holds only 'a'",
    "train char_lm --data same.txt --out new": "two different characters, .* holds only 'a'",
    "train char_lm --data empty --out new": "must hold characters, but .*empty is empty",
    "train char_lm --data /dev/null --out new": "must be a regular file",
    "train bogus --data good.txt --out new": "An app must be one of .*char_lm.*; got 'bogus'",
    "train --data good.txt --out new": "Missing argument",
    f"{TRAIN} --preset smal": "must be one of .*; got 'smal'. Did you mean 'small'?",
    f"{TRAIN} --preset missing.json": "must be JSON, but missing.json cannot be read: .*No such",
    f"{TRAIN} --preset ./none": "must be JSON, but none cannot be read",
    f"{TRAIN} --preset bad.json": "must be JSON, but bad.json cannot be read",
    f"{TRAIN} --preset latin.json": "must be JSON, but latin.json cannot be read",
    f"{TRAIN} --preset list.json": "must hold one JSON object",
    f"{TRAIN} --preset key.json": "got 'unitz'. Did you mean 'units'?",
    f"{TRAIN} --preset type.json": "`units` must be of type .*, got 4",
    f"{TRAIN} --preset nan.json": "`learning_rate` must be above 0, got nan",
    f"{TRAIN} --preset deep.json": "cannot be read: it is nested too deeply",
    f"{TRAIN} --preset vast.json": "`learning_rate` must be below 2,147,483,648, got one of 401 digits",
    f"{TRAIN} --set units=99999999999": "`units` must be below 2,147,483,648, got one of 11 digits",
    f"{TRAIN} --distribute mirrored:65": "`distribute` must be mirrored:64 at most, got 'mirrored:65'",
    f"{TRAIN} --set unitz=4": "got 'unitz'. Did you mean 'units'?",
    f"{TRAIN} --set units=wide": "`units` must be of type .*, got 'wide'",
    f"{TRAIN} --set units=": "`units` must name at least one layer",
    f"{TRAIN} --set batch_size=2000000000": "`batch_size` must be from 1 to 1,000,000, got 2,0",
    f"{TRAIN} --set units=0": "`units` must be above 0, got 0",
    f"{TRAIN} --set dropout=1": r"`dropout` must be in \[0, 1\), got 1.0",
    f"{TRAIN} --set cell=lstn": "`cell` must be one of .*; got 'lstn'",
    f"{TRAIN} --set units": "must be written key=value, got 'units'",
    f"{TRAIN} --epochs 0": "`epochs` must be above 0, got 0",
    f"{TRAIN} --epochs many": "Invalid value for '--epochs'",
    f"{TRAIN} --max-minutes -1": "`max_minutes` must be above 0, got -1",
    f"{TRAIN} --max-minutes inf": "`max_minutes` must be above 0, got inf",
    f"{TRAIN} --max-minutes nan": "`max_minutes` must be above 0, got nan",
    f"{TRAIN} --seed -1": r"`seed` must be from 0 to 2\*\*32 - 1, got -1",
    f"{TRAIN} --jit maybe": "`jit` must be one of auto, off, on; got 'maybe'",
    f"{TRAIN} --precision double": "`precision` must be one of float32, .*; got 'double'",
    f"{TRAIN} --bogus": "No such option: --bogus.*; see `kerasrnn train --help`",
    f"{TRAIN} --out taken": "must be new, but taken exists; choose another with --out",
    f"{TRAIN} --out good.txt": "good.txt is not a folder that can be written to",
    f"{TRAIN} --out good.txt/run": "good.txt is not a folder that can be written to",
    f"{TRAIN} --out other --resume": "holds a config.json written by `kerasrnn train`",
    f"{TRAIN} --out taken --resume": "no run to go on with in taken, and it is not empty",
    f"{TRAIN} --out {'a' * 300}": "File name too long: a",
    f"{TRAIN} --out \udcff": r"Names must be UTF-8, got '\\udcff'",
    "serve models --max-megabytes inf": "less than or equal to 2048",
    "bogus": "No such command 'bogus'",
    "evaluate missing": "holds a config.json .* does not .No such file",
    "evaluate taken": "holds a config.json .* does not .No such file",
    "evaluate other": "it lacks `app`, or has one of another kind",
    "evaluate half": "holds model.keras, but half does not: its training has not ended",
    "evaluate run --split dev": "must be one of all, test, train, valid; got 'dev'",
    "evaluate run --data missing.txt": "Cannot read missing.txt: No such file",
    "evaluate run --data empty.txt": "empty.txt is empty",
    "predict half the": "its training has not ended",
    "predict run": "at least one input, got none",
    "predict run the --bogus 1": "must be one of alpha, beam, .*; got 'bogus'",
    "predict run the --lenght 1": "got 'lenght'. Did you mean 'length'?",
    "predict run the --length": "--length must be followed by a value, got none",
    "predict run the --length long": "`length` must be of type int, got 'long'",
    "predict run the --length 100001": "`length` must be at most 100,000, got 100,001",
    "predict run the --top-p 0": "`top_p` must be above 0, got 0",
    "predict run the --temperature=-1": "`temperature` must be at least 0, got -1.0",
    "predict run the --beam 2 --greedy": "`beam` must be 0 with greedy, top_k or top_p",
    "predict run the --beam 2 --stop ab": "`stop` must be one token where a beam searches, got 'ab'",
    "export half --to new": "its training has not ended",
    "export run --to models": "The export target exists: .* holds version 1; .*--add-version",
    "export run --to good.txt": "good.txt is not a folder that can be written to",
    "export run --name ../up": "--name must be a plain name without slashes, got '../up'",
    "export run --format onnx --add-version": "--add-version is of saved_model alone, got --format onnx",
    "export run --format litert --add-version": "--add-version is of .* alone, got --format litert",
    "export run --format onnx --steps 8": "--steps is of litert alone, got --format onnx",
    "export run --steps 8": "--steps is of litert alone, got --format saved_model",
    "export run --to . --name taken": "holds something else than versions",
}


@pytest.mark.parametrize(("words", "sentence"), REFUSALS.items(), ids=REFUSALS)
def test_wrong_input_is_one_line_and_exit_code_two(
    place, tree, command, monkeypatch, words, sentence
):
    monkeypatch.chdir(place)
    before = tree(place)
    answer = command(*words.split())
    assert answer.code == 2
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("kerasrnn: ")
    assert re.search(sentence, answer.err), answer.err
    assert tree(place) == before


def test_a_refusal_leaves_an_empty_run_folder_empty(place, command, tmp_path):
    answer = command("train", "char_lm", "--data", place / "one.txt", "--out", tmp_path)
    assert answer.code == 2
    assert not any(tmp_path.iterdir())


def test_an_interrupted_verb_says_so_and_ends_with_130(command, monkeypatch):
    from kerasrnn import app

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "app_names", interrupted)
    answer = command("apps")
    assert answer.code == 130
    assert answer.err == "kerasrnn: interrupted; what was saved is kept.\n"


def test_what_does_not_fit_into_memory_is_told_in_a_line(command, monkeypatch):
    import tensorflow as tf

    from kerasrnn import app

    for error in (
        MemoryError("Unable to allocate 4 EiB"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\na tensor"),
    ):

        def greedy(error=error):
            raise error

        monkeypatch.setattr(app, "app_names", greedy)
        answer = command("apps")
        assert answer.code == 2
        assert re.fullmatch(
            r"kerasrnn: the memory must hold .* \((Unable|OOM) .*\); ask for less.\n", answer.err
        )


def test_what_the_machine_refuses_is_told_in_a_line(command, monkeypatch):
    from kerasrnn import app

    def full():
        raise OSError(errno.ENOSPC, "No space left on device", "model.keras")

    monkeypatch.setattr(app, "app_names", full)
    answer = command("apps")
    assert answer.code == 2
    assert answer.err == "kerasrnn: No space left on device: model.keras.\n"


@pytest.mark.parametrize("end", [">&-", "| true"])
def test_an_answer_that_nobody_reads_is_no_defect(end):
    called = [sys.executable, "-c", "from kerasrnn.cli import main; main()", "apps"]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {end}', "-", *called], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_defect_is_not_dressed_up_as_the_users_mistake(command, monkeypatch):
    from kerasrnn import app

    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(app, "app_names", broken)
    with pytest.raises(ZeroDivisionError):
        command("apps")
