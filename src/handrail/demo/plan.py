"""How much the labelling does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of what. `target` is the highest error wanted among what goes through unasked."""

    per_round: int = 120
    first: int = 30
    teach: int = 20
    pool: int = 300
    held_out: int = 400
    target: float = 0.05
