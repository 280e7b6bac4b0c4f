"""Argilla's records, nested or flat, with their settings. The nested export loses a response's status; the flat one
keeps it, so read that where there is a choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from handrail.canonical import JSON
from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import Annotated, Given, Mark, MarkKind, Read, Suggested, Written

_KINDS: dict[str, MarkKind] = {
    "label_selection": "choice", "multi_label_selection": "choice", "rating": "rating", "text": "text",
    "span": "span", "ranking": "ranking",
}  # fmt: skip
_RECORD = {"id", "fields", "metadata", "suggestions", "responses", "vectors", "status", "_server_id"}
# what stands for a person whose name the record does not say
_SOMEBODY = "00000000-0000-4000-8000-000000000000"


def settings_for(fields: Sequence[str], question: str, choices: Sequence[str], *, guidelines: str = "") -> JSON:
    """Settings of a data set that shows `fields` and asks one of `choices`, as Argilla's settings file holds them."""
    if not fields or len(choices) < 2:
        raise InvalidInput("a data set shows a field and asks two choices or more")
    options = [{"value": choice, "text": choice, "description": None} for choice in choices]
    return {
        "guidelines": guidelines or None, "allow_extra_metadata": True, "vectors": [], "metadata": [], "mapping": None,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "fields": [_field(name) for name in fields],
        "questions": [
            {"name": question, "title": question, "description": None, "required": True,
             "settings": {"type": "label_selection", "options": options, "visible_options": None}}
        ],
    }  # fmt: skip


def read_records(records: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> Read:
    """Records of either form. Raises `InvalidInput` for what is no record, and for settings without questions."""
    kinds = _kinds(settings)
    shown = [field["name"] for field in settings.get("fields") or ()]
    cases, beyond = [], {}
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise InvalidInput(f"entry {number} is no record of Argilla")
        nested = record if "fields" in record else _nested(record, shown, kinds)
        case = str(nested.get("id") or number)
        cases.append(
            Annotated(
                case=case, input=dict(nested["fields"]), given=_given(nested.get("responses") or {}, kinds),
                suggested=_suggested(nested.get("suggestions") or {}, kinds),
            )
        )  # fmt: skip
        rest = {name: nested[name] for name in ("metadata", "vectors", "status") if nested.get(name)}
        rest |= {name: value for name, value in nested.items() if name not in _RECORD and value is not None}
        if rest:
            beyond[case] = rest
    return Read(cases=tuple(cases), beyond=beyond)


def write_records(
    cases: Sequence[Annotated], settings: Mapping[str, Any], *, flat: bool = True,
    beyond: Mapping[str, JSON] | None = None,
) -> Written:  # fmt: skip
    """Records of either form. One suggestion a question: those of further models go to the side-car."""
    kinds = _kinds(settings)
    left: dict[str, JSON] = {}
    dropped: Counter[str] = Counter()
    rows = []
    for case in cases:
        rest = dict((beyond or {}).get(case.case) or {})
        lost: dict[str, Any] = {}
        record: dict[str, Any] = {"id": case.case, "fields": dict(case.input), "metadata": rest.get("metadata", {}),
                                  "suggestions": {}, "responses": {}, "vectors": rest.get("vectors", {}),
                                  "status": rest.get("status", "completed" if case.given else "pending")}  # fmt: skip
        for one in case.suggested:
            for mark in one.marks:
                taken = mark.question not in kinds or mark.question in record["suggestions"]
                if taken or kinds[mark.question][1] != mark.kind:
                    lost.setdefault("suggested", []).append([one.model, mark.question, mark.kind, mark.value])
                    continue
                record["suggestions"][mark.question] = {
                    "value": _value_out(mark, kinds), "score": mark.score, "agent": one.model,
                }  # fmt: skip
        for person in case.given:
            lost_of = _respond(person, record["responses"], kinds, flat=flat)
            if lost_of:
                lost.setdefault("given", []).append({"id": person.id, **lost_of})
        rows.append(_flattened(record) if flat else record)
        if lost:
            left[case.case] = lost
            dropped.update(lost.keys())
    return Written(rows=rows, beyond=left, dropped=dict(dropped))


def _respond(
    person: Given, responses: dict[str, Any], kinds: Mapping[str, tuple[str, MarkKind]], *, flat: bool
) -> dict[str, Any]:
    """Add one person's answers; what of him has no place."""
    lost: dict[str, Any] = {
        name: value for name, value in (("seconds", person.seconds), ("gold", person.gold)) if value
    }
    if person.id is not None:
        lost["review"] = person.id
    status = "discarded" if person.abstained else "submitted"
    if person.abstained and not flat:
        lost["abstained"] = True
    user = person.reviewer or _SOMEBODY
    if person.abstained and not person.marks:
        first = next(iter(kinds))
        responses.setdefault(first, []).append({"value": None, "user_id": user, "status": status})
    for mark in person.marks:
        if mark.question not in kinds:
            lost.setdefault("marks", []).append([mark.question, mark.kind, mark.value])
            continue
        answer = {"value": _value_out(mark, kinds), "user_id": user, "status": status}
        responses.setdefault(mark.question, []).append(answer)
    return lost


def _kinds(settings: Mapping[str, Any]) -> dict[str, tuple[str, MarkKind]]:
    """Question → (its type as Argilla says it, ours)."""
    found = {}
    for question in settings.get("questions") or ():
        type = str((question.get("settings") or {}).get("type") or question.get("type"))
        if type not in _KINDS:
            raise InvalidInput(f"a question of type {type!r} is not known", remedy=f"Known: {', '.join(_KINDS)}.")
        found[str(question["name"])] = (type, _KINDS[type])
    if not found:
        raise InvalidInput("the settings have no questions", remedy="Give the data set's settings beside its records.")
    return found


def _given(
    responses: Mapping[str, Sequence[Mapping[str, Any]]], kinds: Mapping[str, tuple[str, MarkKind]]
) -> tuple[Given, ...]:
    people: dict[str, list[Mark]] = {}
    discarded: set[str] = set()
    for question, answers in responses.items():
        for answer in answers or ():
            user = str(answer.get("user_id"))
            if answer.get("status") == "draft":
                # not an answer yet
                continue
            marks = people.setdefault(user, [])
            if answer.get("status") == "discarded":
                discarded.add(user)
            if answer.get("value") is not None and question in kinds:
                marks += _marks_in(question, answer["value"], kinds)
    return tuple(
        Given(id=None, reviewer=None if user == _SOMEBODY else user, marks=tuple(marks), abstained=user in discarded)
        for user, marks in people.items()
    )


def _suggested(
    suggestions: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, tuple[str, MarkKind]]
) -> tuple[Suggested, ...]:
    models: dict[str | None, list[Mark]] = {}
    for question, one in suggestions.items():
        if question in kinds and one.get("value") is not None:
            models.setdefault(one.get("agent"), []).extend(_marks_in(question, one["value"], kinds, one.get("score")))
    return tuple(Suggested(model=model, marks=tuple(marks)) for model, marks in models.items())


def _marks_in(question: str, value: Any, kinds: Mapping[str, tuple[str, MarkKind]], score: Any = None) -> list[Mark]:
    kind = kinds[question][1]
    made: JSON = value
    if kind in ("choice", "text"):
        made = list(value) if isinstance(value, list) else [value]
    if kind == "span":
        spans = [{"start": one["start"], "end": one["end"], "labels": [one["label"]]} for one in value]
        return [Mark(question=question, kind=kind, value=span) for span in spans]
    return [Mark(question=question, kind=kind, value=made, score=score if isinstance(score, int | float) else None)]


def _value_out(mark: Mark, kinds: Mapping[str, tuple[str, MarkKind]]) -> JSON:
    type = kinds[mark.question][0]
    if type in ("label_selection", "text"):
        return mark.value[0]
    if type == "span":
        return [{"start": mark.value["start"], "end": mark.value["end"], "label": mark.value["labels"][0]}]
    return mark.value


def _nested(record: Mapping[str, Any], shown: Sequence[str], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """A flat record as a nested one, with each response's status."""
    left = dict(record)
    made: dict[str, Any] = {name: left.pop(name) for name in ("id", "status", "_server_id") if name in left}
    made["fields"] = {name: left.pop(name) for name in shown if left.get(name) is not None}
    made["suggestions"], made["responses"] = {}, {}
    for question in kinds:
        value = left.pop(f"{question}.suggestion", None)
        one = {"value": value, "score": left.pop(f"{question}.suggestion.score", None),
               "agent": left.pop(f"{question}.suggestion.agent", None)}  # fmt: skip
        if value is not None:
            made["suggestions"][question] = one
        values, users = left.pop(f"{question}.responses", None), left.pop(f"{question}.responses.users", None)
        states = left.pop(f"{question}.responses.status", None)
        if values:
            columns = zip(values, users or [None] * len(values), states or [None] * len(values), strict=True)
            made["responses"][question] = [{"value": v, "user_id": u, "status": s} for v, u, s in columns]
    made["metadata"] = {name: value for name, value in left.items() if value is not None}
    return made


def _flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"id": record["id"], "status": record["status"], **record["fields"], **record["metadata"],
                            **record["vectors"]}  # fmt: skip
    for question, one in record["suggestions"].items():
        made[f"{question}.suggestion"] = one["value"]
        made[f"{question}.suggestion.score"] = one["score"]
        made[f"{question}.suggestion.agent"] = one["agent"]
    for question, answers in record["responses"].items():
        made[f"{question}.responses"] = [one["value"] for one in answers]
        made[f"{question}.responses.users"] = [one["user_id"] for one in answers]
        made[f"{question}.responses.status"] = [one["status"] for one in answers]
    return made


def _field(name: str) -> JSON:
    return {"name": name, "title": name, "description": None, "required": True,
            "settings": {"type": "text", "use_markdown": False}}  # fmt: skip
