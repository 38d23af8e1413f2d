"""What is particular to the whale detector: its sounds, its stream, its detections and their files."""

import csv
import io

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn.apps import whale
from kerasrnn.apps.whale import detect, synth
from kerasrnn.apps.whale.clips import fit_clip, open_source
from kerasrnn.apps.whale.data import Assets, batches
from kerasrnn.apps.whale.decode import Listener, clip_probability
from kerasrnn.apps.whale.front import Front
from kerasrnn.apps.whale.sounds import band_power, upcall
from kerasrnn.data.features import Statistics
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = whale.PRESETS["tiny"]
PLAIN = Assets(Statistics(np.zeros(TINY.bands, np.float32), np.ones(TINY.bands, np.float32)))


@pytest.fixture(scope="module")
def recording():
    """Two minutes and a bit, with eight loud calls a minute; and when they sound."""
    minutes = list(synth.recording(120, 480, (15, 15), synth.HOME, 5))
    sound = np.concatenate([sound for sound, _ in minutes])
    return np.append(sound, sound[:777]), [call for _, calls in minutes for call in calls]


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


def test_frames_end_where_they_say_and_begin_with_the_mirror_image():
    front = Front(replace(TINY, features="log"))
    click = np.zeros((1, TINY.samples), np.float32)
    click[0, 1000] = 1
    loud = front.clip(tf.constant(click)).numpy()[0].max(axis=1) > -20
    assert loud.shape == (TINY.frames,)
    first, last = np.flatnonzero(loud)[[0, -1]]
    assert first == 1000 // TINY.frame_step
    assert abs((last + 1) * TINY.frame_step - (1000 + TINY.frame_length)) <= TINY.frame_step
    mirrored = np.concatenate([click[:, :206][:, ::-1], click], 1)
    wanted = front(tf.constant(np.pad(mirrored, ((0, 0), (0, 44)))), front.start(1))[0]
    assert np.isfinite(wanted).all()


def test_an_upcall_rises_within_its_band_and_has_the_power_that_is_stated():
    rng = np.random.default_rng(0)
    rises = []
    for _ in range(40):
        call = upcall(rng)
        assert 0.5 <= len(call) / synth.RATE <= 1.63  # with echoes
        third = len(call) // 3
        peaks = [
            np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), 2000)))
            for part in (call[:third], call[-third:])
        ]
        assert all(45 <= peak <= 550 for peak in peaks)
        rises.append(peaks[1] > peaks[0])
    assert np.mean(rises) > 0.9


def test_a_clip_has_its_call_at_the_stated_snr():
    quiet = synth.Sea(rivals=0.0, gain=(0.0, 0.0), swell=0.0)
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        without = synth.scene(rng, 40_000, [], quiet)
        rng = np.random.default_rng(seed)
        call = synth.scene(rng, 40_000, [(8000, 20.0)], quiet) - without
        spans = np.flatnonzero(np.abs(call) > 1e-6)
        power = np.mean(call[spans[0] : spans[-1] + 1] ** 2)
        ratios.append(10 * np.log10(power / band_power(without)))
    assert np.median(ratios) == pytest.approx(20, abs=1.0)


def test_the_same_seed_makes_the_same_clips_and_labels_are_even():
    one, other = (synth.clips(60, synth.TRAINING, synth.HOME, 3) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert 20 < one[1].sum() < 40
    assert not np.array_equal(one[0][0], synth.clips(60, synth.TRAINING, synth.HOME, 4)[0][0])


def test_runs_of_windows_become_detections():
    def joined(scores, threshold=0.5):
        pairs = [(0.25 * k, score) for k, score in enumerate(scores)]
        return [(d.begin, d.end, d.score) for d in detect.joined(pairs, threshold, TINY)]

    assert joined([0.1, 0.2]) == []
    assert joined([0, 0, 0.5, 0.9, 0.7, 0]) == [(1.0, 2.5, 0.9)]  # all of it in three windows
    assert joined([0.8]) == [(0.0, 2.0, 0.8)]
    assert joined([0, 0.6, 0, 0.7]) == [(0.25, 2.25, 0.6), (0.75, 2.75, 0.7)]
    ((begin, end, _),) = joined([0.9] * 21)  # several calls within 7 s
    assert (begin, end) == (1.0, 6.0)


@pytest.fixture(scope="module")
def found(tiny, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    soundfile.write(folder / "day.flac", recording[0], synth.RATE)
    run = tiny("whale").run
    result = detect.detect(run, folder / "day.flac", 0.2)
    return result, folder, run


def test_a_raven_table_has_its_standard_columns_and_the_csv_says_the_same(found):
    result, folder, _ = found
    raven, table = detect.write_tables(result, folder)
    assert raven.name == "day.selections.txt"
    rows = list(csv.DictReader(io.StringIO(raven.read_text()), delimiter="\t"))
    assert raven.read_text().splitlines()[0] == (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tScore"
    )
    assert len(rows) == len(result.detections) > 0
    others = list(csv.DictReader(io.StringIO(table.read_text())))
    for n, (row, other, one) in enumerate(zip(rows, others, result.detections, strict=True), 1):
        assert (row["Selection"], row["View"], row["Channel"]) == (str(n), "Spectrogram 1", "1")
        assert float(row["Begin Time (s)"]) == float(other["begin"]) == pytest.approx(one.begin)
        assert 0 <= one.begin < one.end <= result.seconds
        assert float(other["score"]) == pytest.approx(one.score, abs=1e-4)


def test_detect_writes_its_files_says_its_threshold_and_goes_on_past_a_bad_file(
    found, tiny, command, tmp_path
):
    _, folder, _ = found
    (folder / "bad.wav").write_text("no sound")
    words = ("detect", tiny("whale").path, folder / "day.flac", "--out", tmp_path / "out", "--json")
    answer = command(*words, "--precision", 0.6)
    assert answer.code == 0, answer.err
    assert set(answer.json["validation"]) == {"precision", "recall", "false_alarms_per_hour"}
    (one,) = answer.json["recordings"]
    assert one["seconds"] == pytest.approx(120.39, abs=0.01)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "day.csv", "day.png", "day.selections.txt",
    ]  # fmt: skip
    assert "false alarms in an hour" in answer.err
    bad = command(
        "detect", tiny("whale").path, folder / "bad.wav", folder / "day.flac",
        "--threshold", 0.5, "--out", tmp_path / "more", "--no-picture",
    )  # fmt: skip
    assert bad.code == 2
    assert "cannot be read as audio" in bad.err
    assert (tmp_path / "more" / "day.csv").is_file()


def test_an_app_that_hears_nothing_says_so(tiny, command, tmp_path):
    answer = command("detect", tiny("char_lm").path, "x.wav", "--out", tmp_path)
    assert answer.code == 2
    assert "needs an app that detects; char_lm does not" in answer.err


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


def test_the_export_hears_a_file_as_predict_does_and_refuses_noise_words(tiny, recording, tmp_path):
    trained = tiny("whale")
    soundfile.write(tmp_path / "x.wav", recording[0][:9000], synth.RATE)
    (answer,) = trained.run.predict([str(tmp_path / "x.wav")])
    ask = tf.saved_model.load(str(trained.export)).signatures["serving_default"]
    got = ask(audio_bytes=tf.constant([(tmp_path / "x.wav").read_bytes()]))["probability"]
    assert float(got[0]) == pytest.approx(answer["probability"], abs=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="A WAV file must begin with RIFF"):
        ask(audio_bytes=tf.constant([b"text"]))


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


@pytest.mark.parametrize("network", ["recurrent", "cnn", "logistic"])
@pytest.mark.parametrize("pool", ["last", "mean", "attention"])
def test_every_network_answers_once_for_a_window(network, pool):
    if network != "recurrent" and pool != "last":
        pytest.skip("its pool is its own")
    config = replace(TINY, network=network, pool=pool, filters=0 if pool == "mean" else 4)
    model = whale.build(config, PLAIN)
    assert model(tf.zeros((3, TINY.frames, TINY.bands))).shape == (3, 1)


def test_the_mean_of_states_is_their_mean_and_attention_a_weighted_one():
    import keras

    model = whale.build(TINY, PLAIN)
    x = tf.random.stateless_normal((2, TINY.frames, TINY.bands), (1, 2))
    parts = keras.Model(
        model.input, [model.get_layer(n).output for n in ("gru_1", "attention", "attended")]
    )
    states, shares, pooled = parts(x)
    np.testing.assert_allclose(shares.numpy().sum(1), 1, rtol=1e-5)
    wanted = np.einsum("bto,bth->boh", shares, states)
    np.testing.assert_allclose(pooled, wanted, rtol=1e-4, atol=1e-6)


def test_training_batches_vary_by_pass_and_come_again_from_the_same_number():
    source = open_source(None, TINY)
    drawn = batches(source, TINY, "train", PLAIN, seed=4)
    numbers = [(0, 3), (1, 3), (0, 3)]
    one, other, again = (drawn.at(*map(tf.constant, map(np.int64, n)))[0].numpy() for n in numbers)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_folders_and_lists_are_read_alike_and_what_is_missing_is_told_at_once(tmp_path):
    audio, labels = synth.clips(40, (10, 10), synth.HOME, 1)
    for name in ("calls", "noise", "clips"):
        (tmp_path / "folders" / name).mkdir(parents=True)
    (tmp_path / "list").mkdir()
    rows = ["clip_name,label"]
    for number, (sound, label) in enumerate(zip(audio, labels, strict=True)):
        kind = "calls" if label else "noise"
        soundfile.write(tmp_path / "folders" / kind / f"{number}.wav", sound, synth.RATE)
        soundfile.write(tmp_path / "list" / f"{number}.aiff", sound, synth.RATE)
        rows.append(f"{number}.aiff,{int(label)}")
    (tmp_path / "list" / "train.csv").write_text("\n".join(rows))
    folders, listed = (
        open_source(str(tmp_path / n), TINY).splits["all"] for n in ("folders", "list")
    )
    assert folders.labels.sum() == listed.labels.sum() == labels.sum()
    assert np.array_equal(np.sort(folders.audio.sum(1)), np.sort(listed.audio.sum(1)))
    (tmp_path / "list" / "train.csv").write_text("\n".join([*rows, "a.aiff,1", "b.aiff,0"]))
    with pytest.raises(UserError, match=r"2 clips of .*: a.aiff, b.aiff\."):
        open_source(str(tmp_path / "list"), TINY)
    for text, said in (
        ("clip_name,label\n0.aiff,2", "0 or 1, got '2'"),
        ("a,b\n1,2", "begin with"),
    ):
        (tmp_path / "list" / "train.csv").write_text(text)
        with pytest.raises(UserError, match=said):
            open_source(str(tmp_path / "list"), TINY)
    with pytest.raises(UserError, match="positive=NAME"):
        open_source(str(tmp_path), TINY)


def test_a_clip_that_is_too_long_keeps_its_middle_and_a_short_one_ends_in_silence():
    assert fit_clip(np.arange(10), 4).tolist() == [3, 4, 5, 6]
    assert fit_clip(np.arange(1, 4), 5).tolist() == [1, 2, 3, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hop": 0.3}, "`seconds` must be a whole multiple of 0.3 s"),
        ({"hop": 0.26}, "`hop` must be a whole multiple of 0.025 s"),
        ({"hop": 0.05}, "`hop` must last a frame"),
        ({"high": 1200.0}, "rate / 2"),
        ({"frame_step": 300}, "`frame_step` < `frame_length`"),
        ({"cell": "output_rnn"}, "leave the answer to the pool"),
        ({"units": ()}, "at least one layer"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        replace(TINY, **change)
