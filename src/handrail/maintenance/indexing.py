"""Indexing: the words of new cases become searchable, off the path that submits them."""

from __future__ import annotations

from typing import Any

from handrail.canonical import loads_stored
from handrail.lifecycle import bursts
from handrail.lifecycle.card import without_names
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Tx, given_ids
from handrail.store.writer import Writer

AT_ONCE = 200
MAX_CHARACTERS = 20_000


def step(store: Store, writer: Writer) -> int:
    """Index what is waiting; how many cases."""
    waiting = store.read_hot(statements.unindexed_list, limit=AT_ONCE)
    if waiting:
        writer.run(_index, [(case_id, workspace, loads_stored(bytes(data))) for case_id, workspace, data in waiting])
    return len(waiting)


def words(record: dict[str, Any]) -> str:
    """The words of a proposal that a search should find."""
    found: list[str] = [record.get("action", "")]
    _collect(without_names(record).get("arguments"), found)
    _collect(record.get("target"), found)
    _collect(record.get("agent_says"), found)
    return " ".join(found)[:MAX_CHARACTERS].replace("\0", " ")


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        if not value.startswith("data:"):
            found.append(value)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found.append(str(value))


def _index(tx: Tx, command: list[tuple[str, str, dict[str, Any]]]) -> None:
    ids = [case_id for case_id, _, _ in command]
    # another replica may have been first with some of them
    dropped = tx.run(statements.unindexed_drop, ids=given_ids(tx.engine, ids))
    ours = {row[0] for row in dropped}
    for case_id, workspace, record in command:
        # what opens a session was answered for practice: nobody is to find it as an earlier case
        if case_id in ours and bursts.opened_for(record) is None:
            tx.later(statements.search_put, case_id=case_id, workspace=workspace, body=words(record))
