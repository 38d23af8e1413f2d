"""What an export leaves for TF Serving, and says on standard error."""

import shlex

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kerasrnn.export.serving_config import docker_command, write_config


def test_the_file_lists_every_model_that_has_a_version(tmp_path):
    for path in (
        "b c/1/saved_model.pb",
        "a/12/saved_model.pb",
        "none/x/saved_model.pb",
        ".p/1/saved_model.pb",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").write_text("")
    file = write_config(tmp_path)
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(file.read_text("utf-8"), config)
    listed = [(m.name, m.base_path, m.model_platform) for m in config.model_config_list.config]
    assert listed == [("a", "/models/a", "tensorflow"), ("b c", "/models/b c", "tensorflow")]
    assert write_config(tmp_path) == file == tmp_path / "models.config"


def test_the_command_mounts_the_folder_and_names_a_version(tmp_path):
    words = shlex.split(docker_command(tmp_path / "my models"))
    assert words[:2] == ["docker", "run"]
    assert words[words.index("-v") + 1] == f"{tmp_path}/my models:/models:ro"
    assert [word for word in words if word.startswith("tensorflow/serving:2.21.")]
    assert "--model_config_file=/models/models.config" in words


def test_export_says_how_to_serve_on_standard_error_only(tiny, command, tmp_path):
    trained = tiny("char_lm")
    answer = command("export", trained.path, "--to", tmp_path / "to")
    assert answer.out == f"{tmp_path / 'to' / 'char_lm' / '1'}\n"
    assert (tmp_path / "to" / "models.config").is_file()
    assert docker_command(tmp_path / "to") in answer.err
    assert f"kerasrnn serve {tmp_path / 'to'}" in answer.err
