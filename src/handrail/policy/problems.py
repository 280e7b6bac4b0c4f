"""Mistakes in a policy file: where each one is, what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches

from handrail.errors import InvalidPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake. `line` counts from 1; `field` is a path such as `rules[2].route.tier`, empty for the whole file."""

    source: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" + (f": {self.field}" if self.field else "")
        return f"{place}: {self.message}. {self.remedy}"


def refuse(problems: Sequence[Problem]) -> InvalidPolicy:
    """The error that carries all of them, in the order of the file; `context["problems"]` holds them as plain dicts."""
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.field))
    return InvalidPolicy(
        "\n".join(str(problem) for problem in ordered),
        remedy=ordered[0].remedy,
        problems=[asdict(problem) for problem in ordered],
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word: the nearest known one, or the list of them."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Use one of: {', '.join(choices)}." if choices else "Remove it."
