"""Parked runs while a log is replayed: each woken at most once, never before its cases are decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handrail.audit.standing import Entry, Say


@dataclass(slots=True, kw_only=True)
class _Park:
    run: tuple[str, str]
    wakes: str
    cases: tuple[str, ...]
    # open, failed, or how it ended
    state: str = "open"
    fence: int = 0


class Parks:
    """Takes the entries about parked runs. `say(code, text)` reports a violation; `decided(case)` is None for a case
    the log does not know. `continues()`: the log goes on from an earlier epoch, where unknown things began."""

    def __init__(self, say: Say, decided: Callable[[str], bool | None], continues: Callable[[], bool]) -> None:
        self._say = say
        self._decided = decided
        self._continues = continues
        self._parks: dict[str, _Park] = {}
        # (framework, run) → its unfinished park
        self._unfinished: dict[tuple[str, str], str] = {}

    def parked(self, entry: Entry, now: int) -> None:
        """A run is parked; what it was parked on before ends."""
        said = entry["park"]
        if said["id"] in self._parks:
            self._say("park.doubled", f"the park {said['id']} stands already")
            return
        for case in entry["cases"]:
            if self._decided(case) is None and not self._continues():
                self._say("case.unknown", "it waits for a case nobody submitted")
        if "supersedes" in entry and (before := self._standing(entry["supersedes"])):
            self._end(before, "superseded")
        run = said["framework"], said["run"]
        if run in self._unfinished:
            self._say("park.doubled", f"the run {said['run']} has an unfinished park already")
        self._parks[said["id"]] = _Park(run=run, wakes=said["wakes"], cases=tuple(entry["cases"]))
        self._unfinished[run] = said["id"]

    def woken(self, entry: Entry, now: int) -> None:
        """A wake ended: for good, to be tried again, or for the last time."""
        park = self._standing(entry["park"]["id"])
        if park is None:
            return
        if park.state == "failed":
            self._say("park.ended", "woken although it was given up")
        if entry["fence"] <= park.fence:
            self._say("park.fence", f"fence {entry['fence']} after {park.fence}")
        decided = [self._decided(case) for case in park.cases]
        if not (all(d is not False for d in decided) if park.wakes == "all" else any(d is not False for d in decided)):
            self._say("park.undecided", "woken before its cases were decided")
        park.fence = max(park.fence, entry["fence"])
        if entry["result"] == "woken":
            self._end(park, "woken")
        elif entry["result"] == "failed":
            park.state = "failed"

    def abandoned(self, entry: Entry, now: int) -> None:
        """Nobody waits for it any more."""
        park = self._standing(entry["park"]["id"])
        if park is not None:
            self._end(park, "abandoned")

    def retried(self, entry: Entry, now: int) -> None:
        """One that was given up is due again."""
        park = self._standing(entry["park"]["id"])
        if park is None:
            return
        if park.state != "failed":
            self._say("park.not_failed", "tried again although it was not given up")
        park.state = "open"

    def _standing(self, id: str) -> _Park | None:
        park = self._parks.get(id)
        if park is None:
            if not self._continues():
                self._say("park.unknown", f"the park {id} was never made")
        elif park.state not in ("open", "failed"):
            self._say("park.ended", f"the park {id} was {park.state}")
            return None
        return park

    def _end(self, park: _Park, state: str) -> None:
        park.state = state
        self._unfinished.pop(park.run, None)
