"""One reviewer's scorecard: what golds say of him, apart where the model was right and where it was wrong.

It goes to the reviewer first, is shown from 50 golds on (45 of 50 is 79 to 96 %), and never rests on speed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.canonical import JSON
from handrail.consensus.gold_test import GoldTest, Watch, watched
from handrail.consensus.proportions import Share

SHOWN_FROM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldAnswer:
    """One answer to a gold. `weight` below 1: no gold but a settled consensus, counted in the test alone."""

    right: bool
    # None: the model said nothing that could be right or wrong
    model_right: bool | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Accuracy on golds, in all and by whether the model was right, and where the sequential test stands."""

    golds: int
    accuracy: Share
    model_right: Share
    model_wrong: Share
    watch: Watch

    @property
    def shown(self) -> bool:
        """Whether there are golds enough to show it."""
        return self.golds >= SHOWN_FROM

    def to_json(self) -> dict[str, JSON]:
        """Figures with their n; shares only once there are golds enough."""
        return {
            "golds": self.golds, "need": SHOWN_FROM, "shown": self.shown, "accuracy": self.accuracy.to_json(),
            "model_right": self._part(self.model_right), "model_wrong": self._part(self.model_wrong),
            "test": {
                "standing": self.watch.standing, "evidence": self.watch.evidence, "line": self.watch.test.line,
                "since": self.watch.since, "flags": self.watch.flags, "good": self.watch.test.good,
                "bad": self.watch.test.bad,
            },
        }  # fmt: skip

    def _part(self, part: Share) -> dict[str, JSON]:
        return part.to_json() if self.shown else {"n": part.n, "need": part.need, "value": None}


def scorecard(answers: Iterable[GoldAnswer], test: GoldTest | None = None) -> Scorecard:
    """From answers in the order they were given."""
    given = list(answers)
    golds = [each for each in given if each.weight == 1.0]
    return Scorecard(
        golds=len(golds),
        accuracy=_share(golds, need=SHOWN_FROM),
        model_right=_share([each for each in golds if each.model_right is True], need=10),
        model_wrong=_share([each for each in golds if each.model_right is False], need=10),
        watch=watched(((each.right, each.weight) for each in given), test),
    )


def _share(golds: list[GoldAnswer], *, need: int) -> Share:
    return Share(hits=sum(each.right for each in golds), n=len(golds), need=need)
