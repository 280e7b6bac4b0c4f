"""What a reward model sees of an answer: its words, weighed, and ten plain facts about it. No library needed.

Words are runs of two or more letters or digits, in lower case; terms are one or two words in a row, weighed by TF-IDF
with smoothed idf `ln((1 + n)/(1 + df)) + 1` and unit length (Salton and Buckley 1988).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FACTS = (
    "log_words", "words", "questions", "line_breaks", "exclamations", "refusal_words", "refusal_start",
    "distinct_share", "prompt_overlap", "clean_end",
)  # fmt: skip
_WORD = re.compile(r"\b\w\w+\b")
_REFUSAL = re.compile(
    r"\b(sorry|cannot|can['’]?t|won['’]?t|unable|shouldn['’]?t|illegal|not (?:able|appropriate|comfortable|okay|ok))\b"
)
_REFUSAL_START = re.compile(
    r"\s*(?:i['’]?m sorry|sorry|i (?:can(?:no|['’])?t|cannot|won['’]?t|don['’]?t|am not|would not|wouldn['’]?t)"
    r"|no[,.\s]|as an ai)"
)
_CLEAN_END = re.compile(r"[.!?…)\]}\"'”’`:;]\s*\Z")


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    return _WORD.findall(text.lower())


def terms(text: str) -> list[str]:
    """One and two words in a row."""
    found = words(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


def facts(prompt: str, answer: str) -> list[float]:
    """The ten facts of `FACTS` about one answer."""
    low = answer.lower()
    found = _WORD.findall(low)
    n, distinct = len(found), set(found)
    asked = set(words(prompt))
    return [
        math.log1p(n),
        float(n),
        float(answer.count("?")),
        float(answer.count("\n")),
        float(answer.count("!")),
        float(len(_REFUSAL.findall(low))),
        float(_REFUSAL_START.match(low) is not None),
        len(distinct) / n if n else 0.0,
        len(distinct & asked) / len(distinct) if distinct else 0.0,
        float(_CLEAN_END.search(answer) is not None),
    ]


def fact_rows(prompts: Sequence[str], answers: Sequence[str]) -> Floats:
    """`facts` of many answers: (n, 10)."""
    rows = [facts(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(FACTS))


def inverse_frequencies(texts: Iterable[str]) -> dict[str, float]:
    """The idf of every term of these texts."""
    n, held = 0, Counter[str]()
    for text in texts:
        n += 1
        held.update(set(terms(text)))
    return {term: math.log((1 + n) / (1 + df)) + 1.0 for term, df in sorted(held.items())}


def weigh(text: str, idf: dict[str, float]) -> dict[str, float]:
    """The known terms of a text with their weights, of length one together; empty when none is known."""
    counted = Counter(term for term in terms(text) if term in idf)
    weighed = {term: count * idf[term] for term, count in counted.items()}
    length = math.sqrt(math.fsum(weight * weight for weight in weighed.values()))
    return {term: weight / length for term, weight in weighed.items()} if length else {}
