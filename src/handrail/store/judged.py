"""Closed cases with what people answered and what turned out: what fusions and the supervisor's figures are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.golds import outside_bursts
from handrail.store.unsearched import Unsearched

PAGE = 200
SUGGESTING = ("prediction", "annotation", "comparison")
_REVIEWS = tuple(schema.review.columns)


def cases(store: Store, workspace: str, action: str, *, most: int) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """The newest closed cases whose answer may be one of some classes, each with its reviews and outcome labels.

    Golds that open a session are left out: who answered them knew them for golds.

    (proposal row: case_id, bytes, route, revision; review rows; label rows: case_id, bytes), at most `most` cases.
    """
    c, p, r, t = schema.cases.c, schema.proposal.c, schema.review.c, schema.label.c
    query = select(p.case_id, p.bytes, p.route, p.revision).join(schema.cases, c.id == p.case_id)
    query = query.where(Unsearched(p.workspace) == workspace, p.action == action)
    query = query.where(c.state != "open", c.kind.in_(SUGGESTING))
    query = query.where(outside_bursts())
    before, left = "", most
    while left > 0:
        page = query if not before else query.where(p.case_id < before)
        found = store.read(page.order_by(p.case_id.desc()).limit(min(PAGE, left)))
        if not found:
            return
        before, left = found[-1].case_id, left - len(found)
        ids = [row.case_id for row in found]
        given = store.read(select(*_REVIEWS).where(r.case_id.in_(ids)).order_by(r.given_at, r.id))
        outcomes = select(t.case_id, t.bytes).where(t.case_id.in_(ids), t.source == "outcome").order_by(t.id)
        told = store.read(outcomes)
        for row in found:
            reviews = [each for each in given if each.case_id == row.case_id]
            yield row, reviews, [each for each in told if each.case_id == row.case_id]


def workspaces(store: Store) -> list[str]:
    """Every workspace that has a policy."""
    w = schema.workspace.c
    return [row[0] for row in store.read(select(w.id).where(w.policy.is_not(None)).order_by(w.id))]


def counts(store: Store, workspace: str) -> dict[str, int]:
    """How many labels each action has."""
    t = schema.label.c
    found = store.read(select(t.action, func.count()).where(t.workspace == workspace).group_by(t.action))
    return {row[0]: int(row[1]) for row in found}


def labelled_routes(store: Store, workspace: str, action: str | None = None) -> Iterator[Any]:
    """Every label with its proposal's route, case by case: (case id, label bytes, route bytes)."""
    t, p = schema.label.c, schema.proposal.c
    query = select(t.case_id, t.id, t.bytes, p.route).join(schema.proposal, p.case_id == t.case_id)
    query = query.where(Unsearched(t.workspace) == workspace)
    if action is not None:
        query = query.where(t.action == action)
    after = ("", "")
    while True:
        later = (t.case_id >= after[0]) & ((t.case_id > after[0]) | (t.id > after[1]))
        page = store.read(query.where(later).order_by(t.case_id, t.id).limit(PAGE))
        yield from page
        if len(page) < PAGE:
            return
        after = (page[-1].case_id, page[-1].id)
