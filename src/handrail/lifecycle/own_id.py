"""Ids that callers make: a request that is sent again, because its answer was lost, makes nothing twice."""

from __future__ import annotations

import re

from handrail.errors import Conflict, InvalidInput
from handrail.store.tx import Tx

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def given_or_new(tx: Tx, id: str | None) -> str:
    """The caller's id, or a fresh one. Raises `InvalidInput` for what is no UUID."""
    if id is None:
        return tx.new_id()
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise InvalidInput("id is a UUID in lower case", remedy="Give a fresh UUID, or none.")
    return id


def taken(what: str, id: str) -> Conflict:
    """What to raise where something else has the id."""
    return Conflict(f"the {what} id {id} is taken", remedy="Give a fresh id, or none.")
