"""What holds for every app: the contract's files, and the whole path from a source to an export."""

import dataclasses
import inspect
import json
import pickle
import re

import keras
import keras_tuner
import pytest

import kerasrnn.app
from kerasrnn.app import app_names, find_app
from kerasrnn.cells import LeakyCell
from kerasrnn.errors import UserError
from kerasrnn.settings import from_json, to_json, with_settings
from kerasrnn.tuning.trainer import Trainer

CONTRACT = dict(re.findall(r"^    (\w+)\.py +(\w+(?:, \w+)*)  ", kerasrnn.app.__doc__, re.M))
METRICS = {"nats_per_char", "bits_per_char", "perplexity", "accuracy", "wer", "cer", "auc"}
METRICS |= {"bleu1", "bleu2", "bleu3", "bleu4", "cider", "rouge_l"}
METRICS |= {"wer_low", "wer_high", "wer_greedy", "cer_greedy", "words", "characters"}
METRICS |= {"auc_low", "auc_high", "average_precision", "bits_per_sample", "attention_on_object"}
METRICS |= {"unigram_bits_per_sample", "linear_bits_per_sample"}


@pytest.fixture(params=app_names())
def app(request):
    return find_app(request.param)


def test_the_contract_is_read_from_where_it_is_written():
    assert set(CONTRACT) == {"config", "data", "model", "decode", "judge", "serve", "tune"}


def test_every_app_has_a_sample_here(samples):
    assert set(app_names()) == set(samples)


@pytest.mark.parametrize("name", CONTRACT)
def test_each_file_of_the_contract_is_there_and_holds_what_is_listed(app, name):
    file = app.file(name)
    for member in CONTRACT[name].split(", "):
        assert hasattr(file, member), f"{app.name}/{name}.py lacks {member}"
    assert file.__doc__


def test_the_face_offers_train_build_and_presets(app):
    package = __import__(app.package, fromlist=["APP"])
    assert package.APP is app
    assert app.name == package.__name__.rsplit(".", 1)[1]
    assert package.PRESETS is app.presets
    assert callable(package.train)
    assert callable(package.build)


def test_presets_are_tiny_small_and_base_and_survive_json(app):
    assert list(app.presets) == ["tiny", "small", "base"]
    for config in app.presets.values():
        assert from_json(type(config), json.loads(json.dumps(to_json(config)))) == config
        assert dataclasses.fields(config)


def test_every_field_of_a_config_says_its_unit(app):
    for kind in (app.file("config").Config, app.file("config").Options):
        source = "".join(map(inspect.getsource, kind.__mro__[:-1]))
        for field in dataclasses.fields(kind):
            assert re.search(rf"^    {field.name}: .*  # \S", source, re.M), field.name


def test_build_gives_a_compiled_model(app, tiny):
    run = tiny(app.name).run
    model = app.build(app.presets["tiny"], run.assets)
    assert isinstance(model, keras.Model)
    assert model.compiled


def test_a_dataset_is_one_pass_of_inputs_and_targets(app, tiny):
    trained = tiny(app.name)
    data = app.file("data")
    source = data.open_source(str(trained.source), trained.run.config)
    first = next(iter(data.dataset(source, trained.run.config, "train", trained.run.assets)))
    assert len(first) in (2, 3)  # x, y, and weights where some of y do not count


def test_a_trained_run_is_judged_on_every_split(app, tiny, command):
    trained = tiny(app.name)
    name, direction = app.file("judge").OBJECTIVE
    assert direction in ("min", "max")
    for split in ("train", "valid", "test", "all"):
        answer = command("evaluate", trained.path, "--split", split, "--json").json
        assert answer["examples"] > 0
        assert set(answer["metrics"]) <= METRICS
        assert name in answer["metrics"]


def test_a_trained_run_answers_each_input_and_the_same_after_loading(app, tiny):
    trained = tiny(app.name)
    answers = trained.run.predict(trained.inputs, **trained.sample.options)
    assert len(answers) == len(trained.inputs)
    again = kerasrnn.load(trained.path)
    assert again.predict(trained.inputs, **trained.sample.options) == answers
    for given, answer in zip(trained.inputs, answers, strict=True):
        assert str(answer) in app.file("decode").show(given, answer)


def test_a_training_leaves_its_pictures(app, tiny):
    drawn = {path.stem for path in (tiny(app.name).path / "plots").glob("*.png")}
    assert "learning_curve" in drawn
    assert len(drawn) > 1 or not app.has("pictures")


def test_an_export_is_a_numbered_folder_with_warm_up_requests(app, tiny):
    trained = tiny(app.name)
    assert trained.export == trained.models / "tiny" / "1"
    assert (trained.export / "saved_model.pb").is_file()
    assert (trained.export / "assets.extra" / "tf_serving_warmup_requests").is_file()


def test_a_search_begins_with_the_preset_itself(app):
    hp = keras_tuner.HyperParameters()
    assert app.file("tune").hyperparameters(hp, app.presets["small"]) == app.presets["small"]
    assert hp.space


class _Read:
    """A configuration that notes which of its fields are read."""

    def __init__(self, config):
        self._config, self.fields = config, set()

    def __getattr__(self, name):
        kind = type(self._config)
        if isinstance(getattr(kind, name, None), property):
            return getattr(kind, name).fget(self)
        if callable(getattr(kind, name, None)):
            return getattr(kind, name).__get__(self)
        self.fields.add(name)
        return getattr(self._config, name)


@pytest.mark.parametrize("given", ["a folder", "nothing"])
def test_another_process_trains_on_what_was_read_here(app, tiny, given):
    config, data = app.preset("tiny"), app.file("data")
    path = str(tiny(app.name).source) if given == "a folder" else None
    source = data.open_source(path, config)
    trainer = Trainer(app, source, seed=0, seconds=None, patience=3)
    model = trainer.build(config)
    read = []
    there = pickle.loads(pickle.dumps(trainer))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("open_source", "prepare"):
            patch.setattr(data, name, lambda *given, **more: read.append(given))
        again = there.build(config)
    assert not read
    assert [v.shape for v in again.variables] == [v.shape for v in model.variables]


def test_a_search_changes_nothing_that_decides_what_is_read(app, tiny):
    """So that one source serves all trials."""
    config = app.presets["tiny"]
    hp, found = keras_tuner.HyperParameters(), [config]
    found.append(app.file("tune").hyperparameters(hp, config))
    for seed in range(20):
        for one in hp.space:
            hp.values[one.name] = one.random_sample(seed)
        found.append(app.file("tune").hyperparameters(hp, config))
    rows = [to_json(one) for one in found]
    searched = {name for name in rows[0] if len({repr(row[name]) for row in rows}) > 1}
    assert "learning_rate" in searched
    noted = _Read(config)
    app.file("data").open_source(str(tiny(app.name).source), noted)
    assert not noted.fields & searched


def test_a_search_begins_with_the_configuration_itself(app):
    for name, config in app.presets.items():
        hp = keras_tuner.HyperParameters()
        assert app.file("tune").hyperparameters(hp, config) == config, name


def test_a_cell_comes_by_name_with_its_options(app, tiny):
    config, assets = app.presets["tiny"], tiny(app.name).run.assets
    changes = ("cell=leaky_rnn", "cell_options=tau=3.5,learn_tau=true")
    changes += ("network=sample_rnn",) if app.name == "wavenet" else ()
    model = app.build(with_settings(config, changes), assets)
    cells = [layer for layer in model._flatten_layers() if isinstance(layer, LeakyCell)]
    assert cells
    assert all(cell.get_config()["tau"] == 3.5 for cell in cells)
    for options, said in (("taus=3", "must be such as leaky_rnn takes"), ("tau", "key=value")):
        with pytest.raises(UserError, match=said):
            app.build(with_settings(config, (*changes, f"cell_options={options}")), assets)
