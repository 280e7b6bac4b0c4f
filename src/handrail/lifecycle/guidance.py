"""Guidance: the past corrections of an action that are most like what a program is about to propose."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from handrail.canonical import JSON, parse
from handrail.errors import InvalidInput
from handrail.learning.guidance import CORRECTIONS, PERSONAL, Correction, without
from handrail.lifecycle import opening
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ProposalRow, ReviewRow
from handrail.store import reads, statements
from handrail.store.statements import Statement
from handrail.store.tx import Tx

MOST = 20
# so many corrections are looked at, the newest ones
LOOKED_AT = 200
# and so many cases that share words
ALIKE = 200
Read = Callable[..., list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Ask what people corrected about this action before, most like these arguments first."""

    actor: Actor
    action: str
    arguments: JSON = None
    limit: int = 5


def offered(tx: Tx, command: Guidance) -> list[Correction]:
    """The corrections, best first, then newest; never known-answer cases, nor erased or personal values."""

    def read(statement: Statement, **given: Any) -> list[Any]:
        return list(tx.run(statement, **given))

    return found(read, tx.engine, command)


def found(read: Read, engine: str, command: Guidance) -> list[Correction]:
    """The same through any reader of statements."""
    command.actor.need_scope("read")
    if not 1 <= command.limit <= MOST:
        raise InvalidInput(f"guidance is 1 to {MOST} corrections")
    workspace = command.actor.workspace
    labels = read(statements.label_corrections, workspace=workspace, action=command.action, limit=LOOKED_AT)
    seen: dict[str, str] = {}
    for case_id, data in labels:
        verdict = parse(bytes(data)).get("verdict")
        if verdict in CORRECTIONS:
            seen.setdefault(case_id, verdict)
    likeness = _likeness(read, engine, workspace, command.arguments)
    best = sorted(seen, key=lambda case_id: -likeness.get(case_id, 0.0))
    made = (_correction(read, workspace, id, seen[id], likeness.get(id, 0.0)) for id in best[: command.limit])
    return [each for each in made if each is not None]


def _likeness(read: Read, engine: str, workspace: str, arguments: JSON) -> dict[str, float]:
    words = " ".join(_words(arguments))
    asked = reads.any_word(engine, words)
    if asked is None:
        return {}
    found = read(statements.search_find, words=asked, workspace=workspace, limit=ALIKE)
    return dict(reads.scored(reads.best_first(engine, found, words)[:ALIKE]))


def _words(value: JSON) -> list[str]:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return [word for item in items for word in _words(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _correction(read: Read, workspace: str, case_id: str, verdict: str, score: float) -> Correction | None:
    row = ProposalRow._make(read(statements.proposal_get, case_id=case_id, workspace=workspace)[0])
    first = read(statements.revision_first, case_id=case_id)
    record = parse(bytes(first[0][0])) if first else row.record()
    given = [ReviewRow._make(each) for each in read(statements.review_list, case_id=case_id)]
    counted = [each for each in given if each.verdict == verdict and each.withdrawn_at is None]
    if not counted or record.get("gold") is not None:
        return None
    body = parse(bytes(counted[-1].data))
    paths = tuple(record.get("personal_data", ()))
    secrets = [*_at(record.get("arguments"), paths), *_at(body.get("arguments"), paths)]
    outcome = read(statements.outcome_newest, case_id=case_id)

    def shown(value: JSON) -> Any:
        return without(_blanked(value, paths), secrets)

    said = {name: without(body.get(name), secrets) for name in ("instruction", "reason", "note")}
    return Correction(
        case_id=case_id, action=row.action, verdict=cast(Any, verdict), arguments=shown(record.get("arguments")),
        instead=shown(body.get("arguments")), roles=tuple(body.get("roles", ())), at=counted[-1].given_at,
        decision=row.decision, correct=parse(bytes(outcome[0][0])).get("correct") if outcome else None, score=score,
        **said,
    )  # fmt: skip


def _at(arguments: JSON, paths: tuple[str, ...]) -> list[JSON]:
    values = []
    for path in paths:
        try:
            holder, last = opening.locate(arguments, path)
        except InvalidInput:
            continue
        values.append(holder[last])
    return values


def _blanked(arguments: JSON, paths: tuple[str, ...]) -> JSON:
    made = deepcopy(arguments)
    for path in paths:
        try:
            holder, last = opening.locate(made, path)
        except InvalidInput:
            continue
        holder[last] = PERSONAL
    return made
