"""Decisions while a log is replayed: one a case, by policy, by a quorum of distinct people, or at its deadline."""

from __future__ import annotations

from handrail.audit.cases import Case, Cases, People, Review
from handrail.audit.standing import TOLERANCE, Entry, Say

_AGREES = {
    "approved": {"approve", "edit"},
    "rejected": {"reject"},
    "responded": {"respond", "approve", "edit"},
    "redirected": {"redirect"},
}
_BY_SYSTEM = {"rejected", "expired", "cancelled"}


class Decisions:
    """Takes the entries about decisions. `say(code, text)` reports a violation."""

    def __init__(self, say: Say, cases: Cases) -> None:
        self._say = say
        self._cases = cases

    def made(self, entry: Entry, now: int) -> None:
        """A case gets its decision; it gets one."""
        case = self._cases.get(entry["case"]["id"])
        if case is not None and case.result is not None:
            self._say("decision.doubled", "the case has its decision")
            return
        if entry["from"] == "new":
            self._by_policy(case, entry, now)
        elif (case := self._cases.find(entry)) is not None:
            self._by_people(case, entry, now)

    def _by_policy(self, case: Case | None, entry: Entry, now: int) -> None:
        if case is None:
            case = self._cases.begin(entry, now)
        elif entry["action"]["digest"] != case.digest:
            self._say("decision.digest", "it decides another action than the one proposed")
        if case.people is not None or entry["to"] != "decided":
            self._say("transition", f"decision.made from new to {entry['to']} while the case is {case.state}")
        case.state, case.result = "decided", entry["result"]
        if entry["result"] in ("approved", "responded", "redirected"):
            if entry["actor"]["kind"] != "policy":
                self._say("decision.without_people", f"let through by a {entry['actor']['kind']}, without a case")
            if entry["result"] != "approved" or entry.get("tier") not in ("auto_approve", "soft_review"):
                self._say("decision.tier", f"{entry['result']} without people at tier {entry.get('tier')}")

    def _by_people(self, case: Case, entry: Entry, now: int) -> None:
        people = case.people
        self._cases.move(case, entry)
        if people is None or people.after:
            self._say("decision.without_people", "decided as by people, but no case was open for it")
            return
        case.result = entry["result"]
        if entry["case"].get("rev", case.rev) != case.rev:
            self._say("decision.revision", f"of revision {entry['case']['rev']}, but the case stands at {case.rev}")
        if entry["action"]["digest"] != case.digest:
            self._say("decision.digest", "it decides another action than the one reviewed")
        if entry["result"] == "expired":
            self._check_expired(people, now)
        elif entry["result"] == "approved" and entry["actor"]["kind"] == "system" and not entry.get("reviews"):
            if people.on_expiry != "unsafe_approve":
                self._say("decision.without_people", "approved by the system, and no unsafe_approve allows it")
            self._check_expired(people, now)
        elif entry.get("reviews") or entry["result"] not in _BY_SYSTEM:
            self._check_quorum(case, people, entry, now)
        elif entry["result"] == "rejected" and entry["actor"]["kind"] == "person":
            self._say("quorum.short", "rejected by a person, but no review is counted")

    def _check_expired(self, people: People, now: int) -> None:
        if people.deadline is None or now < people.deadline - TOLERANCE:
            self._say("decision.early_expiry", "expired before its deadline")

    def _check_quorum(self, case: Case, people: People, entry: Entry, now: int) -> None:
        agreeing = []
        ids = entry.get("reviews", [])
        for id in ids:
            review = people.reviews.get(id)
            if review is None:
                self._say("review.unknown", "it counts a review this case never got")
            elif not review.counts:
                self._say("quorum.withdrawn", f"it counts a withdrawn or voided review of {review.pid}")
            elif review.effective > now:
                self._say("quorum.early", f"it counts the review of {review.pid} before its undo window ended")
            elif review.rev != case.rev:
                self._say("quorum.revision", f"it counts a review of revision {review.rev}, not {case.rev}")
            elif review.verdict in _AGREES.get(entry["result"], ()):
                agreeing.append(review)
            elif entry["result"] == "approved":
                self._say("decision.verdict", f"approved, counting a review that says {review.verdict}")
        self._check_distinct(people, agreeing, entry)
        self._check_among(people, agreeing, entry)
        cards = {review.card for review in agreeing}
        if "card" in entry and agreeing and entry["card"] not in cards:
            self._say("decision.card", "no counted reviewer saw the card the decision names")

    def _check_among(self, people: People, agreeing: list[Review], entry: Entry) -> None:
        if not people.among or not agreeing or entry["result"] not in ("approved", "responded"):
            return
        # of people the log never gave roles to, it cannot tell
        if all(one.held is not None and not one.held & {*people.among, "admin"} for one in agreeing):
            self._say("quorum.role", f"nobody who let it run held one of the roles {sorted(people.among)}")

    def _check_distinct(self, people: People, agreeing: list[Review], entry: Entry) -> None:
        distinct = {review.pid for review in agreeing}
        needed = people.reviewers if entry["result"] in ("approved", "responded") else 1
        if len(distinct) < len(agreeing):
            self._say("quorum.same_person", "one person is counted twice")
        if len(distinct) < needed:
            self._say("quorum.short", f"{entry['result']} by {len(distinct)} of {needed} people")
