"""Tickets: which calls of this server wait for a person, kept so that the next gateway can go on with them.

A ticket holds ids only: what was called, and with what, stays with the control plane.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from handrail.integrations.mcp.pins import file_name, write_whole

CASE_ID = re.compile(r"[0-9a-fA-F-]{8,64}", re.ASCII)
# older ones are forgotten: an approval nobody used in a week is stale
KEPT_SECONDS = 14 * 86_400
MOST_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A call that was put before people."""

    case_id: str
    tool: str
    # seconds since the epoch
    at: float
    # nothing can come of it any more that is not recorded
    ended: bool = False


class Tickets:
    """One file a ticket; several gateways of one server may share the folder."""

    def __init__(self, folder: Path, server: str):
        self.folder = folder / "tickets" / file_name(server)

    def add(self, case_id: str, tool: str) -> Ticket:
        """Keep a ticket before anybody waits for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._keep(Ticket(case_id=case_id, tool=tool, at=time.time()))

    def end(self, case_id: str) -> None:
        """It has its result: still to be asked for, but not pending."""
        found = self.get(case_id)
        if found is not None and not found.ended:
            self._keep(replace(found, ended=True))

    def get(self, case_id: str) -> Ticket | None:
        """The ticket of a case, if it is one of this server's."""
        if not CASE_ID.fullmatch(case_id):
            return None
        try:
            kept = json.loads(self._path(case_id).read_bytes())
            return Ticket(case_id=kept["case_id"], tool=kept["tool"], at=float(kept["at"]), ended=bool(kept["ended"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def drop(self, case_id: str) -> None:
        """Nobody can come back for it."""
        self._path(case_id).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Ticket]:
        """Oldest first; stale ones are dropped on the way."""
        names = [path.stem for path in self.folder.glob("*.json") if not path.name.startswith(".")]
        found = sorted(filter(None, map(self.get, names)), key=lambda ticket: (ticket.at, ticket.case_id))
        stale = time.time() - KEPT_SECONDS
        for ticket in [t for t in found if t.at < stale] + found[: max(0, len(found) - MOST_KEPT)]:
            self.drop(ticket.case_id)
        return iter([t for t in found[-MOST_KEPT:] if t.at >= stale])

    def _keep(self, ticket: Ticket) -> Ticket:
        write_whole(self._path(ticket.case_id), json.dumps(asdict(ticket)).encode())
        return ticket

    def _path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.json"
