"""Learning to defer, after the fact: which cases a person should answer, from scores and labels alone.

Two stages: the model is as it is, and a rule fitted on labelled cases says whom to ask. No rule needs the model's
training (Mozannar and Sontag 2020 and its successors train both together; see docs/concepts/deferral.md for how they
compare). Fuse beats swapping: what a person says is weighed with what the model thinks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from handrail.canonical import JSON
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.expertise import Floats, Integers
from handrail.learning.fusion import BAYES, Fusion, evidence, fuse, log_chances, softmax, values

Rule = Literal["confidence", "skill", "fuse", "weighted"]
RULES: tuple[Rule, ...] = get_args(Rule)
LEAST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """A fitted rule. Case scores at or above `cut` go to a person.

    | rule       | asks first where                                         | answer of an asked case |
    |------------|----------------------------------------------------------|-------------------------|
    | confidence | the model's confidence is low                            | the person's            |
    | skill      | people know the likely classes better than the model     | the person's            |
    | fuse       | an answer gains most (V)                                 | both, by Bayes' rule    |
    | weighted   | the model's confidence is low                            | both, by fitted weights |
    """

    rule: Rule
    cut: float
    fusion: Fusion
    # labelled cases the cut was chosen on, and the share of them that was asked
    n: int
    share: float

    def asks(self, chances: Any) -> Any:
        """Which cases to put before a person; one truth value a case."""
        return scores(self.rule, self.fusion, chances) >= self.cut

    def answers(self, chances: Any, said: Any) -> Integers:
        """Each case's answer: the model's, or where a person is asked, what `said` (class numbers) makes it."""
        p = np.atleast_2d(np.asarray(chances, dtype=np.float64))
        given = _given(said, len(p), len(self.fusion.classes))
        return np.where(self.asks(p), settled(self.rule, self.fusion, p, given), p.argmax(axis=1)).astype(np.int64)

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal rule."""
        return {
            "v": 1, "kind": "deferral", "rule": self.rule, "cut": self.cut if np.isfinite(self.cut) else None,
            "fusion": self.fusion.to_json(), "n": self.n, "share": self.share,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: JSON) -> Deferral:
        """Read what `to_json` wrote. Raises `InvalidInput`."""
        try:
            if data["v"] != 1 or data["kind"] != "deferral" or data["rule"] not in RULES:
                raise InvalidInput("this is not a deferral of version 1", remedy="Fit it again.")
            cut = float("inf") if data["cut"] is None else float(data["cut"])
            return cls(rule=data["rule"], cut=cut, fusion=Fusion.from_json(data["fusion"]), n=int(data["n"]),
                       share=float(data["share"]))  # fmt: skip
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a deferral: {type(error).__name__}: {error}") from None


def scores(rule: Rule, fusion: Fusion, chances: Any) -> Floats:
    """How much each case wants a person; higher first."""
    log_p = log_chances(chances)
    p = softmax(log_p)
    if rule in ("confidence", "weighted"):
        return np.asarray(-p.max(axis=1), dtype=np.float64)
    if rule == "skill":
        return np.asarray(p @ np.diag(fusion.pool) - p.max(axis=1), dtype=np.float64)
    k = len(fusion.classes)
    after = fuse(log_p[:, None, :], np.log(fusion.pool).T[None], np.eye(k)[None], BAYES)
    return values(p, after, fusion.pool)


def settled(rule: Rule, fusion: Fusion, chances: Any, said: Integers) -> Integers:
    """What one answer a case makes of it, were everybody asked."""
    if rule in ("confidence", "skill"):
        return said
    total, hits = evidence(said[:, None], fusion.pool)
    weights = BAYES if rule == "fuse" else fusion.weights_for(1)
    return np.asarray(fuse(log_chances(chances), total, hits, weights).argmax(axis=1), dtype=np.int64)


def fit_deferral(rule: Rule, fusion: Fusion, chances: Any, truth: Any, said: Any, *, price: float = 0.0) -> Deferral:
    """Choose the cut on labelled cases that the fusion has not seen: the most right answers, less `price` an ask.

    `price` in units of one error. Between equally good cuts the one that asks more wins: few labels show a loss sooner
    than a gain. Raises `NotEnoughEvidence` below 30 cases and `InvalidInput` for what does not fit together.
    """
    if rule not in RULES:
        raise InvalidInput(f"no rule is called {rule!r}", remedy=f"Choose {', '.join(RULES)}.")
    if not 0.0 <= price < float("inf"):
        raise InvalidInput(f"the price of a review is {price}; it is a finite number from 0 upwards")
    p = np.atleast_2d(np.asarray(chances, dtype=np.float64))
    k = len(fusion.classes)
    given, y = _given(said, len(p), k), _given(truth, len(p), k)
    if len(p) < LEAST:
        raise NotEnoughEvidence(f"not enough evidence yet ({len(p)} of {LEAST} cases)", have=len(p), need=LEAST)
    want = scores(rule, fusion, p)
    gain = (settled(rule, fusion, p, given) == y).astype(np.float64) - (p.argmax(axis=1) == y) - price
    order = np.argsort(-want, kind="stable")
    ranked = want[order]
    total = np.concatenate([[0.0], np.cumsum(gain[order])])
    # a cut never falls between equal scores
    open_here = np.concatenate([[True], ranked[1:] < ranked[:-1], [True]])
    total[~open_here] = -np.inf
    asked = len(p) - int(np.argmax(total[::-1]))
    cut = float("inf") if asked == 0 else float(ranked[asked - 1])
    return Deferral(rule=rule, cut=cut, fusion=fusion, n=len(p), share=asked / len(p))


def _given(values_: Any, n: int, k: int) -> Integers:
    made = np.asarray(values_, dtype=np.int64)
    if made.shape != (n,) or (n and (made.min() < 0 or made.max() >= k)):
        raise InvalidInput(f"{n} class numbers from 0 to {k - 1} are needed")
    return made
