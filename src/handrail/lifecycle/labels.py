"""Labels: every counted review and every outcome becomes training signal, with where it came from."""

from __future__ import annotations

from handrail.canonical import JSON, dumps
from handrail.consensus.quorum import Outcome
from handrail.lifecycle import rows
from handrail.lifecycle.actor import SYSTEM
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow
from handrail.store import schema
from handrail.store.tx import Tx


def from_reviews(tx: Tx, row: ProposalRow, case: CaseRow, given: list[ReviewRow], outcome: Outcome) -> None:
    """One label per counted review."""
    record = row.record()
    for review in given:
        if review.id in outcome.counted:
            noun = rows.review_noun(review)
            answer = _answer(noun.verdict, noun.arguments, noun.value, record)
            _keep(tx, row, record, source="gold" if case.gold else "spot_check" if case.soft and row.tier == "auto_approve" else "review",
                  answer=answer, correct=_correct(noun.verdict, answer, record), reviewer=noun.reviewer,
                  blind=noun.blind, verdict=noun.verdict)  # fmt: skip


def _keep(tx: Tx, row: ProposalRow, record: dict[str, JSON], **given: JSON) -> str:
    id = tx.new_id()
    route = rows.route_noun(row.route)
    body = {
        "id": id, "case_id": row.case_id, "workspace": row.workspace, "action": row.action,
        "input": record.get("arguments"), "predicted": record.get("arguments", {}).get("suggestion"),
        "confidence": record.get("confidence"), "scores": record.get("scores"), "policy": row.policy,
        "calibrator": route.calibrator, "tier": row.tier,
        "inclusion": route.spot_check_rate if row.tier == "auto_approve" else 1.0, "made_at": tx.now, **given,
    }  # fmt: skip
    tx.add(schema.label, id=id, workspace=row.workspace, case_id=row.case_id, action=row.action,
           source=given["source"], correct=given["correct"], bytes=dumps(body), made_at=tx.now, batch=None)  # fmt: skip
    tx.entry(row.workspace, "label.made", SYSTEM.entry(), case=(row.case_id, row.revision), label=id)
    return id


def _answer(verdict: str, arguments: JSON, value: JSON, record: dict[str, JSON]) -> JSON:
    if verdict == "respond":
        return value
    if verdict == "edit":
        return arguments
    if verdict == "approve":
        return record.get("arguments", {}).get("suggestion", "approve")
    return verdict


def _correct(verdict: str, answer: JSON, record: dict[str, JSON]) -> bool | None:
    if verdict == "respond":
        suggestion = record.get("arguments", {}).get("suggestion")
        return None if suggestion is None else answer == suggestion
    return verdict == "approve"
