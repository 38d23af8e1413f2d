"""The papers' own tasks, and ours beside the published numbers: a file a row, a `run(data)` each."""

ROWS = {
    "hochreiter-order": "hochreiter_order",
    "hochreiter-adding": "hochreiter_adding",
    "le-irnn": "le_irnn",
    "krueger-norm": "krueger_norm",
}
