"""Comparisons: which of two answers is better. Made so that neither side is favoured, and read back by majority."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.labels import proposed
from handrail.proposal import Proposal
from handrail.review import Review

CHOICES: tuple[str, ...] = ("a", "b", "tie", "both_bad")
# ratings beyond this are no ratings, and their differences would not be numbers any more
MOST_RATING = 1e6


def comparison(
    prompt: JSON, answers: Sequence[JSON], *, options: Sequence[str] | None = None, action: str = "compare",
    **says: object,
) -> Proposal:  # fmt: skip
    """A proposal that asks people which of two answers to a prompt is better.

    Which one is shown left (`a`) is drawn from the contents, so half of many comparisons show each order and a repeat
    shows the same. `options`: the names of who answered, for a ranking; reviewers do not see them.
    """
    if len(answers) != 2 or (options is not None and len(options) != 2):
        raise InvalidInput("a comparison has two answers", remedy="Compare more than two pair by pair.")
    names = {} if options is None else {"options": {"a": options[0], "b": options[1]}}
    refuse_incomparable({"prompt": prompt, "a": answers[0], "b": answers[1], **names})
    both = [dumps(answer) for answer in answers]
    # of the pair, not of the order it came in
    turned = hashlib.sha256(dumps(prompt) + min(both) + max(both)).digest()[0] % 2 == int(both[0] < both[1])
    first, second = (1, 0) if turned else (0, 1)
    arguments: dict[str, JSON] = {"prompt": prompt, "a": answers[first], "b": answers[second], "choices": list(CHOICES)}
    if options is not None:
        arguments["options"] = {"a": options[first], "b": options[second]}
    return Proposal(action=action, kind="comparison", arguments=arguments, **says)  # type: ignore[arg-type]


def refuse_incomparable(arguments: Mapping[str, JSON]) -> None:
    """Raise `InvalidInput` for a comparison that could teach nothing: naming the field, what is wrong, what to do."""
    for name, what in (("prompt", "what both answers answer"), ("a", "one answer"), ("b", "the other answer")):
        value = arguments.get(name)
        if value is None or (name == "prompt" and isinstance(value, str) and not value.strip()):
            raise InvalidInput(
                f"the comparison's {name} is {'missing' if value is None else 'empty'}",
                remedy=f"Put {what} in arguments.{name}.",
            )
    if dumps(arguments["a"]) == dumps(arguments["b"]):
        raise InvalidInput(
            "the comparison's a and b are the same; there is nothing to compare",
            remedy="Put two different answers in arguments.a and arguments.b, or leave this pair out.",
        )
    options = arguments.get("options")
    if options is None:
        return
    if not isinstance(options, Mapping) or not all(isinstance(options.get(side), str) for side in ("a", "b")):
        raise InvalidInput(
            "the comparison's options are not the names of who answered",
            remedy='Put {"a": "one name", "b": "another"} in arguments.options, or leave it out.',
        )
    if options["a"] == options["b"]:
        raise InvalidInput(
            f"the comparison's options are both {options['a']!r}: both answers carry the same name"[:200],
            remedy="Name in arguments.options who gave each answer, or leave it out.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """What most people found better."""

    chosen: JSON
    rejected: JSON
    # the side that won, `a` was shown left
    side: str
    # log-odds of the consensus ln((wins + ½)/(losses + ½)), or the mean difference of ratings
    margin: float
    reviewers: tuple[str, ...]


def preferred(reviews: Iterable[Review], proposal: Proposal) -> Preferred | None:
    """What most chose of `arguments.a` and `arguments.b`; None on a tie, or where less than half chose one.

    Each person counts once, with the latest answer. Answers are `a`, `b`, `tie`, `both_bad`, or ratings such as
    {"a": 4, "b": 2}; an approval means the model's suggestion. Raises `InvalidInput` for what is no comparison.
    """
    held = compared(proposal)
    latest = answers_of(reviews, proposal)
    said = Counter(side_of(value) for value in latest.values())
    high, low = max(said["a"], said["b"]), min(said["a"], said["b"])
    if high == low or 2 * high <= said.total():
        return None
    best, worse = ("a", "b") if said["a"] > said["b"] else ("b", "a")
    rated = _means(latest.values())
    if rated is not None and rated[best] <= rated[worse]:
        # most people and the mean rating contradict each other: no consensus
        return None
    return Preferred(
        chosen=held[best], rejected=held[worse], side=best, reviewers=tuple(sorted(latest)),
        margin=math.log((high + 0.5) / (low + 0.5)) if rated is None else rated[best] - rated[worse],
    )  # fmt: skip


def compared(proposal: Proposal) -> dict[str, JSON]:
    """The arguments of a comparison. Raises `InvalidInput` for what is none."""
    held = proposal.arguments
    if proposal.kind != "comparison" or not isinstance(held, dict) or not {"prompt", "a", "b"} <= set(held):
        raise InvalidInput("a comparison holds prompt, a and b")
    return held


def answers_of(reviews: Iterable[Review], proposal: Proposal) -> dict[str, JSON]:
    """Each person's latest answer."""
    latest = {r.reviewer: r for r in sorted(reviews, key=lambda r: (r.given_at, r.id)) if _answers(r)}
    return {person: proposed(proposal) if r.verdict == "approve" else r.value for person, r in latest.items()}


def ratings(reviews: Iterable[Review], proposal: Proposal) -> dict[str, float] | None:
    """The mean ratings of both sides, each person's latest, where anybody rated them."""
    return _means(answers_of(reviews, proposal).values())


def both_bad(reviews: Iterable[Review], proposal: Proposal) -> bool:
    """Whether most said that neither answer will do."""
    said = Counter(value == "both_bad" for value in answers_of(reviews, proposal).values())
    return said[True] > said[False]


def side_of(value: JSON) -> str:
    """`a`, `b` or `tie` by ratings; any other answer as it is."""
    if is_rating(value):
        return "tie" if value["a"] == value["b"] else "a" if value["a"] > value["b"] else "b"
    return str(value)


def is_rating(value: JSON) -> bool:
    """Whether an answer rates both sides, by numbers of a sane size."""
    return (
        isinstance(value, dict)
        and set(value) == {"a", "b"}
        and all(
            isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= MOST_RATING
            for one in value.values()
        )
    )


def _means(answers: Iterable[JSON]) -> dict[str, float] | None:
    rated: list[Any] = [one for one in answers if is_rating(one)]
    if not rated:
        return None
    return {side: math.fsum(float(one[side]) for one in rated) / len(rated) for side in ("a", "b")}


def _answers(review: Review) -> bool:
    return review.verdict in {"respond", "approve"} and review.withdrawn_at is None and review.voided_at is None
