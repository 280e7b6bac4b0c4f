"""From a policy's text to a checked document: every mistake found, each with file, line, field and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError

from handrail.errors import InvalidInput
from handrail.json_schema import checker
from handrail.policy.conditions import Condition, ConditionProblem
from handrail.policy.document import MONEY_FIELDS, ActionEntry, Document
from handrail.policy.opinions import price_of
from handrail.policy.problems import Problem, did_you_mean, refuse
from handrail.policy.source import Path, Source, read
from handrail.policy.weighing import cost_of

_REMEDIES = {
    "missing": "Add the field.",
    "literal_error": "",
    "greater_than": "Use a value in range.",
    "greater_than_equal": "Use a value in range.",
    "less_than": "Use a value in range.",
    "less_than_equal": "Use a value in range.",
}
_TYPES = {
    "float_type": "Write a number without quotation marks, such as 0.95.",
    "int_type": "Write a whole number without quotation marks.",
    "bool_type": "Write true or false.",
    "string_type": "Write text; put quotation marks around numbers and dates meant as text.",
    "list_type": "Write a list: [a, b], or one item a line after dashes.",
    "model_type": "Write fields below it, indented.",
    "dict_type": "Write fields below it, indented.",
    "string_pattern_mismatch": "Use letters, digits and underscores, without spaces at the ends.",
}


def document_of(text: str, source_name: str) -> tuple[Document, Source]:
    """Read and check a policy. Raises `InvalidPolicy` that carries every mistake found."""
    source = read(text, source_name)
    if not isinstance(source.value, dict):
        raise refuse(
            [source.problem((), "a policy is a set of fields", "Start with escalation_policies: and one action.")]
        )
    try:
        document = Document.model_validate(source.value)
    except ValidationError as error:
        raise refuse([_explain(source, detail) for detail in error.errors()]) from None
    problems = list(_contradictions(document, source))
    if problems:
        raise refuse(problems)
    return document, source


def _explain(source: Source, detail: Any) -> Problem:
    path = _place(source, detail["loc"])
    kind: str = detail["type"]
    message: str = detail["msg"]
    if kind == "extra_forbidden":
        return source.problem(path, "unknown field", did_you_mean(str(path[-1]), _known_fields(path)))
    if kind == "literal_error":
        expected = [str(value) for value in re.findall(r"'([^']*)'", detail["ctx"]["expected"])]
        return source.problem(
            path, f"{detail['input']!r} is not allowed here", did_you_mean(str(detail["input"]), expected)
        )
    if kind == "value_error":
        message = str(detail["ctx"]["error"])
        remedy = "Write a value of that form."
        if ". " in message:
            message, remedy = message.split(". ", 1)
        return source.problem(path, message, remedy)
    shown = "" if kind == "missing" else f", not {detail['input']!r}"[:80]
    remedy = _REMEDIES.get(kind) or _TYPES.get(kind) or "Correct the value."
    return source.problem(path, message[:1].lower() + message[1:] + shown, remedy)


def _place(source: Source, loc: Iterable[Any]) -> Path:
    """pydantic's place, with `max_auto_approve_amount, inr` as the one field it is in the file."""
    made: list[str | int] = []
    for part in loc:
        if part == "[key]":
            continue
        if made and made[-1] in MONEY_FIELDS and (*made[:-1], f"{made[-1]}_{part}") in source.lines:
            made[-1] = f"{made[-1]}_{part}"
        else:
            made.append(part)
    return tuple(made)


def _known_fields(path: Path) -> list[str]:
    """The fields that could stand where an unknown one does."""
    model: Any = Document
    for part in path[:-1]:
        if isinstance(part, str):
            field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
            model = _model_in(field.annotation) if field else None
            if model is None:
                return []
    fields = [field.alias or name for name, field in model.model_fields.items()]
    return [f"{name}_inr" if name in MONEY_FIELDS else name for name in fields]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _contradictions(document: Document, source: Source) -> Iterator[Problem]:
    """What each field alone cannot show."""
    yield from _doubles(document, source)
    for number, action in enumerate(document.escalation_policies):
        yield from _action(action, document, ("escalation_policies", number), source)
    yield from _checks(document, source)
    if document.capacity is not None and not any(one.gate == "value" for one in document.escalation_policies):
        yield source.problem(
            ("capacity",), "no action weighs the price of a review, so a capacity moves nothing",
            "Give an action gate: value, or take capacity out.",
        )  # fmt: skip
    yield from _people(document, source)
    yield from _references(document, source)
    yield from _conditions(document, source)


def _doubles(document: Document, source: Source) -> Iterator[Problem]:
    tallies = [(("windows", n, "name"), entry.name) for n, entry in enumerate(document.windows)]
    groups: list[list[tuple[Path, str]]] = [
        [
            (("escalation_policies", n, "action_type"), e.action_type)
            for n, e in enumerate(document.escalation_policies)
        ],
        [(("rules", n, "id"), entry.id) for n, entry in enumerate(document.rules)],
        [(("schedules", n, "id"), entry.id) for n, entry in enumerate(document.schedules)],
        [(("grants", n, "id"), entry.id) for n, entry in enumerate(document.grants)],
        [(("budgets", n, "id"), entry.id) for n, entry in enumerate(document.budgets)],
        list(tallies),
    ]
    for group in groups:
        seen: dict[str, Path] = {}
        for path, name in group:
            if name in seen:
                line = source.lines.get(seen[name], 1)
                yield source.problem(path, f"{name!r} is declared twice, first on line {line}", "Rename or merge them.")
            seen.setdefault(name, path)


def _action(action: ActionEntry, document: Document, path: Path, source: Source) -> Iterator[Problem]:
    auto, soft = action.auto_approve_threshold, action.soft_review_threshold
    if auto is not None and soft is not None and soft > auto:
        yield source.problem(
            (*path, "soft_review_threshold"),
            f"{soft} is above auto_approve_threshold {auto}, so soft_review could never be reached",
            f"Use a value up to {auto}, or leave the field out.",
        )
    if action.gate == "value":
        yield from _weighing(action, document, path, source)
    if action.second_opinion == "value" and price_of(document, action) is None:
        yield source.problem(
            (*path, "second_opinion"),
            "value needs the price of a review and what an error costs",
            "Give cost: review and wrong, both above 0.",
        )
    if action.arguments_schema is not None:
        try:
            checker(action.arguments_schema)
        except InvalidInput as error:
            yield source.problem((*path, "schema"), f"not a JSON Schema that can be used: {error}", error.remedy)
    if action.undo == action.action_type:
        yield source.problem((*path, "undo"), "an action cannot be its own undo", "Name the action that reverses it.")


def _checks(document: Document, source: Source) -> Iterator[Problem]:
    """Weighted checks stand beside uniform ones, which alone certify; and overflow widens down to something."""
    usual = document.defaults
    if usual.weighted_check_rate and not usual.spot_check_rate:
        yield _lacks_uniform(source, ("defaults", "weighted_check_rate"))
    for number, action in enumerate(document.escalation_policies):
        path: Path = ("escalation_policies", number)
        if action.weighted_check_rate and not (action.spot_check_rate or usual.spot_check_rate):
            yield _lacks_uniform(source, (*path, "weighted_check_rate"))
        floor, auto = action.overflow_floor, action.auto_approve_threshold
        if action.certified_calibrator is not None and action.calibrator is None:
            yield source.problem(
                (*path, "certified_calibrator"), "a threshold cannot be certified for a calibrator that is not used",
                "Set calibrator, or take certified_calibrator out.",
            )  # fmt: skip
        if floor is not None and (auto is None or floor > auto):
            yield source.problem(
                (*path, "overflow_floor"), f"{floor} is no step down from an auto_approve_threshold of {auto}",
                "Set auto_approve_threshold, and overflow_floor below it.",
            )  # fmt: skip


def _lacks_uniform(source: Source, path: Path) -> Problem:
    return source.problem(
        path, "weighted checks alone certify nothing", "Set spot_check_rate beside it, 0.01 or more."
    )  # fmt: skip


def _weighing(action: ActionEntry, document: Document, path: Path, source: Source) -> Iterator[Problem]:
    """What weighing needs: a calibrated confidence, the price of a review, and what errors cost."""
    cost = cost_of(document, action)
    where = (*path, "gate")
    if action.calibrator is None:
        yield source.problem(where, "value needs a calibrated confidence", "Name a calibrator for this action.")
    if not cost.review:
        yield source.problem(where, "value needs the price of one review", "Give cost: review, above 0.")
    if not cost.wrong and cost.matrix is None:
        yield source.problem(where, "value needs what an error costs", "Give cost: wrong, or cost: matrix.")
    if cost.delay_minute and cost.wait_minutes is None:
        yield source.problem(
            where, "delay_minute counts only with the wait it stands for", "Give cost: wait_minutes as well."
        )
    if cost.matrix is not None:
        truths = {truth for row in cost.matrix.values() for truth in row}
        if len(cost.matrix) < 2 or len(truths) < 2 or not any(v for row in cost.matrix.values() for v in row.values()):
            yield source.problem(
                where,
                "the cost matrix weighs nothing",
                "Give two or more acts, two or more truths, and a cost above 0.",
            )


def _people(document: Document, source: Source) -> Iterator[Problem]:
    settings = document.review_settings
    if settings.high_stakes_min_reviewers < settings.min_reviewers_per_task:
        yield source.problem(
            ("review_settings", "high_stakes_min_reviewers"),
            f"{settings.high_stakes_min_reviewers} is below min_reviewers_per_task {settings.min_reviewers_per_task}",
            "High stakes need at least as many people as any case.",
        )
    for number, rule in enumerate(document.rules):
        if rule.route.deny and rule.route.tier not in (None, "deny"):
            yield source.problem(("rules", number, "route", "tier"), "contradicts deny: true", "Keep one of the two.")
        if not rule.route.model_fields_set:
            yield source.problem(("rules", number, "route"), "asks for nothing", "Give a tier, roles or another field.")
    for number, budget in enumerate(document.budgets):
        if budget.max_count is None and budget.max_prompts is None and not budget.max_amount:
            yield source.problem(
                ("budgets", number), "limits nothing", "Give max_count, max_prompts or max_amount_<currency>."
            )
    for number, schedule in enumerate(document.schedules):
        try:
            ZoneInfo(schedule.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield source.problem(
                ("schedules", number, "timezone"),
                f"no time zone is named {schedule.timezone!r}",
                "Use an IANA name, such as Asia/Kolkata or UTC.",
            )


def _references(document: Document, source: Source) -> Iterator[Problem]:
    declared = {entry.action_type for entry in document.escalation_policies}
    rules = {rule.id for rule in document.rules}
    schedules = {schedule.id for schedule in document.schedules}
    lifts = {"confidence", "amount", "autonomy"} | {f"rule:{id}" for id in rules}
    lifts |= {f"schedule:{id}" for id in schedules}
    for number, grant in enumerate(document.grants):
        if grant.action not in declared:
            yield source.problem(
                ("grants", number, "action"),
                f"{grant.action!r} is not declared; a grant never opens an unknown action",
                did_you_mean(grant.action, declared),
            )
        for lift in grant.lifts:
            if lift not in lifts:
                yield source.problem(
                    ("grants", number, "lifts"), f"{lift!r} cannot be lifted", did_you_mean(lift, lifts)
                )


def _conditions(document: Document, source: Source) -> Iterator[Problem]:
    windows = frozenset(window.name for window in document.windows)
    schemas = {entry.action_type: entry.arguments_schema for entry in document.escalation_policies}
    for number, rule in enumerate(document.rules):
        schema = schemas.get(rule.actions[0]) if len(rule.actions) == 1 else None
        yield from _condition(rule.when, ("rules", number, "when"), source, windows, schema)
    for number, grant in enumerate(document.grants):
        yield from _condition(grant.when, ("grants", number, "when"), source, frozenset(), schemas.get(grant.action))
    for number, action in enumerate(document.escalation_policies):
        if action.growth is not None and isinstance(action.growth.severe, str):
            path = ("escalation_policies", number, "growth", "severe")
            yield from _condition(action.growth.severe, path, source, frozenset(), action.arguments_schema)


def _condition(
    text: str | None, path: Path, source: Source, windows: frozenset[str], schema: dict[str, Any] | None
) -> Iterator[Problem]:
    if text is None:
        return
    try:
        Condition(text, windows=windows, schema=schema)
    except ConditionProblem as problem:
        for mistake in problem.mistakes:
            message, _, remedy = mistake.partition(". ")
            yield source.problem(path, message, remedy or "Correct the condition.")
