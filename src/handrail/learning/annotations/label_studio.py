"""Label Studio's tasks with predictions and annotations (its JSON import and export), read and written.

Traps: its plain export gives predictions as bare numbers (fetch them apart); offsets count UTF-16 units; `result_count`
says nothing; `was_cancelled` is an abstention; `unique_id` keeps an annotation from being taken twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from handrail.canonical import JSON
from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import Annotated, Given, Mark, MarkKind, Read, Suggested, Written
from handrail.learning.annotations.labelling import Labelling
from handrail.learning.annotations.offsets import to_characters, to_units

_KINDS: dict[str, MarkKind] = {
    "choices": "choice", "labels": "span", "rectanglelabels": "box", "rating": "rating", "textarea": "text",
    "pairwise": "pairwise",
}  # fmt: skip
_TYPES = {kind: type for type, kind in _KINDS.items()}
_BOX = ("x", "y", "width", "height", "rotation")
_TASK = {"data", "meta", "predictions", "annotations"}
_RESULT = {"id", "from_name", "to_name", "type", "value", "score", "original_width", "original_height"}
_ANNOTATION = {"result", "was_cancelled", "ground_truth", "lead_time", "unique_id", "completed_by"}
_PREDICTION = {"result", "model_version", "score"}


def read_tasks(tasks: Sequence[Mapping[str, Any]], labelling: Labelling) -> Read:
    """Tasks as an export or an import file holds them. A task's case is `meta.case`, else its number.

    Raises `InvalidInput` for what is no task, and for spans whose offsets do not fit their text.
    """
    cases, beyond = [], {}
    for number, task in enumerate(tasks):
        if not isinstance(task, Mapping) or not isinstance(task.get("data"), Mapping):
            raise InvalidInput(f"entry {number} is no task of Label Studio: it has no data")
        meta = task.get("meta") or {}
        case = str(meta.get("case") or task.get("id") or number)
        rest = _Rest()
        cases.append(
            Annotated(
                case=case, input=dict(task["data"]),
                given=tuple(_given(one, task, labelling, rest) for one in task.get("annotations") or ()),
                suggested=tuple(_suggested(one, task, labelling, rest) for one in task.get("predictions") or ()),
            )
        )  # fmt: skip
        rest.keep("meta", {name: value for name, value in meta.items() if name != "case"})
        rest.keep("task", {name: value for name, value in task.items() if name not in _TASK})
        if rest.found:
            beyond[case] = rest.found
    return Read(cases=tuple(cases), beyond=beyond)


def write_tasks(
    cases: Sequence[Annotated], labelling: Labelling, *, beyond: Mapping[str, JSON] | None = None
) -> Written:
    """Tasks to import. `beyond`: what was read with them; what of it Label Studio takes again goes back in."""
    left: dict[str, JSON] = {}
    dropped: Counter[str] = Counter()
    tasks = []
    for case in cases:
        rest = dict((beyond or {}).get(case.case) or {})
        task: dict[str, Any] = {"data": dict(case.input), "meta": {**rest.pop("meta", {}), "case": case.case}}
        lost = [mark for mark in case.marks if mark.kind not in _TYPES]
        dropped.update(f"{mark.kind} marks" for mark in lost)
        if lost:
            rest["marks"] = [[mark.question, mark.kind, mark.value] for mark in lost]
        task["predictions"] = [_prediction(one, case, labelling) for one in case.suggested]
        task["annotations"] = [_annotation(one, case, labelling) for one in case.given]
        tasks.append(task)
        if rest:
            left[case.case] = rest
            dropped.update(rest.keys())
    return Written(rows=tasks, beyond=left, dropped=dict(dropped))


def result_of(mark: Mark, case: Annotated, labelling: Labelling) -> dict[str, Any]:
    """One mark as a result."""
    about = mark.about or labelling.about.get(mark.question)
    made: dict[str, Any] = {"from_name": mark.question, "to_name": about, "type": _TYPES[mark.kind]}
    if mark.id is not None:
        made["id"] = mark.id
    if mark.score is not None:
        made["score"] = mark.score
    if mark.kind == "span":
        text = _text(case.input, about, labelling)
        span = mark.value
        made["value"] = {
            "start": to_units(text, span["start"]), "end": to_units(text, span["end"]),
            "text": text[span["start"] : span["end"]], "labels": list(span["labels"]),
        }  # fmt: skip
    elif mark.kind == "box":
        made |= _box_result(mark.value)
    else:
        name = {"choice": "choices", "rating": "rating", "text": "text", "pairwise": "selected"}[mark.kind]
        made["value"] = {name: mark.value}
    return made


class _Rest:
    """Gathers what is said beyond a case."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def keep(self, name: str, values: Mapping[str, Any]) -> None:
        if values:
            self.found[name] = dict(values)

    def add(self, name: str, value: Any) -> None:
        self.found.setdefault(name, []).append(value)


def _given(one: Mapping[str, Any], task: Mapping[str, Any], labelling: Labelling, rest: _Rest) -> Given:
    further = {name: value for name, value in one.items() if name not in _ANNOTATION}
    if further:
        rest.add("annotations", {"unique_id": one.get("unique_id"), **further})
    by = one.get("completed_by")
    if isinstance(by, Mapping):
        by = by.get("email")
    return Given(
        id=one.get("unique_id"), reviewer=None if by is None else str(by),
        marks=_marks(one.get("result") or (), task, labelling, rest), abstained=bool(one.get("was_cancelled")),
        gold=bool(one.get("ground_truth")), seconds=one.get("lead_time"),
    )  # fmt: skip


def _suggested(one: Any, task: Mapping[str, Any], labelling: Labelling, rest: _Rest) -> Suggested:
    if not isinstance(one, Mapping):
        raise InvalidInput(
            f"prediction {one} is a bare number: this export left its body out",
            remedy="Fetch the tasks with fields=all, as `handrail` does, or import them without predictions.",
        )
    further = {name: value for name, value in one.items() if name not in _PREDICTION}
    if further:
        rest.add("predictions", further)
    return Suggested(
        model=one.get("model_version"), marks=_marks(one.get("result") or (), task, labelling, rest),
        score=one.get("score"),
    )  # fmt: skip


def _marks(
    results: Sequence[Mapping[str, Any]], task: Mapping[str, Any], labelling: Labelling, rest: _Rest
) -> tuple[Mark, ...]:
    made = []
    for result in results:
        kind = _KINDS.get(str(result.get("type")))
        if kind is None:
            rest.add("results", dict(result))
            continue
        refuse_unasked(result.get("from_name"), labelling)
        further = {name: value for name, value in result.items() if name not in _RESULT}
        if further:
            rest.add("marks_beyond", {"id": result.get("id"), **further})
        made.append(
            Mark(
                question=result["from_name"], kind=kind, value=_value(kind, result, task["data"], labelling),
                about=result.get("to_name"), id=result.get("id"), score=result.get("score"),
            )
        )  # fmt: skip
    return tuple(made)


def refuse_unasked(name: Any, labelling: Labelling) -> None:
    """Raise `InvalidInput` for a result of a question (`from_name`) that the labelling configuration does not ask."""
    if name in labelling.about:
        return
    known = ", ".join(map(repr, labelling.about)) or "nothing"
    raise InvalidInput(
        f"a result has from_name {name!r}, and the labelling configuration asks {known}",
        remedy="Use the configuration this data was labelled with, or rename from_name to what it asks.",
    )


def _value(kind: MarkKind, result: Mapping[str, Any], data: Mapping[str, Any], labelling: Labelling) -> JSON:
    value = result.get("value") or {}
    try:
        if kind == "span":
            text = _text(data, result.get("to_name"), labelling)
            start, end = to_characters(text, value["start"]), to_characters(text, value["end"])
            return {"start": start, "end": end, "labels": list(value["labels"])}
        if kind == "box":
            box = {name: value[name] for name in _BOX if name in value}
            image = [result[name] for name in ("original_width", "original_height") if name in result]
            return {**box, "labels": list(value["rectanglelabels"]), "unit": "percent"} | (
                {"image": image} if image else {}
            )
        if kind == "text":
            return [value["text"]] if isinstance(value["text"], str) else list(value["text"])
        return value[{"choice": "choices", "rating": "rating", "pairwise": "selected"}[kind]]
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"a result of type {result.get('type')} has no {error}") from None


def _text(data: Mapping[str, Any], about: str | None, labelling: Labelling) -> str:
    field = labelling.fields.get(about or "", about or "")
    text = data.get(field)
    if not isinstance(text, str):
        raise InvalidInput(f"a span is about {about!r}, and the data has no text {field!r}")
    return text


def _box_result(box: Mapping[str, Any]) -> dict[str, Any]:
    """A box of pixels becomes one of percent, of the image it says."""
    made: dict[str, Any] = {}
    image = box.get("image")
    if image:
        made["original_width"], made["original_height"] = image
    scale = (1.0, 1.0)
    if box["unit"] == "pixel":
        if not image:
            raise InvalidInput("a box in pixels needs the size of its image to be written in percent")
        scale = (100.0 / image[0], 100.0 / image[1])
    by = {"x": scale[0], "width": scale[0], "y": scale[1], "height": scale[1]}
    value = {name: box[name] * by[name] if by.get(name, 1.0) != 1.0 else box[name] for name in _BOX if name in box}
    made["value"] = {**value, "rectanglelabels": list(box["labels"])}
    return made


def _prediction(one: Suggested, case: Annotated, labelling: Labelling) -> dict[str, Any]:
    made: dict[str, Any] = {"result": [result_of(mark, case, labelling) for mark in one.marks if mark.kind in _TYPES]}
    if one.model is not None:
        made["model_version"] = one.model
    if one.score is not None:
        made["score"] = one.score
    return made


def _annotation(one: Given, case: Annotated, labelling: Labelling) -> dict[str, Any]:
    made: dict[str, Any] = {
        "result": [result_of(mark, case, labelling) for mark in one.marks if mark.kind in _TYPES],
        "was_cancelled": one.abstained, "ground_truth": one.gold,
    }  # fmt: skip
    for name, value in (("unique_id", one.id), ("lead_time", one.seconds), ("completed_by", one.reviewer)):
        if value is not None:
            made[name] = value
    return made
