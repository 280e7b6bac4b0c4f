"""What is learned and how: the terms of a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypedDict

from handrail.client.learn.pool import Pool
from handrail.errors import InvalidInput
from handrail.learning.queries import RESERVE
from handrail.learning.samplers import Sampler, sampler
from handrail.learning.stopping import StopRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is learned and how. Rounds, batch, budget and the stop rule may change from one call to the next; the rest
    stays as the loop was begun."""

    action: str
    choices: tuple[str, ...]
    sampler: str | Sampler = "spread"
    # cases a round; the first asks `start` (None: as many)
    batch: int = 20
    start: int | None = None
    # share of the pool put aside before anything is scored, and of every batch
    reserve: float = RESERVE
    # most rounds, and most cases asked, in all; None: until it stops by itself
    rounds: int | None = None
    budget: int | None = None
    stop: StopRule = field(default_factory=StopRule)
    seed: int = 0
    # 0: the reserve is held out of training. From 2 on it trains too, and is measured by so many further trainings
    # that each leave a part of it out
    folds: int = 0
    # one more training a round, on a part of the reserve alone: what learning at random would have reached
    compare: bool = True
    # install each round's calibrator under this name
    calibrator: str | None = None
    # show reviewers of picked cases the model's answer (those of the reserve judge blind)
    suggest: bool = True
    # learn an action that the policy does not declare; refused otherwise, for most often it is a slip of the pen
    undeclared: bool = False

    def __post_init__(self) -> None:
        if len(set(self.choices)) != len(self.choices) or len(self.choices) < 2 or not all(self.choices):
            raise InvalidInput("learning needs two choices or more, each once", remedy="Name the answers people give.")
        for name in ("batch", "start", "rounds", "budget"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidInput(f"{name} must be at least 1, not {value}")
        if self.folds < 0 or self.folds == 1 or not 0.0 <= self.reserve < 1.0:
            raise InvalidInput("folds are 0 or at least 2, and a reserve is from 0 to under 1")
        if isinstance(self.sampler, str):
            sampler(self.sampler)

    def fixed(self, pool: Pool) -> dict[str, Any]:
        """What may not change until the loop ends."""
        name = self.sampler if isinstance(self.sampler, str) else "custom"
        return {
            "pool": pool.digest, "choices": list(self.choices), "sampler": name, "reserve": self.reserve,
            "seed": self.seed, "folds": self.folds, "suggest": self.suggest,
        }  # fmt: skip


class Wishes(TypedDict, total=False):
    """The terms that `Client.learn` takes by keyword, for whoever checks types: those of `Terms`, of the same types."""

    sampler: str | Sampler
    batch: int
    start: int | None
    reserve: float
    rounds: int | None
    budget: int | None
    stop: StopRule
    seed: int
    folds: int
    compare: bool
    calibrator: str | None
    suggest: bool
    undeclared: bool


def terms_of(action: str, choices: Sequence[str], wishes: Mapping[str, Any]) -> Terms:
    """The terms with what was wished for. Raises `InvalidInput` for a name that is no term, and for senseless ones."""
    known = sorted(Wishes.__annotations__)
    unknown = sorted(set(wishes) - set(known))
    if unknown:
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InvalidInput(f"learning has no term {unknown[0]!r}", remedy=f"{hint}There are {', '.join(known)}.")
    return Terms(action=action, choices=tuple(choices), **wishes)
