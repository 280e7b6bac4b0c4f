"""A log read with the words that its entries commit to: what was proposed, by which route, answered and decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handrail.audit.log import Opening
from handrail.canonical import parse
from handrail.entry import KEPT
from handrail.lifecycle import committing
from handrail.lifecycle.opening import OpenedLog
from handrail.lifecycle.rows import ProposalRow, ReviewRow, route_noun
from handrail.store import statements
from handrail.store.logbook import blob


class WordedLog(OpenedLog):
    """A log read by somebody who may see everything, personal values included, as far as it is not erased."""

    def openings(self) -> Iterator[Opening]:
        """Those of personal values, and those of what the tables keep of each case."""
        yield from super().openings()
        for data in self.entries():
            entry = parse(data)
            places = entry.get("fields", {}).keys() & KEPT
            row = self._row(entry["case"]["id"]) if places else None
            if row is None or row.secret is None:
                continue
            for path in sorted(places):
                kept = self._kept(path, entry, row)
                if kept is not None:
                    salt = committing.salt(blob(row.secret), path, entry.get("review", ""))
                    yield Opening(entry=entry["id"], path=path, salt=salt, value=parse(kept))

    def _row(self, case_id: str) -> ProposalRow | None:
        found = self._store.read_hot(statements.proposal_get, case_id=case_id, workspace=self._workspace)
        return ProposalRow._make(found[0]) if found else None

    def _kept(self, path: str, entry: dict[str, Any], row: ProposalRow) -> bytes | None:
        """The bytes that the entry commits to at that place; None where they are no longer kept."""
        if path == committing.ANSWER:
            found = self._store.read_hot(statements.review_get, id=entry["review"], workspace=self._workspace)
            return blob(ReviewRow._make(found[0]).data) if found else None
        if path == committing.DECISION:
            return None if row.decision_bytes is None else blob(row.decision_bytes)
        if path == committing.ROUTE:
            # of one that was changed since, only the newest is kept
            data = committing.route_data(route_noun(blob(row.route)))
            return data if committing.to_route(blob(row.secret), data)[path] == entry["fields"][path] else None
        if entry["case"]["rev"] == row.revision:
            return blob(row.data)
        older = self._store.read_hot(statements.revision_get, case_id=row.case_id, revision=entry["case"]["rev"])
        return blob(older[0][0]) if older else None
