"""Statements and reads behind training: labels that wait for a batch, batches, trainings, and what exports read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.statements import Statement
from handrail.store.unsearched import Unsearched

PAGE = 500

# one at a time cuts batches of a workspace
training_own = Statement(
    "SELECT :workspace", "SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 2))", "training_own"
)
# only what judging needs: a label may hold an image
label_waiting = Statement(
    "SELECT id, case_id, source, correct, json_extract(CAST(bytes AS TEXT), '$.reviewer'), "
    "json_extract(CAST(bytes AS TEXT), '$.answer') FROM label "
    "WHERE workspace = :workspace AND action = :action AND batch IS NULL AND source <> 'gold' ORDER BY id LIMIT :limit",
    "SELECT id, case_id, source, correct, convert_from(bytes, 'UTF8')::jsonb ->> 'reviewer', "
    "convert_from(bytes, 'UTF8')::jsonb ->> 'answer' FROM label "
    "WHERE workspace = :workspace AND action = :action AND batch IS NULL AND source <> 'gold' ORDER BY id LIMIT :limit",
    "label_waiting",
)
# what judging all cases of an action needs, golds included: newest first
label_told = Statement(
    "SELECT case_id, source, correct, json_extract(CAST(bytes AS TEXT), '$.reviewer'), "
    "json_extract(CAST(bytes AS TEXT), '$.verdict') FROM label WHERE workspace = :workspace AND action = :action "
    "AND source IN ('review', 'spot_check', 'gold', 'outcome', 'outvoted') ORDER BY id DESC LIMIT :limit",
    "SELECT case_id, source, correct, convert_from(bytes, 'UTF8')::jsonb ->> 'reviewer', "
    "convert_from(bytes, 'UTF8')::jsonb ->> 'verdict' FROM label WHERE workspace = :workspace AND action = :action "
    "AND source IN ('review', 'spot_check', 'gold', 'outcome', 'outvoted') ORDER BY id DESC LIMIT :limit",
    "label_told",
)
label_batch = Statement(
    "UPDATE label SET batch = :batch WHERE id IN (SELECT value FROM json_each(:ids)) AND batch IS NULL",
    "UPDATE label SET batch = :batch "
    "WHERE id IN (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))) AND batch IS NULL",
    "label_batch",
)
batch_unannounced = Statement(
    "SELECT id, size FROM training_batch "
    "WHERE workspace = :workspace AND action = :action AND state = 'ready' AND training IS NULL ORDER BY id",
    "",
    "batch_unannounced",
)
batch_announce = Statement(
    "UPDATE training_batch SET training = :training "
    "WHERE workspace = :workspace AND action = :action AND state = 'ready' AND training IS NULL",
    "",
    "batch_announce",
)
training_supersede = Statement(
    "UPDATE training SET state = 'superseded', finished_at = :now "
    "WHERE workspace = :workspace AND action = :action AND state = 'due'",
    "",
    "training_supersede",
)
training_due = Statement(
    "SELECT id FROM training WHERE state IN ('due', 'running') AND next_at <= :now LIMIT 1", "", "training_due"
)
# a restored copy starts nothing until somebody acknowledged it
training_take = Statement(
    "UPDATE training SET state = 'running', attempts = attempts + 1, next_at = :until WHERE id = ("
    "SELECT t.id FROM training t JOIN workspace w ON w.id = t.workspace "
    "WHERE t.state IN ('due', 'running') AND t.next_at <= :now AND NOT w.frozen ORDER BY t.id LIMIT 1) "
    "AND state IN ('due', 'running') AND next_at <= :now RETURNING id, workspace, action, labels, due_at, attempts",
    "",
    "training_take",
)
training_finish = Statement(
    "UPDATE training SET state = :state, next_at = :next_at, finished_at = :finished_at, exit_code = :exit_code, "
    "error = :error WHERE id = :id AND state = 'running' AND attempts = :attempts RETURNING workspace",
    "",
    "training_finish",
)


def waiting(store: Store) -> list[Any]:
    """How many labels wait for a batch: (workspace, action, count)."""
    t = schema.label.c
    return store.read(
        select(t.workspace, t.action, func.count())
        .where(t.batch.is_(None), t.source != "gold")
        .group_by(t.workspace, t.action)
    )


def trainings(store: Store, workspace: str, *, action: str | None = None, limit: int = 50) -> list[Any]:
    """Trainings that came due, newest first."""
    t = schema.training.c
    query = select(schema.training).where(t.workspace == workspace)
    return store.read((query if action is None else query.where(t.action == action)).order_by(t.id.desc()).limit(limit))


def batches(store: Store, workspace: str, *, action: str | None = None, limit: int = 50) -> list[Any]:
    """Training batches, newest first."""
    t = schema.training_batch.c
    query = select(schema.training_batch).where(t.workspace == workspace)
    return store.read((query if action is None else query.where(t.action == action)).order_by(t.id.desc()).limit(limit))


def labels(
    store: Store, workspace: str, *, action: str | None = None, since: int = 0, ready: bool = False
) -> Iterator[Any]:
    """Labels in the order they were made, a page at a time: (id, bytes, batch id, batch state).

    `since` in microseconds; `ready` keeps those whose batch passed.
    """
    t, b = schema.label.c, schema.training_batch.c
    query = select(t.id, t.bytes, t.batch, b.state).outerjoin(schema.training_batch, b.id == t.batch)
    query = query.where(t.made_at >= since)
    if action is None:
        query = query.where(Unsearched(t.workspace) == workspace)
    else:
        query = query.where(t.workspace == workspace, t.action == action)
    if ready:
        query = query.where(b.state == "ready")
    yield from _paged(store, query, t.id)


def count_labels(store: Store, workspace: str, *, action: str | None = None, since: int = 0) -> int:
    """How many `labels` would give."""
    t = schema.label.c
    query = select(func.count()).where(t.workspace == workspace, t.made_at >= since)
    return int(store.read(query if action is None else query.where(t.action == action))[0][0])


def preferring(store: Store, workspace: str, *, action: str | None = None, since: int = 0) -> Iterator[Any]:
    """Cases that can yield preferences (an edit, or a comparison somebody answered), oldest first."""
    c, p, r = schema.cases.c, schema.proposal.c, schema.review.c
    edited = select(r.case_id).where(r.workspace == workspace, r.verdict == "edit")
    return _over(store, workspace, or_(c.kind == "comparison", p.case_id.in_(edited)), action, since)


def reviewed(store: Store, workspace: str, *, action: str | None = None, since: int = 0) -> Iterator[Any]:
    """Cases that are over and that somebody answered, oldest first."""
    p, r = schema.proposal.c, schema.review.c
    answered = exists().where(r.case_id == p.case_id, r.withdrawn_at.is_(None))
    return _over(store, workspace, answered, action, since)


def _over(store: Store, workspace: str, which: ColumnElement[bool], action: str | None, since: int) -> Iterator[Any]:
    """Cases that wait for nobody, a page at a time: (case id, policy, submitted at, decision, bytes as submitted, bytes
    as they stand). Golds are left out: they are nobody's work."""
    p, c, v = schema.proposal.c, schema.cases.c, schema.revision.c
    query = (
        select(p.case_id, p.policy, p.submitted_at, p.decision, func.coalesce(v.bytes, p.bytes).label("first"), p.bytes)
        .join(schema.cases, c.id == p.case_id)
        .outerjoin(schema.revision, and_(v.case_id == p.case_id, v.revision == 1))
        .where(
            Unsearched(p.workspace) == workspace, p.submitted_at >= since, c.state != "open", c.gold.is_(False), which
        )
    )
    return _paged(store, query if action is None else query.where(p.action == action), p.case_id)


def _paged(store: Store, query: Select[Any], key: ColumnElement[str]) -> Iterator[Any]:
    """All rows in the order of a key that stands first in each, a page at a time."""
    after = ""
    while rows := store.read(query.where(key > after).order_by(key).limit(PAGE)):
        yield from rows
        after = rows[-1][0]


def outcomes(store: Store, case_id: str) -> list[bytes]:
    """The outcomes of a case, latest first."""
    t = schema.outcome.c
    found = store.read(select(t.bytes).where(t.case_id == case_id).order_by(t.at.desc(), t.id.desc()))
    return [bytes(row.bytes) for row in found]
