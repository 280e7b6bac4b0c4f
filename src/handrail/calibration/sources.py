"""Where scores come from, each brought to one confidence or one vector that a calibrator can read.

    | source    | what a model hands over                                  | becomes                                  |
    |-----------|----------------------------------------------------------|------------------------------------------|
    | `score`   | a number, a softmax vector, or logits                    | itself                                   |
    | `members` | vectors of ensemble members or Monte-Carlo-dropout passes| their mean                               |
    | `samples` | k sampled answers, or several models' answers: names, or | the share that agree; mean probabilities |
    |           | vectors                                                  | break ties                               |
    | `tokens`  | log-probabilities of the answer's tokens                 | e to their mean                          |
    | `rating`  | a self-rating or an AI reviewer's grade                  | a number from 0 to 1                     |

None of these is a confidence yet: a calibrator makes one of it. Disagreement ranks well and is no chance of anything.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from handrail.calibration.scores import (
    Floats,
    Scale,
    Score,
    log_chances,
    names_of,
    read_scores,
    scalar_logit,
    sigmoid,
)
from handrail.errors import InvalidInput

Source = Literal["score", "members", "samples", "tokens", "rating"]
SOURCES: tuple[Source, ...] = ("score", "members", "samples", "tokens", "rating")

# the order is what counts; a calibrator fits the distances
WORDS = {
    "none": 0.0, "very low": 0.1, "low": 0.25, "medium": 0.5, "moderate": 0.5, "high": 0.75, "very high": 0.9,
    "certain": 1.0,
}  # fmt: skip
_RATING = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:(%)|percent|(?:/|of|out of)\s*(\d+(?:\.\d+)?))?\.?", re.IGNORECASE)


def mean_of_members(members: Sequence[Any], scale: Scale = "probability") -> Any:
    """The mean probability of each class over ensemble members or dropout passes.

    A vector, by class name if the members name their classes; a number if they are numbers. Averaging five members lets
    1 to 2 points more through at the same error.
    """
    members = _listed(members, "members")
    if not any(isinstance(member, Mapping | list | tuple) for member in members):
        return math.fsum(sigmoid(scalar_logit(member, scale)) for member in members) / len(members)
    rows, names = _vectors(members, scale)
    mean = [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
    return dict(zip(names, mean, strict=True)) if names else mean


def sample_share(samples: Sequence[Any], answer: str | None = None, scale: Scale = "probability") -> Any:
    """How far k samples of one model, or the answers of several models, agree.

    Names: the share of `answer` (the most frequent one where none is given), a number. Vectors: each counts for its top
    class, and mean probabilities break ties, a vector. Either counts one further sample spread evenly, so that three of
    three is less than thirty of thirty.
    """
    samples = _listed(samples, "samples")
    k = len(samples)
    if all(isinstance(sample, str) for sample in samples):
        counts = Counter(samples)
        agreeing = counts[answer] if answer is not None else max(counts.values())
        return (agreeing + 0.5) / (k + 1)
    rows, names = _vectors(samples, scale)
    counted = [0] * len(rows[0])
    for row in rows:
        counted[max(range(len(row)), key=row.__getitem__)] += 1
    mean = [math.fsum(column) / k for column in zip(*rows, strict=True)]
    # whole samples weigh 1 and the means sum to 1: they order only what is equal
    share = [(count + chance) / (k + 1) for count, chance in zip(counted, mean, strict=True)]
    return dict(zip(names, share, strict=True)) if names else share


def agreement(answers: Sequence[str], answer: str) -> float:
    """The share of several models that give `answer`, with one further model taken to be undecided."""
    return float(sample_share(answers, answer))


def token_confidence(log_probabilities: Sequence[float]) -> float:
    """e to the mean log-probability of the answer's tokens, so that a long answer is not punished for its length.

    Give the tokens of the answer alone, not those of the reasoning before it.
    """
    values = [_number(value, "a log-probability") for value in _listed(log_probabilities, "log-probabilities")]
    if max(values) > 1e-6:
        raise InvalidInput("a log-probability is above 0", remedy="Send natural logarithms of probabilities.")
    return math.exp(min(math.fsum(values) / len(values), 0.0))


def self_rating(value: Any, *, out_of: float = 10.0) -> float:
    """A model's rating of itself, or an AI reviewer's grade, as a number from 0 to 1.

    `8` (out of `out_of`), `"8/10"`, `"85 %"`, `"high"`. Raises `InvalidInput` for anything else, and for a rating
    outside its range.
    """
    if not isinstance(value, str):
        share = _number(value, "a rating") / out_of
    else:
        word = " ".join(value.casefold().split())
        if word in WORDS:
            return WORDS[word]
        found = _RATING.fullmatch(word)
        if found is None:
            raise InvalidInput(
                f"{value[:80]!r} is no rating", remedy=f'Send 0 to {out_of:g}, "85 %", "8/10", or {", ".join(WORDS)}.'
            )
        whole = found[3] or (100.0 if "%" in word or "percent" in word else out_of)
        if float(whole) <= 0.0:
            raise InvalidInput("a rating is out of more than 0")
        share = float(found[1]) / float(whole)
    if not 0.0 <= share <= 1.0:
        raise InvalidInput(f"the rating {value!r} lies outside its range")
    return share


def scored(raw: Any, source: Source, scale: Scale, answer: str | None = None) -> tuple[Score, Scale]:
    """What a source handed over, as a score and its scale."""
    if source == "score":
        return raw, scale
    if source == "rating":
        return self_rating(raw), "probability"
    if source == "tokens":
        return token_confidence(raw), "probability"
    return (mean_of_members(raw, scale) if source == "members" else sample_share(raw, answer, scale)), "probability"


def read_many(
    scores: Any, source: Source, scale: Scale, names: tuple[str, ...] = (), answers: Sequence[str | None] | None = None
) -> tuple[Floats, tuple[str, ...]]:
    """Many raw scores as `scores.read_scores` gives them, and the class names in order, where they are known."""
    if source != "score":
        said: Sequence[str | None] = [None] * len(scores) if answers is None else answers
        scores = [_scored(raw, at, source, scale, said[at]) for at, raw in enumerate(scores)]
        scale = "probability"
    return read_scores(scores, scale, names), names or names_of(scores)


def _scored(raw: Any, at: int, source: Source, scale: Scale, answer: str | None) -> Score:
    try:
        return scored(raw, source, scale, answer)[0]
    except InvalidInput as error:
        raise InvalidInput(f"score {at}: {error}", remedy=error.remedy) from None


def _vectors(rows: Sequence[Any], scale: Scale) -> tuple[list[list[float]], tuple[str, ...]]:
    """Probabilities row by row, and the class names where the rows have them."""
    first = rows[0]
    names = tuple(sorted(first)) if isinstance(first, Mapping) else ()
    if any(isinstance(row, str) or not isinstance(row, Mapping | list | tuple) for row in rows):
        raise InvalidInput("members and samples are all vectors, or none is")
    if any(isinstance(row, Mapping) != bool(names) or len(row) != len(first) for row in rows):
        raise InvalidInput("members and samples score the same classes each")
    return [[math.exp(value) for value in log_chances(row, scale, names)] for row in rows], names


def _listed(values: Any, what: str) -> list[Any]:
    """A list of plain values, whatever array library they came in."""
    if isinstance(values, str | Mapping) or not hasattr(values, "__len__"):
        raise InvalidInput(f"{what} come as a list, not as {type(values).__name__}")
    if len(values) == 0:
        raise InvalidInput(f"there are no {what}")
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(f"{what} is a finite number, not {value!r}"[:200])
    return float(value)
