"""The papers' own tasks, and ours beside the published numbers: a file a row, a `run(data)` each."""

ROWS = {
    "hochreiter-order": "hochreiter_order",
    "hochreiter-adding": "hochreiter_adding",
    "le-irnn": "le_irnn",
    "bai": "bai",
    "pascanu-order": "pascanu_order",
    "krueger-norm": "krueger_norm",
    "chung-jsb": "chung_jsb",
    "chung-nottingham": "chung_nottingham",
    "greff": "greff",
    "zoneout": "zoneout",
    "mikolov": "mikolov",
}
ON_TENSORFLOW = ("pascanu-order", "mikolov")  # the others train many models at once, on JAX
