"""A trained recogniser from files to answers: hostile files, the export beside `predict`, what is drawn."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn.apps.deepspeech import decode
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.apps.deepspeech.pictures import Heard, alignment, spikes
from kerasrnn.apps.deepspeech.utterances import Utterances
from kerasrnn.data.sounds import Sounds
from kerasrnn.errors import UserError
from kerasrnn.export.warmup import read_warmup


def test_hostile_files_are_answered_or_refused_in_one_sentence(tiny, tmp_path):
    run = tiny("deepspeech").run
    rng = np.random.default_rng(0)
    sounds = {
        "silent": np.zeros(8000), "one": np.ones(1), "clipped": np.sign(rng.normal(size=4000)),
        "tiny": 1e-30 * rng.normal(size=3000), "loud": 1e9 * rng.normal(size=3000),
    }  # fmt: skip
    for name, sound in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, 8000, subtype="FLOAT")
    for answer in run.predict([tmp_path / f"{name}.wav" for name in sounds]):
        assert np.isfinite(answer["confidence"])
        assert 0 <= answer["confidence"] <= 1
        assert set(answer) == {"transcript", "confidence", "words"}
    soundfile.write(tmp_path / "louder.wav", np.full(99, 1e30), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "nan.wav", np.full(99, np.nan), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    (tmp_path / "text.wav").write_text("hello")
    whole = bytearray((tmp_path / "one.wav").read_bytes())
    whole[24:28] = (1).to_bytes(4, "little")  # its rate
    (tmp_path / "header.wav").write_bytes(whole)
    with soundfile.SoundFile(tmp_path / "hours.flac", "w", 8000, 1) as file:
        for _ in range(8 * 60):
            file.write(np.zeros(60 * 8000, np.int16))
    refused = {
        "nan.wav": "must be finite", "louder.wav": "must be finite", "empty.wav": "holds none",
        "text.wav": "cannot be read as audio",
        "header.wav": "must be 100 to", "hours.flac": "must last at most 600 s", "gone.wav": "is none",
    }  # fmt: skip
    for name, says in refused.items():
        with pytest.raises(UserError, match=says):
            run.predict([tmp_path / name])


def test_the_export_says_what_predict_says(tiny):
    trained = tiny("deepspeech")
    files = [name for name in trained.inputs if name.endswith(".wav")]
    served = tf.saved_model.load(str(trained.export)).signatures["serving_default"]
    found = served(tf.constant([Path(name).read_bytes() for name in files]))
    for row, answer in enumerate(trained.run.predict(files)):
        assert found["transcript"].numpy()[row].decode() == answer["transcript"]
        assert float(found["confidence"][row]) == pytest.approx(answer["confidence"], abs=1e-3)
        times = found["timestamps"].numpy()[row]
        assert decode.words(answer["transcript"], times) == answer["words"]


def test_letters_lie_in_order_in_the_recording(tiny):
    run = tiny("deepspeech").run
    heard = decode.listener(run.model, run.config, run.assets)
    logits = np.full((1, 9, 8), -5, np.float32)
    blank, spelled = heard.blank, [*run.assets.spell("no y")]
    for step, letter in zip((0, 2, 4, 6, 7), (*spelled, spelled[-1]), strict=True):
        logits[0, step, letter] = 5
    logits[0, [1, 3, 5, 8], blank] = 5
    for beams in (1, 4):
        found = heard.written(tf.constant(logits), tf.constant([9]), beams)
        assert found["transcript"].numpy()[0, 0] == b"no y"
        steps = found["timestamps"].numpy()[0, 0] / run.config.step_seconds
        np.testing.assert_allclose(steps, [[0, 1], [2, 3], [4, 5], [6, 8]], rtol=1e-5)
    second = run.config.step_seconds
    assert decode.words("no y", found["timestamps"].numpy()[0, 0]) == [
        {"word": "no", "begin": 0.0, "end": round(3 * second, 3)},
        {"word": "y", "begin": round(6 * second, 3), "end": round(8 * second, 3)},
    ]


def test_pictures_are_drawn(tiny):
    plots = {path.name for path in (tiny("deepspeech").path / "plots").iterdir()}
    assert {"spikes.png", "alignment.png", "confusion.png", "learning_curve.png"} <= plots


def test_a_recording_too_short_for_its_letters_is_drawn_without_an_alignment(tiny, tmp_path):
    run = tiny("deepspeech").run
    utterances = Utterances(["short"], ["one two"], lambda: Sounds.of([np.zeros(300, np.float32)]))
    heard = Listener(run.model, run.config, run.assets)
    clip = Heard(heard, run.assets, utterances, 0)
    assert len(clip.path) == len(clip.names) > len(clip.chances)
    assert (clip.path == -1).all()
    spikes([clip], run.config, tmp_path / "spikes.png", "")
    alignment(clip, tmp_path / "alignment.png", "")


def test_an_export_of_a_stream_hears_on(tiny, command, tmp_path):
    trained = tiny("deepspeech")
    words = ("--data", trained.source, "--preset", "tiny", "--out", tmp_path / "run")
    changes = ("--set", "streaming=true", "--set", "epoch_steps=2", "--epochs", 1)
    assert command("train", "deepspeech", *words, *changes).code == 0
    answer = command("export", tmp_path / "run", "--to", tmp_path / "models")
    assert answer.code == 0, answer.err
    version = Path(answer.out.strip())
    asked = {one.model_spec.signature_name for one in read_warmup(version / "assets.extra")}
    served = tf.saved_model.load(str(version)).signatures
    assert asked == set(served)
    given = served["stream"].structured_input_signature[1]
    state = {
        n: tf.random.normal([1, 2 * 240])
        if n == "waveform"
        else tf.zeros([1, *spec.shape[1:]], spec.dtype)
        for n, spec in given.items()
    }
    found = served["stream"](**state)
    assert set(given) - {"waveform"} <= set(found)
    assert found["heard"].numpy().tolist() == [2]
    state = {name: found[name] for name in served["finish"].structured_input_signature[1]}
    assert served["finish"](**state)["transcript"].shape == (1,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one or more times 240 samples"):
        served["stream"](**{**state, "waveform": tf.zeros([1, 239])})
