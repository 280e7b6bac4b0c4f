"""Reads behind certification: which cases people were to look at, and how many went through by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, func, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.unsearched import Unsearched

PAGE = 500


def drawn(store: Store, workspace: str, action: str, *, since: int = 0) -> Iterator[Any]:
    """Cases of an action, oldest first: (case id, tier, route, bytes as submitted, submitted at, state, decision).

    Golds are left out.
    """
    p, c, v = schema.proposal.c, schema.cases.c, schema.revision.c
    first = and_(v.case_id == p.case_id, v.revision == 1)
    query = (
        select(
            p.case_id, p.tier, p.route, func.coalesce(v.bytes, p.bytes).label("bytes"), p.submitted_at, c.state,
            p.decision,
        )
        .join(schema.cases, c.id == p.case_id)
        .outerjoin(schema.revision, first)
        .where(Unsearched(p.workspace) == workspace, p.action == action, p.submitted_at >= since, c.gold.is_(False))
    )  # fmt: skip
    after = ""
    while rows := store.read(query.where(p.case_id > after).order_by(p.case_id).limit(PAGE)):
        yield from rows
        after = rows[-1].case_id


def let_through(store: Store, workspace: str, action: str, *, since: int = 0) -> int:
    """How many proposals of an action went through by themselves."""
    p = schema.proposal.c
    query = select(func.count()).where(
        p.workspace == workspace, p.action == action, p.tier == "auto_approve", p.submitted_at >= since
    )
    return int(store.read(query)[0][0])
