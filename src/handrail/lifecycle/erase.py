"""Erase: a person's values go for good; the log that committed to them stays whole."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from handrail.canonical import dumps, parse
from handrail.entry import MAX_ENTRY_BYTES
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle import opening, park, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.card import REASON_CODES
from handrail.lifecycle.rows import ProposalRow
from handrail.store import statements
from handrail.store.tx import Row, Tx

ERASED = "[erased]"
# that one audit entry names
MOST_ENTRIES = 64
FREE_TEXT = ("value", "instruction", "note", "reason")
CODES = frozenset(code for code, _ in REASON_CODES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Erase every personal value kept for one data subject (the principal of its proposals)."""

    actor: Actor
    subject: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much was erased."""

    values: int
    cases: int


def erase(tx: Tx, command: Erase) -> Erased:
    """Delete values, salts and the subject's key; the tree does not change. Raises `NotFound` when nothing is kept."""
    command.actor.need_scope("admin")
    if not _code(command.basis):
        raise InvalidInput("erasing needs its legal basis", remedy="Name it, such as 'GDPR 17(1)(a)'.")
    workspace = tx.workspace(command.actor.workspace)
    kept = tx.run(statements.opening_of_subject, workspace=workspace.id, subject=command.subject)
    if not kept:
        raise NotFound(f"no personal values are kept for {command.subject!r}")
    by_case: dict[str, list[str]] = {}
    for _entry, path, case_id in kept:
        by_case.setdefault(case_id, []).append(path)
    for case_id in by_case:
        row = rows.proposal(tx, workspace.id, case_id, for_update=True)
        tx.run(statements.proposal_redact, case_id=case_id, bytes=dumps(_redacted(copy.deepcopy(row.record()))))
        _redact_answers(tx, row)
        tx.run(statements.revision_forget, case_id=case_id)
        tx.run(statements.outcome_forget, case_id=case_id)
        tx.run(statements.execution_redact, case_id=case_id, result=dumps(ERASED))
        tx.run(statements.label_forget, case_id=case_id)
        tx.run(statements.search_forget, case_id=case_id)
        tx.run(statements.case_rename, case_id=case_id, summary=f"{row.action} ({ERASED})")
    # a framework's snapshot may hold anything
    park.forget(tx, command.actor, by_case, reason="erased")
    tx.run(statements.opening_forget, workspace=workspace.id, subject=command.subject)
    tx.run(statements.search_purge)
    tx.run(statements.subject_key_forget, workspace=workspace.id, subject=command.subject)
    for entries, paths in _parts(kept):
        tx.entry(
            workspace.id, "value.erased", command.actor.entry(), entries=entries, paths=paths,
            basis=_code(command.basis),
        )  # fmt: skip
    return Erased(values=len(kept), cases=len(by_case))


def _parts(kept: Iterable[Row]) -> Iterator[tuple[list[str], list[str]]]:
    """The entries whose values are erased, with the paths, so many at a time as one entry can hold."""
    by_entry: dict[str, set[str]] = {}
    for entry, path, _ in kept:
        by_entry.setdefault(entry, set()).add(path)
    entries: list[str] = []
    paths: set[str] = set()
    for entry in sorted(by_entry):
        both = paths | by_entry[entry]
        if entries and (len(entries) == MOST_ENTRIES or len(dumps(sorted(both))) > MAX_ENTRY_BYTES // 2):
            yield entries, sorted(paths)
            entries, both = [], by_entry[entry]
        entries, paths = [*entries, entry], both
    if entries:
        yield entries, sorted(paths)


def is_erased(record: dict[str, Any]) -> bool:
    """Whether values of this proposal's record were erased: what is left teaches nothing."""
    for path in record.get("personal_data", ()):
        try:
            holder, last = opening.locate(record.get("arguments"), path)
        except InvalidInput:
            continue
        if holder[last] == ERASED:
            return True
    return False


def _code(basis: str) -> str:
    """A legal basis as an entry may hold it: a code, never a sentence."""
    return re.sub(r"[^A-Za-z0-9_.:/-]+", "-", basis).strip("-")[:128]


def _redact_answers(tx: Tx, row: ProposalRow) -> None:
    """What people wrote may repeat the values: their edits lose them, their free text goes."""
    paths = row.record().get("personal_data", ())
    for given in rows.reviews(tx, row.case_id):
        body = parse(bytes(given.data))
        if "arguments" in body:
            _blank(body["arguments"], paths)
        tx.run(statements.review_redact, id=given.id, bytes=dumps(_without_text(body)))
    if row.decision_bytes is not None:
        kept = _without_text(parse(bytes(row.decision_bytes)))
        tx.run(statements.decision_redact, case_id=row.case_id, bytes=dumps(kept))


def _without_text(body: dict[str, Any]) -> dict[str, Any]:
    """An answer or decision without what somebody worded; a reason that is one of the card's codes stays."""
    return {k: v for k, v in body.items() if k not in FREE_TEXT or (k == "reason" and v in CODES)}


def _blank(arguments: Any, paths: Iterable[str]) -> None:
    for path in paths:
        try:
            holder, last = opening.locate(arguments, path)
        except InvalidInput:
            continue
        holder[last] = ERASED


def _redacted(record: dict[str, Any]) -> dict[str, Any]:
    _blank(record.get("arguments", {}), record.get("personal_data", ()))
    # prose may repeat the values
    told = ("agent_says", "prompt", "evidence", "base", "target", "principal", "owners")
    return {k: v for k, v in record.items() if k not in told}
