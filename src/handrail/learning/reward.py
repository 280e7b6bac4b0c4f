"""A small reward model: how good an answer to a prompt is, as people's comparisons tell. Plain numbers when fitted.

P(A ≻ B) = σ(r(A) − r(B)), r linear in the features of `answer_features` (Bradley and Terry 1952, with features). It
tells people which pairs to look at and fills in the surer half; it is no substitute for a large reward model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from handrail.canonical import JSON, digest, dumps
from handrail.errors import InvalidInput
from handrail.learning.answer_features import FACTS, Floats, fact_rows, weigh

# facts weigh a third of a term each, so that ten of them do not drown the words
FACT_SCALE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardModel:
    """Fitted weights. `surer` is the least |margin| of the surer half of the pairs it was judged on."""

    # weight and idf of each term
    terms: Mapping[str, tuple[float, float]]
    # weight and standard deviation of each fact, in the order of FACTS
    facts: tuple[tuple[float, float], ...]
    # pairs it was fitted on; cross-fitted accuracy, that of its surer half, and that of "the longer answer wins"
    n: int
    accuracy: float
    surer_accuracy: float
    longer_wins: float
    surer: float
    # how often one person agrees with the others on these pairs: nothing can be expected above it; None: not known
    ceiling: float | None = None
    _idf: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_idf", {term: idf for term, (_, idf) in self.terms.items()})

    def rewards(self, prompts: Sequence[str], answers: Sequence[str]) -> Floats:
        """The reward of each answer; only differences between answers to one prompt mean anything."""
        if len(prompts) != len(answers):
            raise InvalidInput(f"{len(prompts)} prompts but {len(answers)} answers")
        weights, spread = np.array(self.facts, dtype=np.float64).T
        made = fact_rows(prompts, answers) / spread * FACT_SCALE @ weights
        for i, answer in enumerate(answers):
            made[i] += math.fsum(self.terms[term][0] * value for term, value in weigh(answer, self._idf).items())
        return np.asarray(made, dtype=np.float64)

    def preference(self, prompt: str, a: str, b: str) -> float:
        """P(a is better than b), by this model."""
        first, second = self.rewards([prompt, prompt], [a, b])
        return 1.0 / (1.0 + math.exp(min(max(float(second - first), -700.0), 700.0)))

    def may_label(self, prompt: str, a: str, b: str) -> bool:
        """Whether this pair is as sure as the surer half was: only such pairs may be labelled without a person."""
        first, second = self.rewards([prompt, prompt], [a, b])
        return bool(abs(first - second) >= self.surer)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal model."""
        return {
            "v": 1,
            "kind": "reward",
            "terms": {term: list(numbers) for term, numbers in self.terms.items()},
            "facts": dict(zip(FACTS, map(list, self.facts), strict=True)),
            "n": self.n, "accuracy": self.accuracy, "surer_accuracy": self.surer_accuracy,
            "longer_wins": self.longer_wins, "surer": self.surer, "ceiling": self.ceiling,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: JSON) -> RewardModel:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything that is not a whole, sound reward model."""
        try:
            if (data["v"], data["kind"]) != (1, "reward"):
                raise InvalidInput("this is no reward model of version 1", remedy="Fit it again.")
            made = cls(
                terms={str(term): (float(weight), float(idf)) for term, (weight, idf) in data["terms"].items()},
                facts=tuple((float(data["facts"][name][0]), float(data["facts"][name][1])) for name in FACTS),
                n=int(data["n"]), accuracy=float(data["accuracy"]), surer_accuracy=float(data["surer_accuracy"]),
                longer_wins=float(data["longer_wins"]), surer=float(data["surer"]),
                ceiling=None if data["ceiling"] is None else float(data["ceiling"]),
            )  # fmt: skip
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a reward model: {type(error).__name__}: {error}") from None
        numbers = [*made.facts, *made.terms.values(), (made.surer, made.accuracy)]
        if not all(math.isfinite(number) for pair in numbers for number in pair) or min(s for _, s in made.facts) <= 0:
            raise InvalidInput("a reward model holds NaN, an infinity or a spread of zero")
        return made
