"""Rounds of learning as they were recorded: what the operations chart draws."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from handrail.store import schema
from handrail.store.engine import Store

# more points than a chart can show
MOST = 500


def of_action(store: Store, workspace: str, action: str) -> list[Any]:
    """The rounds of one action, oldest first."""
    t = schema.training_round.c
    query = select(schema.training_round).where(t.workspace == workspace, t.action == action)
    return list(reversed(store.read(query.order_by(t.round.desc()).limit(MOST))))


def of_newest_action(store: Store, workspace: str) -> list[Any]:
    """The rounds of the action that learned last; none when nothing has."""
    t = schema.training_round.c
    newest = store.read(select(t.action).where(t.workspace == workspace).order_by(t.at.desc()).limit(1))
    return of_action(store, workspace, newest[0][0]) if newest else []
