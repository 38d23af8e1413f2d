"""From a compiled model to a run folder: fit, truncated back-propagation, callbacks, checkpoints."""
