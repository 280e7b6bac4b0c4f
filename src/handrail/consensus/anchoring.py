"""Automation bias: how much oftener people agree with a wrong model when they are shown what it says.

`B = P(agrees | model wrong, shown) − P(agrees | model wrong, blind)`, from a random blind share. Golds with a wrong
suggestion give about five times the power of ordinary cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.canonical import JSON
from handrail.consensus.proportions import Share, cases_per_arm, difference
from handrail.errors import NotEnoughEvidence

# without figures of one's own: from 10 to 30 % is worth seeing, and takes 49 cases an arm
LOW, HIGH = 0.10, 0.30


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One answer on a case whose truth is known."""

    # the reviewer went along with the model
    agreed: bool
    model_right: bool
    # answered before the model's opinion was shown
    blind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """Agreement with a wrong model, shown and blind; with a right one for comparison."""

    shown: Share
    blind: Share
    right_shown: Share
    right_blind: Share
    # cases wanted in each arm before the difference is shown
    need: int

    @property
    def have(self) -> int:
        """Cases with a wrong model in the smaller arm."""
        return min(self.shown.n, self.blind.n)

    @property
    def bias(self) -> tuple[float, float, float]:
        """B with its 95 % interval: (value, low, high). Raises `NotEnoughEvidence` below `need` in an arm."""
        if self.have < self.need:
            raise NotEnoughEvidence(
                f"not enough evidence yet ({self.have} of {self.need} wrong suggestions in the smaller arm)",
                have=self.have, need=self.need,
                remedy="Add golds with a wrong suggestion, or raise blind_share.",
            )  # fmt: skip
        return difference(self.shown, self.blind)

    def to_json(self) -> dict[str, JSON]:
        """B with interval and n; while there are too few cases only how many there are."""
        made: dict[str, JSON] = {"n": self.have, "need": self.need, "value": None}
        if self.have >= self.need:
            made["value"], made["low"], made["high"] = self.bias
            made["shown"], made["blind"] = self.shown.to_json(), self.blind.to_json()
        return made


def anchoring(looks: Iterable[Look], *, low: float = LOW, high: float = HIGH) -> Anchoring:
    """Count the four arms. `low` → `high` is the effect one wants to be able to see."""
    hits = {(right, blind): [0, 0] for right in (False, True) for blind in (False, True)}
    for look in looks:
        found = hits[look.model_right, look.blind]
        found[0] += look.agreed
        found[1] += 1
    arms = {arm: Share(hits=found[0], n=found[1]) for arm, found in hits.items()}
    return Anchoring(
        shown=arms[False, False], blind=arms[False, True], right_shown=arms[True, False], right_blind=arms[True, True],
        need=cases_per_arm(low, high),
    )  # fmt: skip
