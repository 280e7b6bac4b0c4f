"""The demo's policy text."""

from __future__ import annotations

from importlib import resources

SPOT_CHECKS = 0.1
NOTHING_PASSES = 1.0


def policy_text(*, undo: float, people: int, threshold: float | None = None) -> str:
    """The policy with these numbers. `threshold` None: every picture is put before people."""
    text = resources.files("handrail.demo").joinpath("policy.yaml").read_text(encoding="utf-8")
    cut = NOTHING_PASSES if threshold is None else threshold
    return text.format(undo=undo, people=people, threshold=repr(float(cut)), spot_checks=SPOT_CHECKS)
