"""Statements and reads behind loops of active learning: the loop, its rounds, and how their cases stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.statements import Statement
from handrail.store.unsearched import Unsearched

learning_open = Statement(
    "SELECT id, bytes FROM learning WHERE workspace = :workspace AND action = :action AND ended_at IS NULL",
    "",
    "learning_open",
)
learning_get = Statement(
    "SELECT action, bytes, ended_at FROM learning WHERE id = :id AND workspace = :workspace", "", "learning_get"
)
learning_end = Statement(
    "UPDATE learning SET ended_at = :now, reason = :reason WHERE id = :id AND workspace = :workspace "
    "AND ended_at IS NULL RETURNING id",
    "",
    "learning_end",
)
batch_count = Statement("SELECT count(*) FROM learning_batch WHERE learning = :id", "", "batch_count")
# once, and only after the round before it
batch_close = Statement(
    "UPDATE learning_batch SET figures = :figures, closed_at = :now "
    "WHERE learning = :id AND round = :round AND closed_at IS NULL RETURNING round",
    "",
    "batch_close",
)
# the cases of one loop, by their keys: the JSON list `names`
learning_cases = Statement(
    "SELECT p.identity, p.case_id, p.decision, p.bytes, p.decision_bytes FROM proposal p "
    "WHERE p.workspace = :workspace AND p.identity IN (SELECT value FROM json_each(:names))",
    "SELECT p.identity, p.case_id, p.decision, p.bytes, p.decision_bytes FROM proposal p "
    "WHERE p.workspace = :workspace "
    "AND p.identity IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb)))",
    "learning_cases",
)


def newest(store: Store, workspace: str, action: str) -> Any | None:
    """The loop of this action that was begun last, over or not: (id, bytes, begun at, ended at, reason)."""
    t = schema.learning.c
    query = select(t.id, t.bytes, t.begun_at, t.ended_at, t.reason).where(t.workspace == workspace, t.action == action)
    rows = store.read(query.order_by(t.id.desc()).limit(1))
    return rows[0] if rows else None


def batches(store: Store, learning: str) -> list[Any]:
    """The rounds of one loop in order: (round, picks, figures, planned at, closed at)."""
    t = schema.learning_batch.c
    query = select(t.round, t.picks, t.figures, t.planned_at, t.closed_at).where(t.learning == learning)
    return store.read(query.order_by(t.round))


def outcomes(store: Store, workspace: str, action: str) -> list[Any]:
    """(case id, label bytes) of every outcome of an action, oldest first."""
    t = schema.label.c
    query = select(t.case_id, t.bytes).where(t.workspace == workspace, t.action == action, t.source == "outcome")
    return store.read(query.order_by(t.id))


def annotated(store: Store, workspace: str, action: str, page: int = 200) -> Iterator[Any]:
    """Annotation and prediction cases of an action, answered or not, oldest first: (case id, bytes as submitted).
    Golds are left out."""
    p, c, v = schema.proposal.c, schema.cases.c, schema.revision.c
    query = (
        select(p.case_id, func.coalesce(v.bytes, p.bytes).label("bytes"))
        .join(schema.cases, c.id == p.case_id)
        .outerjoin(schema.revision, (v.case_id == p.case_id) & (v.revision == 1))
        .where(
            Unsearched(p.workspace) == workspace,
            p.action == action,
            c.kind.in_(("annotation", "prediction")),
            c.gold.is_(False),
        )
    )
    after = ""
    while rows := store.read(query.where(p.case_id > after).order_by(p.case_id).limit(page)):
        yield from rows
        after = rows[-1].case_id
