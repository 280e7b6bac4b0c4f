"""Fuse what people said with what the model thinks: one posterior instead of one word against another.

    p(y | x, h…) ∝ p_y^α · ∏_j M_j(h_j | y)^β · exp(γ · #{j : h_j = y})

M_j(h | y) is the chance that person j says h where y is true. With α = β = 1 and γ = 0 this is Bayes' rule for people
who err independently; real people err together, so the weights are fitted for each number of answers. Without fitted
weights all answers together weigh as much as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handrail.canonical import JSON, digest, dumps
from handrail.errors import InvalidInput
from handrail.learning.expertise import Floats, Integers, matrices_json, read_matrix

Weights = tuple[float, float, float]
"""(α, β, γ)."""

BAYES: Weights = (1.0, 1.0, 0.0)
EDGE = 1e-6


def log_chances(chances: Any) -> Floats:
    """Logarithms of class chances, one row a case. Raises `InvalidInput` for what are no chances."""
    try:
        p = np.atleast_2d(np.asarray(chances, dtype=np.float64))
    except (TypeError, ValueError):
        raise InvalidInput("class chances are numbers, one for each class") from None
    if p.ndim != 2 or p.shape[1] < 2 or not np.isfinite(p).all() or (p < 0.0).any():
        raise InvalidInput("class chances must be finite and not negative, two classes or more")
    if np.abs(p.sum(axis=1) - 1.0).max(initial=0.0) > 1e-3:
        raise InvalidInput("the chances of a case do not add up to 1")
    return np.asarray(np.log(np.maximum(p, EDGE)), dtype=np.float64)


def softmax(eta: Floats) -> Floats:
    """Rows of weights' logarithms as chances."""
    made = np.exp(eta - eta.max(axis=-1, keepdims=True))
    return np.asarray(made / made.sum(axis=-1, keepdims=True), dtype=np.float64)


def evidence(answers: Integers, matrices: Floats) -> tuple[Floats, Floats]:
    """What answers say of each class: Σ log M_j(h_j | y) and #{h_j = y}, each of shape (cases, classes).

    `answers`: (cases, people), a class each, −1 where somebody said nothing. `matrices`: one for all (K, K), or one for
    each answer (cases, people, K, K).
    """
    k = matrices.shape[-1]
    said = answers >= 0
    at = np.where(said, answers, 0)
    logs = np.log(matrices)
    if matrices.ndim == 2:
        chosen = logs.T[at]
    else:
        chosen = np.take_along_axis(logs, at[:, :, None, None], axis=3)[..., 0]
    total = np.where(said[:, :, None], chosen, 0.0).sum(axis=1)
    hits = (said[:, :, None] & (at[:, :, None] == np.arange(k))).sum(axis=1).astype(np.float64)
    return np.asarray(total, dtype=np.float64), hits


def fuse(log_p: Floats, total: Floats, hits: Floats, weights: Any) -> Floats:
    """The posterior; `weights` is one (α, β, γ), or one row a case."""
    w = np.asarray(weights, dtype=np.float64)
    a, b, g = (w[..., i, None] for i in range(3))
    return softmax(a * log_p + b * total + g * hits)


def values(held: Floats, after: Floats, matrix: Floats) -> Floats:
    """What one more answer gains, for many cases: Σ_h q_a(h) · M(h | a(h)) − max_y q_y.

    `held` (cases, K): the posterior so far. `after` (cases, h, K): the posterior if the next answer were h. `matrix`:
    of whoever is asked, one for all (K, K) or one a case.
    """
    best = after.argmax(axis=2)
    said = np.arange(held.shape[1])[None, :]
    chance = matrix[best, said] if matrix.ndim == 2 else matrix[np.arange(len(held))[:, None], best, said]
    reach = np.take_along_axis(held, best, axis=1) * chance
    return np.asarray(reach.sum(axis=1) - held.max(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """A fitted fusion for one action: plain numbers, applied with numpy alone."""

    # what the answers are, in the order of every vector and matrix
    classes: tuple[str, ...]
    # M of the queue, and of the people measured well enough
    pool: Floats
    people: Mapping[str, Floats] = field(default_factory=dict)
    # for one answer, for two, …; empty: not enough labelled cases to fit any
    weights: tuple[Weights, ...] = ()
    # what a promised gain was really worth
    scale: float = 1.0
    # labelled answers behind the matrices, and labelled cases behind the weights
    answers: int = 0
    n: int = 0
    # microseconds
    fitted_at: int = 0

    def weights_for(self, count: int) -> Weights:
        """The weights of so many answers. Beyond what was fitted, more answers weigh as much as the last fitted
        number of them; with none fitted, all together as one.
        """
        if count <= 0:
            return BAYES if not self.weights else (self.weights[0][0], 0.0, 0.0)
        known = min(count, len(self.weights))
        if not known:
            return 1.0, 1.0 / count, 0.0
        alpha, beta, gamma = self.weights[known - 1]
        return alpha, beta * known / count, gamma * known / count

    def posterior(self, chances: Any, answers: Sequence[tuple[str | None, str]]) -> Floats:
        """The chance of each class of one case. `answers`: (person, class); an unknown person is anybody of the pool.

        Without answers it is the model's own. Raises `InvalidInput` for an answer that is no class.
        """
        log_p = self._read(chances)
        if not answers:
            return np.asarray(softmax(log_p)[0], dtype=np.float64)
        return self._fused(log_p, [self.place(said) for _, said in answers], [self.matrix(who) for who, _ in answers])

    def value(self, chances: Any, answers: Sequence[tuple[str | None, str]], person: str | None = None) -> float:
        """What one more answer (of `person`, or of anybody) gains in the chance of being right; scaled, at least 0.

        Σ_h q_a(h) · M(h | a(h)) − max_y q_y, where q is the posterior so far and a(h) what would be answered after h.
        """
        log_p = self._read(chances)
        said, matrices = [self.place(each) for _, each in answers], [self.matrix(who) for who, _ in answers]
        held = self._fused(log_p, said, matrices) if said else softmax(log_p)[0]
        total, hits = self._evidence(said, matrices)
        matrix = self.matrix(person)
        after = fuse(log_p, total + np.log(matrix).T, hits + np.eye(len(held)), self.weights_for(len(said) + 1))
        return max(0.0, self.scale * float(values(held[None], after[None], matrix)[0]))

    def matrix(self, person: str | None) -> Floats:
        """A person's own matrix, or the pool's."""
        return self.pool if person is None else self.people.get(person, self.pool)

    def place(self, answer: str) -> int:
        """Which class an answer is. Raises `InvalidInput`."""
        try:
            return self.classes.index(answer)
        except ValueError:
            raise InvalidInput(f"{answer[:100]!r} is none of the classes this was fitted on") from None

    def _fused(self, log_p: Floats, said: list[int], matrices: list[Floats]) -> Floats:
        total, hits = self._evidence(said, matrices)
        return np.asarray(fuse(log_p, total, hits, self.weights_for(len(said)))[0], dtype=np.float64)

    def _evidence(self, said: list[int], matrices: list[Floats]) -> tuple[Floats, Floats]:
        k = len(self.classes)
        return evidence(np.array([said], dtype=np.int64), np.array([matrices]).reshape(1, len(said), k, k))

    def _read(self, chances: Any) -> Floats:
        log_p = log_chances(chances)
        if log_p.shape != (1, len(self.classes)):
            raise InvalidInput(f"this fusion needs the chances of {len(self.classes)} classes, of one case")
        return log_p

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: which fusion, exactly."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; `from_json` gives back an equal fusion."""
        return {
            "v": 1, "kind": "fusion", "classes": list(self.classes), "pool": self.pool.tolist(),
            "people": matrices_json(self.people), "weights": [list(each) for each in self.weights],
            "scale": self.scale, "answers": self.answers, "n": self.n, "fitted_at": self.fitted_at,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: JSON) -> Fusion:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything that is not a whole, sound fusion."""
        try:
            if data["v"] != 1 or data["kind"] != "fusion":
                raise InvalidInput("this is not a fusion of version 1", remedy="Fit it again.")
            classes = tuple(map(str, data["classes"]))
            if len(classes) < 2 or len(set(classes)) != len(classes):
                raise InvalidInput("a fusion needs two different classes or more")
            return cls(
                classes=classes,
                pool=read_matrix(data["pool"], len(classes)),
                people={str(who): read_matrix(rows, len(classes)) for who, rows in data["people"].items()},
                weights=tuple(_weights(each) for each in data["weights"]),
                scale=_number(data["scale"], 0.0, 10.0),
                answers=int(data["answers"]),
                n=int(data["n"]),
                fitted_at=int(data["fitted_at"]),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"this is not a fusion: {type(error).__name__}: {error}") from None


def _weights(given: Any) -> Weights:
    a, b, g = given
    return _number(a, 0.0, 100.0), _number(b, 0.0, 100.0), _number(g, -100.0, 100.0)


def _number(value: Any, low: float, high: float) -> float:
    made = float(value)
    if not low <= made <= high:
        raise InvalidInput(f"{made} lies outside {low:g} to {high:g}")
    return made
