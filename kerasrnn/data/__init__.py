"""Files become batches: readers, splits, and batches that are a pure function of their number."""
