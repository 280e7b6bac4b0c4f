"""Cases while a log is replayed: what was proposed, revised, put before people and closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from handrail.audit.standing import Entry, Say, Standing
from handrail.case import TRANSITIONS
from handrail.clock import from_iso


@dataclass(slots=True, kw_only=True)
class Review:
    """A review while its case lives."""

    pid: str
    # roles when it was given; None: the log never said
    held: frozenset[str] | None
    verdict: str
    rev: int
    effective: int
    card: str | None
    counts: bool = True


@dataclass(slots=True, kw_only=True)
class Claim:
    """Who holds a case, under which fence."""

    fence: int
    pid: str
    expires: int | None
    # a review was given under it: others may take the next claim
    answered: bool = False


@dataclass(slots=True, kw_only=True)
class People:
    """What is known of a case while people look at it."""

    reviewers: int
    excluded: frozenset[str]
    deadline: int | None
    on_expiry: str
    roles: frozenset[str]
    # the decision stood before people looked
    after: bool
    # one of those who let it run must hold one of these; empty: anybody
    among: frozenset[str] = frozenset()
    claim: Claim | None = None
    top_fence: int = 0
    reviews: dict[str, Review] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Case:
    """What became of a proposal so far."""

    action: str
    digest: str
    run: str | None
    agent: str | None
    rev: int = 1
    state: str = "new"
    result: str | None = None
    objected: bool = False
    people: People | None = None
    execution: str = "none"
    fence: int = 0
    expires: int = 0


class Cases:
    """Takes the entries about cases. `say(code, text)` reports a violation; `continues()`: the log goes on from an
    earlier epoch, where unknown cases began."""

    def __init__(self, say: Say, standing: Standing, continues: Callable[[], bool]) -> None:
        self._say = say
        self._standing = standing
        self._continues = continues
        self._cases: dict[str, Case] = {}

    def get(self, id: str) -> Case | None:
        """The case, if the log knows it."""
        return self._cases.get(id)

    def find(self, entry: Entry) -> Case | None:
        """The case it speaks of; unknown ones are reported."""
        case = self._cases.get(entry["case"]["id"])
        # a log that goes on from an earlier epoch speaks of cases that were submitted there
        if case is None and not self._continues():
            self._say("case.unknown", f"{entry['type']} for a case nobody submitted")
        return case

    def is_decided(self, id: str) -> bool | None:
        """None for a case the log does not know."""
        case = self._cases.get(id)
        return None if case is None else case.result is not None

    def named(self, entry: Entry, now: int) -> None:
        """The entry speaks of a case; it must be known."""
        self.find(entry)

    def open(self, entry: Entry) -> tuple[Case, People] | None:
        """The case, if people may act on it now."""
        case = self.find(entry)
        if case is None:
            return None
        if case.people is None or case.state != "open":
            self._say("transition", f"{entry['type']} while the case is {case.state}")
            return None
        return case, case.people

    def move(self, case: Case, entry: Entry) -> bool:
        """Do from and to tell the truth, and is the step legal? Then take it."""
        before, after = entry["from"], entry["to"]
        legal = after in TRANSITIONS[case.state] and before == case.state
        if legal:
            case.state = after
        else:
            self._say("transition", f"{entry['type']} from {before} to {after} while the case is {case.state}")
        return legal

    def begin(self, entry: Entry, now: int) -> Case:
        """A case begins, with a proposal or with the decision that policy made at once."""
        id, action = entry["case"]["id"], entry["action"]
        if id in self._cases:
            self._say("case.doubled", "the case was submitted before")
        if entry["case"].get("rev", 1) != 1:
            self._say("case.revision", "a new case must begin with revision 1")
        if "undoes" in entry and entry["undoes"] not in self._cases:
            self._say("undo.unknown", "it undoes a case that does not exist")
        case = Case(action=action["name"], digest=action["digest"], run=entry.get("run"), agent=entry.get("agent"))
        self._cases[id] = case
        self._standing.check_route(entry, now)
        return case

    def submitted(self, entry: Entry, now: int) -> None:
        """A proposal comes in."""
        self.begin(entry, now)

    def opened(self, entry: Entry, now: int) -> None:
        """It is put before people."""
        case = self.find(entry)
        if case is None:
            return
        after = bool(entry.get("soft") or entry.get("spot"))
        if case.people is not None:
            self._say("transition", "the case was opened before")
            return
        if after != (case.result is not None):
            self._say("case.order", "a case opens after its decision if soft or a spot check, else before it")
        # for people who look afterwards the decision does not close the matter
        case.state = "new"
        if not self.move(case, entry):
            return
        if entry["reviewers"] < 1:
            self._say("quorum.none", "a case that asks for no reviewer")
        case.people = People(
            reviewers=entry["reviewers"],
            excluded=frozenset(entry["excluded"]),
            deadline=from_iso(entry["deadline"]) if "deadline" in entry else None,
            on_expiry=entry.get("on_expiry", "reject"),
            roles=frozenset(entry.get("roles", ())),
            after=after,
        )

    def escalated(self, entry: Entry, now: int) -> None:
        """More or other people are asked."""
        found = self.open(entry)
        if found is None:
            return
        case, people = found
        self.move(case, entry)
        if entry["reviewers"] < people.reviewers:
            self._say("quorum.lowered", f"from {people.reviewers} to {entry['reviewers']} reviewers")
        people.reviewers = entry["reviewers"]
        people.claim = None
        people.on_expiry = entry.get("on_expiry", people.on_expiry)
        if "deadline" in entry:
            people.deadline = from_iso(entry["deadline"])
        if "roles" in entry:
            people.roles = frozenset(entry["roles"])
        if "among" in entry:
            people.among = frozenset(entry["among"])

    def revised(self, entry: Entry, now: int) -> None:
        """A reviewer's edit replaces what was proposed."""
        found = self.open(entry)
        if found is None:
            return
        case, people = found
        if entry["case"]["rev"] != case.rev + 1:
            self._say("case.revision", f"revision {entry['case']['rev']} after {case.rev}")
        case.rev, case.digest = entry["case"]["rev"], entry["action"]["digest"]
        for id in (entry.get("cause", ""), *entry.get("also", ())):
            cause = people.reviews.get(id)
            if cause is None or cause.verdict != "edit" or not cause.counts or cause.rev != case.rev - 1:
                self._say("revision.cause", "no live edit review stands behind the new revision")
            else:
                cause.rev = case.rev

    def closed(self, entry: Entry, now: int) -> None:
        """Those who look afterwards have finished."""
        found = self.open(entry)
        if found is None:
            return
        case, people = found
        if not people.after:
            self._say("transition", "a case that waits for a decision cannot close without one")
            return
        self.move(case, entry)
        verdicts = {one.verdict for one in people.reviews.values() if one.counts and one.effective <= now}
        case.objected = entry["result"] == "objected"
        if case.objected and not verdicts - {"approve", "abstain"}:
            self._say("close.without_review", "objected, but no effective review objects")
        elif entry["result"] == "confirmed" and not verdicts & {"approve", "respond"}:
            self._say("close.without_review", "confirmed, but no effective review confirms")
