"""Classes: the answers one case may have, by name, and the model's chance of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from handrail.canonical import JSON, dumps

SUGGESTING = ("prediction", "annotation", "comparison")
COMPARED = ("a", "b", "tie", "both_bad")
MOST = 200
SUM_TOLERANCE = 1e-3


def class_name(answer: JSON) -> str:
    """An answer as the name of a class: text as it is, anything else as its canonical JSON."""
    return answer if isinstance(answer, str) else dumps(answer).decode()


def classes_of(record: Mapping[str, Any]) -> dict[str, JSON] | None:
    """Each class a case offers, with the answer it stands for; None where it offers none, or two of one name."""
    if record.get("kind") not in SUGGESTING:
        return None
    choices = record.get("arguments", {}).get("choices")
    if choices is None and record["kind"] == "comparison":
        choices = list(COMPARED)
    if choices is None and isinstance(record.get("scores"), dict):
        choices = list(record["scores"])
    if not isinstance(choices, list) or not 2 <= len(choices) <= MOST:
        return None
    made = {class_name(choice): choice for choice in choices}
    return made if len(made) == len(choices) else None


def chances_of(record: Mapping[str, Any]) -> dict[str, float] | None:
    """The model's chance of each class: its scores, with the calibrated confidence as the chance of the best one.

    With a confidence alone the rest is shared out evenly. None where the model said nothing that can be read.
    """
    choices = classes_of(record)
    if choices is None:
        return None
    names = list(choices)
    suggestion = record.get("arguments", {}).get("suggestion")
    confidence = _share(record.get("confidence"))
    found = _vector(record.get("scores"), names)
    if found is None:
        if confidence is None or suggestion is None or (best := class_name(suggestion)) not in choices:
            return None
        rest = (1.0 - confidence) / (len(names) - 1)
        return {name: confidence if name == best else rest for name in names}
    total = math.fsum(found)
    p = {name: value / total for name, value in zip(names, found, strict=True)}
    top = max(names, key=lambda name: p[name])
    if confidence is None or p[top] >= 1.0:
        return p
    scale = (1.0 - confidence) / (1.0 - p[top])
    return {name: confidence if name == top else value * scale for name, value in p.items()}


def _vector(scores: Any, names: list[str]) -> list[float] | None:
    """Scores in the order of the names, where they are probabilities of exactly these classes."""
    if isinstance(scores, Mapping):
        if set(scores) != set(names):
            return None
        scores = [scores[name] for name in names]
    if not isinstance(scores, list | tuple) or len(scores) != len(names):
        return None
    found = [_share(each) for each in scores]
    if any(each is None for each in found):
        return None
    made = [float(each) for each in found if each is not None]
    return made if abs(math.fsum(made) - 1.0) <= SUM_TOLERANCE else None


def _share(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        return None
    return float(value)
