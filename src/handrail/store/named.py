"""What agents, actions and runs there are, by the names that proposals bring."""

from __future__ import annotations

from sqlalchemy import func, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.reads import fetch
from handrail.store.unsearched import Unsearched

# how many of the newest proposals tell
MOST = 5_000
p = schema.proposal.c


def proposed(store: Store, workspace: str, scope: str) -> list[str]:
    """Agents, actions or runs (`scope`) of the newest proposals, newest first."""
    recent = (
        select(p[scope].label("name"), p.case_id).where(Unsearched(p.workspace) == workspace)
        .order_by(p.case_id.desc()).limit(MOST).subquery()
    )  # fmt: skip
    found = select(recent.c.name).where(recent.c.name.is_not(None)).group_by(recent.c.name)
    return [row[0] for row in fetch(store, found.order_by(func.max(recent.c.case_id).desc()))]


def run_known(store: Store, workspace: str, run: str) -> bool:
    """Whether anything was ever proposed in this run."""
    return bool(fetch(store, select(p.case_id).where(p.workspace == workspace, p.run == run).limit(1)))
