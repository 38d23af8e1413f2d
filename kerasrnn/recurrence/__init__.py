"""A cell over time, fast: hoisted products, time-major loops, gradients of our own."""

from kerasrnn.recurrence.engine import (
    ROUTES,
    Plan,
    compiled,
    is_watched,
    plan,
    portable,
    run,
    sharing,
    steps_mask,
    watched,
)

__all__ = ["ROUTES", "Plan", "compiled", "is_watched", "plan", "portable", "run"]
__all__ += ["sharing", "steps_mask", "watched"]
