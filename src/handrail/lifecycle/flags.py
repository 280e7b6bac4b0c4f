"""Flags: what golds or a way of answering say against resting a case on one person's answer. Never a ban."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.lifecycle import policies
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.store import golds as tables
from handrail.store import schema, statements
from handrail.store.tx import Look, Tx

# code of a flag: what the policy must say for it to ask for a second reviewer
SECOND = {"approves_fast": ("fast", "flagged"), "golds": ("flagged",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What stands against one person's answers now, by code, with the number of answers it rests on."""

    workspace: str
    person: str
    codes: dict[str, int]


def mark(tx: Tx, command: Mark) -> list[str]:
    """Bring a person's flags up to date; what changed, such as `golds` or `-golds`. Leads hear of it by the entry."""
    held = {row[0] for row in tx.run(tables.flag_get, workspace=command.workspace, person=command.person)}
    changed: list[str] = []
    tx.memo.pop(("flags", command.workspace), None)
    for code in sorted(command.codes.keys() - held):
        n = command.codes[code]
        tx.add(schema.reviewer_flag, workspace=command.workspace, person=command.person, code=code, n=n, since=tx.now)
        tx.entry(command.workspace, "reviewer.flagged", SYSTEM.entry(),
                 reviewer={"pid": command.person, "code": code, "n": n})  # fmt: skip
        changed.append(code)
    for code in sorted(held - command.codes.keys()):
        tx.run(tables.flag_drop, workspace=command.workspace, person=command.person, code=code)
        tx.entry(command.workspace, "reviewer.cleared", SYSTEM.entry(),
                 reviewer={"pid": command.person, "code": code})  # fmt: skip
        changed.append("-" + code)
    return changed


def ask_second(tx: Tx, row: ProposalRow, case: CaseRow, actor: Actor) -> CaseRow:
    """Ask one person more where this one is flagged, the policy says so, and somebody else is there to answer."""
    wants = policies.in_force(tx, row.workspace).review_settings.second_reviewer
    if wants == "never" or case.reviewers >= 2:
        return case
    if not any(wants in SECOND.get(code, ()) for code in _standing(tx, actor.workspace).get(actor.pid, ())):
        return case
    if tx.run(tables.people_active, workspace=actor.workspace)[0][0] < 2:
        return case
    tx.run(
        statements.case_escalate, case_id=case.id, reviewers=2, lane=case.lane, sort_key=case.sort_key,
        deadline=case.deadline,
    )  # fmt: skip
    tx.entry(
        row.workspace, "case.escalated", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="open",
        reviewers=2, reason="second_reviewer",
    )  # fmt: skip
    return case._replace(reviewers=2, escalations=case.escalations + 1)


def look(workspace: str) -> Look:
    """What `ask_second` reads of everybody."""
    return Look(tables.flag_all, workspace)


def _standing(tx: Tx, workspace: str) -> dict[str, list[str]]:
    """Codes by person, read once for a group of answers."""
    known: dict[str, list[str]] | None = tx.memo.get(("flags", workspace))
    if known is None:
        known = {}
        for person, code in tx.run(tables.flag_all, workspace=workspace):
            known.setdefault(person, []).append(code)
        tx.memo["flags", workspace] = known
    return known
