"""What TF Serving is told: the file of models that lies beside them, and the command that serves them."""

import importlib.metadata
import shlex
from pathlib import Path

from kerasrnn.files import write_text

CONFIG = "models.config"


def write_config(folder: Path) -> Path:
    """List every model in `folder` in TF Serving's --model_config_file, under /models as its image has it.

    Returns:
        The file, which is written anew.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    for model in sorted(path for path in folder.iterdir() if _holds_versions(path)):
        config.model_config_list.config.add(
            name=model.name, base_path=f"/models/{model.name}", model_platform="tensorflow"
        )
    write_text(folder / CONFIG, text_format.MessageToString(config))
    return folder / CONFIG


def _holds_versions(path: Path) -> bool:
    return path.name[0] != "." and any(
        graph.parent.name.isdecimal() for graph in path.glob("*/saved_model.pb")
    )


def docker_command(folder: Path) -> str:
    """The command that serves `folder` by TF Serving, of the version that the requests' protocol is of."""
    version = importlib.metadata.version("tensorflow-serving-api")
    words = ["docker", "run", "--rm", "-p", "8500:8500", "-p", "8501:8501"]
    words += ["-v", f"{folder.absolute()}:/models:ro", f"tensorflow/serving:{version}"]
    words += [f"--model_config_file=/models/{CONFIG}", "--model_config_file_poll_wait_seconds=60"]
    return shlex.join(words)
