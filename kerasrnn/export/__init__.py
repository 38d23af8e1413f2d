"""SavedModels that answer without kerasrnn."""
