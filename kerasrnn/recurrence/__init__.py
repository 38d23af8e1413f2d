"""A cell over time, fast: hoisted products, time-major loops, gradients of our own."""

from kerasrnn.recurrence.engine import (
    ROUTES,
    Plan,
    answered,
    compiled,
    is_watched,
    plan,
    plan_both,
    portable,
    run,
    run_both,
    sharing,
    steps_mask,
    watched,
)

__all__ = ["ROUTES", "Plan", "answered", "compiled", "is_watched", "plan", "plan_both", "portable"]
__all__ += ["run", "run_both", "sharing", "steps_mask", "watched"]
