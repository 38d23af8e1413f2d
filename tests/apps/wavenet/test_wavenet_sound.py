"""What the app writes: files, the export's bytes, pictures, numbers beside others'."""

import io

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn import layers
from kerasrnn.apps import wavenet
from kerasrnn.apps.wavenet import model, pictures, traits
from kerasrnn.apps.wavenet.decode import conditions, heard
from kerasrnn.apps.wavenet.timing import timing
from kerasrnn.decoders.sounds import SoundWriter
from kerasrnn.errors import UserError
from kerasrnn.layers import quantise
from kerasrnn.settings import replace


@pytest.fixture(params=["waves", "frames"])
def run(request):
    return request.getfixturevalue(request.param)


def test_the_export_writes_the_bytes_that_predict_writes(run, tmp_path):
    served = tf.saved_model.load(str(run.export(tmp_path / "model")))
    answer = served.signatures["serving_default"](
        seed=tf.constant([5, 6]),
        samples=tf.constant(160),
        temperature=tf.constant(1.0),
        class_name=tf.constant(["flute", "flute"]),
    )
    run.predict([""], seconds=0.02, seed=5, class_="flute", count=2, out=tmp_path / "x.wav")
    for number, data in enumerate(answer["audio_bytes"].numpy(), start=1):
        sound, rate = soundfile.read(io.BytesIO(data), dtype="int16")
        wanted, _ = soundfile.read(tmp_path / f"x-{number}.wav", dtype="int16")
        assert (rate, len(sound)) == (8000, 160)
        np.testing.assert_array_equal(sound, wanted)
    steps(served, run)


def steps(served, run):
    """The export's steps give what the network gives over the whole."""
    codes = np.random.default_rng(0).integers(0, 256, (2, 5)).astype("int32")
    state = dict(served.signatures["start"](rows=tf.constant(2)))
    rows, times, inputs = [], {}, {"samples": codes}
    if run.config.timed:  # one row of "local" holds for all steps
        times = {"since": tf.constant([0.0, 0.25]), "left": tf.constant([0.5, 0.0])}
        inputs["local"] = timing(**times)[:, None]
    for t in range(5):
        kinds = tf.constant(["drum", "violin"])
        answer = dict(served.signatures["step"](**state, **times, class_name=kinds))
        rows.append(answer.pop("logits"))
        state = answer | {"code": tf.constant(codes[:, t])}
    numbers = [run.assets.classes.index(name) for name in ("drum", "violin")]
    whole = run.model(inputs | {"class": np.array(numbers)})
    whole = SoundWriter(run.model).logits(whole)
    np.testing.assert_allclose(tf.stack(rows, axis=1), whole, atol=1e-4, rtol=1e-4)


def test_a_longer_answer_begins_with_the_shorter_and_a_file_is_gone_on_from(waves, tmp_path):
    for name, seconds in (("short", 0.02), ("long", 0.3)):  # the long one takes two blocks
        waves.predict([""], seconds=seconds, seed=1, out=tmp_path / f"{name}.wav")
    short, _ = soundfile.read(tmp_path / "short.wav")
    long, _ = soundfile.read(tmp_path / "long.wav")
    np.testing.assert_array_equal(long[: len(short)], short)
    (answer,) = waves.predict(
        [str(tmp_path / "long.wav")], seconds=0.02, seed=1, out=tmp_path / "on.wav"
    )
    assert answer["class"] == ["drum"]  # what seed 1 chooses
    context = waves.config.context
    np.testing.assert_array_equal(
        heard(str(tmp_path / "long.wav"), waves.config)[0], quantise(long[-context:].astype("f"))
    )
    soundfile.write(tmp_path / "blip.wav", np.full(5, 0.5), 8000)
    blip, _ = heard(str(tmp_path / "blip.wav"), waves.config)
    assert (blip[:-5] == 128).all()
    assert (blip[-5:] > 200).all()


def test_a_timed_sound_is_told_how_much_of_it_is_past_and_to_come(frames):
    config = replace(frames.config, context=32)
    local = conditions(config, [0, 0], samples=480, lengths=[0, 800])["local"]
    first = local(0, 4).numpy()
    assert not first[0, :2].any()  # silence is heard, then the sound begins
    np.testing.assert_allclose(first[0, 2], timing(0.0, 480 / 8000), rtol=1e-6)
    np.testing.assert_allclose(first[1, 2], timing(800 / 8000, 480 / 8000), rtol=1e-6)
    np.testing.assert_allclose(local(3, 1), first[:, 3:], rtol=1e-6)
    assert not local(2 + 480 // 16, 1).numpy().any()  # and ends


def test_a_timed_sound_is_the_same_in_one_block_and_in_many(frames):
    writer, quiet = SoundWriter(frames.model), np.full((1, frames.config.context), 128, "int32")
    asked = tf.constant(quiet), [3], 330, 1.0, conditions(frames.config, [1], 330)
    whole, pieces = (
        np.concatenate(list(writer.blocks(*asked, block=block)), axis=1) for block in (330, 100)
    )
    np.testing.assert_array_equal(whole, pieces)


def test_what_cannot_be_written_is_refused(waves, tmp_path):
    with pytest.raises(UserError, match=r"A class must be one of brass, drum, .*; got 'tuba'"):
        waves.predict([""], class_="tuba", out=tmp_path / "x.wav")
    with pytest.raises(UserError, match=r"`out` must be the name of a .wav file"):
        waves.predict([""], out=tmp_path / "x.mp3")
    (tmp_path / "x-2.wav").mkdir()
    with pytest.raises(UserError, match=r"must be the name of a file, but .*x-2.wav is a folder"):
        waves.predict([""], count=2, out=tmp_path / "x.wav")
    for seconds in (1e6, 1e300):
        with pytest.raises(UserError, match="`seconds` must be at most 268,435, as a WAV file"):
            waves.predict([""], seconds=seconds, out=tmp_path / "x.wav")
    with pytest.raises(UserError, match="At most 64 sounds"):
        waves.predict([""] * 9, count=8, out=tmp_path / "x.wav")


def test_class_is_an_option_of_the_command_line_and_no_input_is_silence(waves, command, tmp_path):
    words = ("--seconds", "0.02", "--class", "brass", "--out", tmp_path / "b.wav", "--json")
    answer = command("predict", waves.folder.path, *words)
    assert answer.code == 0, answer.err
    assert answer.json["predictions"][0]["answer"]["class"] == ["brass"]
    assert soundfile.info(tmp_path / "b.wav").frames == 160
    assert "--class" in command("predict", waves.folder.path, "--options").out


def test_both_networks_have_the_parameters_that_were_asked_for(waves, frames):
    for run in (waves, frames):
        assert run.model.count_params() == pytest.approx(12_000, rel=0.02)
    with pytest.raises(UserError, match="`parameters` must be a number that widths can give"):
        wavenet.build(replace(waves.config, parameters=300), waves.assets)


def test_how_the_network_is_trained_changes_nothing_of_its_size(waves):
    sizes = model._sizes(waves.config)
    other = replace(waves.config, learning_rate=0.5, batch_size=9, window=17, xla=True, seconds=9.0)
    assert model._sizes(other) == sizes
    assert model._sizes(replace(waves.config, frame=8)) != sizes


def test_metrics_stand_beside_the_baselines(run):
    metrics = run.evaluate(split="test")
    assert list(metrics) == [
        "bits_per_sample", "unigram_bits_per_sample", "linear_bits_per_sample"
    ]  # fmt: skip
    assert 3 < metrics["linear_bits_per_sample"] < metrics["unigram_bits_per_sample"] < 8.5


def test_traits_tell_speeds_and_how_far_the_network_sees(waves, frames):
    for run, far in ((waves, "16 (2.0 ms)"), (frames, "all before")):
        told = traits.traits(run)
        assert told["receptive field"] == far
        assert min(told["trained samples/s"], told["written samples/s"]) > 0


def test_a_configuration_tells_the_receptive_field_of_its_network(waves, frames):
    assert model.receptive_field(waves.config) == (waves.model.receptive_field, 2.0)
    assert model.receptive_field(frames.config) == (None, None)
    assert model.receptive_field(wavenet.PRESETS["small"]) == (2047, 255.875)
    assert layers.receptive_field(wavenet.PRESETS["small"]) == (2047, 255.875)
    assert layers.receptive_field(waves.model) == (waves.model.receptive_field, None)  # no rate


def test_the_diagram_draws_what_blocks_feel(waves):
    found = [pictures.felt(block, waves.model.channels) for block in waves.model.blocks]
    assert found == [[1, 0], [2, 0], [4, 0], [8, 0]]
    drawn = {path.name for path in (waves.folder.path / "plots").iterdir()}
    assert drawn == {"learning_curve.png", "sounds.png", "receptive_field.png"}
