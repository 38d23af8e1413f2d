"""Everything that a `.keras` file may hold of kerasrnn: import it before `keras.saving.load_model`.

    import keras
    import kerasrnn.registered

    model = keras.saving.load_model("model.keras")

Keras finds a saved layer's class only once its module has been imported. On JAX the training wrappers, which
are TensorFlow's, are left out.
"""

import importlib

import keras

PLACES = ("cells", "layers", "initializers", "losses.mixture_of_logistics", "regularizers")
PLACES += ("builders.sample_network", "builders.sample_rnn", "builders.wavenet")
ON_TENSORFLOW = ("clipping", "omega", "scheduled_sampling", "truncated", "windows")

for place in PLACES:
    importlib.import_module(f"kerasrnn.{place}")
if keras.backend.backend() == "tensorflow":
    for place in ON_TENSORFLOW:
        importlib.import_module(f"kerasrnn.training.{place}")
