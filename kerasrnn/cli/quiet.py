"""TensorFlow without its greeting: lines that it prints at import whatever its log level."""

import os
import re
import sys
import tempfile

from kerasrnn.notice import standard_error_into

_GREETING = re.compile(
    rb"All log messages before absl::InitializeLog|oneDNN custom operations are on"
    rb"|Could not find cuda drivers"
)


def load_tensorflow() -> None:
    """Import Keras and TensorFlow; what they say on standard error is passed on, less the greeting."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryFile() as said:
        with standard_error_into(said.fileno()):
            import keras  # noqa: F401
            import tensorflow  # noqa: F401
        said.seek(0)
        for line in said:
            if not _GREETING.search(line):
                sys.stderr.write(line.decode("utf-8", "replace"))
