"""Executions while a log is replayed: of what was approved, one at a time, each under a greater fence."""

from __future__ import annotations

from handrail.audit.cases import Case, Cases
from handrail.audit.standing import TOLERANCE, Entry, Say, Standing
from handrail.clock import from_iso
from handrail.execution import EXECUTION_TRANSITIONS


class Executions:
    """Takes the entries about executions. `say(code, text)` reports a violation."""

    def __init__(self, say: Say, cases: Cases, standing: Standing) -> None:
        self._say = say
        self._cases = cases
        self._standing = standing

    def _move(self, entry: Entry, state: str) -> Case | None:
        """The case, moved to this execution state if that is legal."""
        case = self._cases.find(entry)
        if case is None:
            return None
        if state not in EXECUTION_TRANSITIONS[case.execution]:
            self._say("execution.transition", f"{entry['type']} while the execution is {case.execution}")
            return None
        case.execution = state
        return case

    def started(self, entry: Entry, now: int) -> None:
        """An approved action begins."""
        before = self._cases.get(entry["case"]["id"])
        again = before is not None and before.execution == "started"
        case = self._move(entry, "started")
        if case is None:
            return
        if case.result != "approved":
            self._say("execution.unapproved", f"started while its decision is {case.result or 'missing'}")
        if case.objected:
            self._say("execution.objected", "started after people had objected")
        if entry["action"]["digest"] != case.digest:
            self._say("execution.digest", "it runs another action than the one approved")
        if entry["fence"] <= case.fence:
            self._say("execution.fence", f"fence {entry['fence']} after {case.fence}")
        if again and now < case.expires - TOLERANCE:
            self._say("execution.overlap", "started again while the last start was live")
        for id, scope in self._standing.halts_over(action=case.action, run=case.run, agent=case.agent):
            self._say("execution.halted", f"started while the halt {id} stood over its {scope}")
        case.fence, case.expires = entry["fence"], from_iso(entry["expires"])
        if case.expires < now:
            self._say("execution.expired", "it had expired when it started")

    def finished(self, entry: Entry, now: int) -> None:
        """It ended well or badly."""
        case = self._move(entry, entry["result"])
        if case and entry["fence"] != case.fence:
            self._say("execution.fence", f"finished under fence {entry['fence']}, started under {case.fence}")

    def unknown(self, entry: Entry, now: int) -> None:
        """Nobody knows how it ended."""
        case = self._move(entry, "unknown")
        if case and entry["fence"] != case.fence:
            self._say("execution.fence", f"unknown under fence {entry['fence']}, started under {case.fence}")

    def settled(self, entry: Entry, now: int) -> None:
        """A person says what happened."""
        if self._move(entry, "settled") and entry["actor"]["kind"] != "person":
            self._say("execution.settled_by", f"settled by a {entry['actor']['kind']}; only a person can")

    def voided(self, entry: Entry, now: int) -> None:
        """It will not begin."""
        self._move(entry, "voided")
