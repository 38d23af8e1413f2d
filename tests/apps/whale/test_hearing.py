"""Frames, windows, streams: pieces of a recording are heard as the whole."""

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn.apps import whale
from kerasrnn.apps.whale import detect
from kerasrnn.apps.whale.data import Assets
from kerasrnn.apps.whale.decode import Listener, clip_probability
from kerasrnn.apps.whale.front import Front
from kerasrnn.data.features import Statistics, log_power, mel_bands, power_spectrogram
from kerasrnn.settings import replace

TINY = whale.PRESETS["tiny"]
BANDS = (TINY.bands, TINY.low, TINY.high)
PLAIN = Assets(Statistics(np.zeros(TINY.bands, np.float32), np.ones(TINY.bands, np.float32)))


@pytest.fixture(scope="module", params=["pcen", "log"])
def heard(request):
    config = replace(TINY, features=request.param, bidirectional=True)
    return Listener(whale.build(config, PLAIN), config, PLAIN)


def windows(heard, sound, sizes):
    pieces = np.split(sound, np.cumsum(sizes)[np.cumsum(sizes) < len(sound)])
    return list(detect.window_scores(heard, pieces))


def test_pieces_of_a_recording_give_the_scores_of_the_whole(heard, recording):
    sound = recording[0][:30_777]
    whole = windows(heard, sound, [])
    for sizes in ([500] * 60, [1] * 10 + [7777, 13, 4000, 501], [60_000]):
        pieces = windows(heard, sound, sizes)
        assert [begin for begin, _ in pieces] == [begin for begin, _ in whole]
        np.testing.assert_allclose([p for _, p in pieces], [p for _, p in whole], atol=1e-5)
    config = heard.config
    count = -(-len(sound) // config.hop_samples) - config.frames // config.hop_frames + 1
    assert [begin for begin, _ in whole] == [k * config.hop for k in range(count)]


def test_the_first_window_of_a_stream_is_the_clip(heard, recording):
    clip = recording[0][: TINY.samples]
    chance = float(heard.clips_heard(tf.constant(clip[None]))[0])
    assert windows(heard, clip, [])[0][1] == pytest.approx(chance, abs=1e-6)
    assert clip_probability(heard, clip) == pytest.approx(chance, abs=1e-6)
    assert clip_probability(heard, clip[:3001]) == pytest.approx(
        float(heard.clips_heard(tf.constant(np.pad(clip[:3001], (0, 999))[None]))[0]), abs=1e-6
    )


def test_frames_end_where_they_say():
    front = Front(replace(TINY, features="log"))
    click = np.zeros((1, TINY.samples), np.float32)
    click[0, 1000] = 1
    loud = front.clip(tf.constant(click)).numpy()[0].max(axis=1) > -20
    assert loud.shape == (TINY.frames,)
    first, last = np.flatnonzero(loud)[[0, -1]]
    assert first == 1000 // TINY.frame_step
    assert abs((last + 1) * TINY.frame_step - (1000 + TINY.frame_length)) <= TINY.frame_step


def test_what_came_before_a_recording_is_its_mirror_image():
    config = replace(TINY, features="log")
    sound = np.random.default_rng(0).normal(0, 0.1, (1, TINY.samples)).astype(np.float32)
    held = config.frame_length - config.frame_step
    mirrored = np.concatenate([sound[:, :held][:, ::-1], sound], 1)
    shape = config.frame_length, config.frame_step, config.fft_length
    bands = mel_bands(power_spectrogram(mirrored, *shape), config.rate, *BANDS)
    np.testing.assert_allclose(Front(config).clip(sound), log_power(bands), rtol=1e-4, atol=1e-4)


def test_the_exported_stream_carries_its_state_to_the_scores_of_the_whole(tiny, recording):
    run = tiny("whale").run
    served = tf.saved_model.load(str(tiny("whale").export)).signatures
    heard = Listener(run.model, run.config, run.assets)
    sound = recording[0][:20_000]
    state, got = dict(heard.start(1)), []
    for piece in np.split(sound, [2500, 3000, 11_000]):
        answer = served["stream"](waveform=tf.constant(piece[None]), **state)
        got.append(answer["probability"].numpy()[answer["full"].numpy()])
        state = {name: answer[name] for name in state}
    wanted = [chance for _, chance in windows(heard, sound, [])]
    np.testing.assert_allclose(np.concatenate(got), wanted, atol=1e-5)
    for wrong in (np.zeros((1, 499)), np.zeros((1, 0)), np.full((1, 500), np.nan)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="one or more times 500 samples"):
            served["stream"](waveform=tf.constant(wrong, tf.float32), **state)


def test_the_export_hears_files_of_all_lengths_together_as_predict_hears_each(
    tiny, recording, tmp_path
):
    trained, paths = tiny("whale"), []
    for number, (begin, end, rate) in enumerate(
        [
            (0, 9000, 2000),
            (9000, 9100, 2000),
            (0, 4000, 2000),
            (0, 30_777, 3000),
            (7000, 9500, 2000),
        ]
    ):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], recording[0][begin:end], rate, subtype="FLOAT")
    paths.pop(3)  # heard at another rate by another resampler
    wanted = [answer["probability"] for answer in trained.run.predict(map(str, paths))]
    ask = tf.saved_model.load(str(trained.export)).signatures["serving_default"]
    files = [path.read_bytes() for path in paths]
    together = ask(audio_bytes=tf.constant(files))["probability"]
    np.testing.assert_allclose(together, wanted, atol=1e-5)
    files.insert(1, (tmp_path / "3.wav").read_bytes())
    mixed = ask(audio_bytes=tf.constant(files))["probability"]
    np.testing.assert_allclose(np.delete(mixed, 1), wanted, atol=1e-5)
    np.testing.assert_allclose(
        mixed[1:2], ask(audio_bytes=tf.constant(files[1:2]))["probability"], atol=1e-5
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="A WAV file must begin with RIFF"):
        ask(audio_bytes=tf.constant([files[0], b"text"]))


def test_an_export_holds_no_operation_of_tensorflow_io(tiny):
    served = tf.saved_model.load(str(tiny("whale").export)).signatures
    for signature in served.values():
        graph = signature.graph.as_graph_def()
        nodes = [
            *graph.node,
            *(node for function in graph.library.function for node in function.node_def),
        ]
        assert not [node.op for node in nodes if node.op.startswith("IO>")]
        assert "EagerPyFunc" not in {node.op for node in nodes}
