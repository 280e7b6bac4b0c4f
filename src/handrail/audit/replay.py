"""Replays the meaning of a log: what hashes cannot show. Entries in, violations out; nothing else.

Entries are taken in the order of the log, from its first. What each type must hold stands in
`schemas.py`; replay relies on these fields of it:

- proposal.submitted {case{id,rev:1}, action{name,digest}, policy{name,digest}, tier, run?, agent?, undoes?, grant?};
- decision.made at submit: the same fields, from "new" to "decided", result; without a proposal.submitted
  before it when nothing but the policy judges (it then says submitted:true);
- case.opened {case, tier, reviewers, excluded:[pids], deadline?, on_expiry?, roles?:[…], soft?, spot?, from, to};
  `on_expiry` absent means "reject"; `roles`: a reviewer to whom access.changed gave roles must hold one of
  them then, or be admin;
- case.escalated {case, reviewers, reason, deadline?, on_expiry?, roles?, among?}; reviewers never fall, and the claim
  ends; of the people counted for what lets it run, one must hold a role in `among`;
- proposal.revised {case{id,rev:n+1}, action, cause: id of the edit review that made this revision, also?: ids of
  further edits that say the same and count for it};
- claim.taken/released/lapsed {case, fence, expires?}; a review leaves its claim usable by the same person
  (to answer again after withdrawing), and anybody may take the next claim after it;
- review.given {case{id,rev}, review, verdict, fence, effective, action{digest}, card?, handles?}; `handles`
  are further pseudonyms of the reviewer, under which `excluded` may name him; for `edit` the digest may be the
  one seen or the one made; review.withdrawn {case, review}, review.voided {case, review};
- decision.made after people {case, action, from "open", to "decided", result, reviews:[ids counted]};
- case.closed {case, from "open", to "reviewed", result} for soft reviews and spot checks;
- execution.* {case, fence, action, expires, result, happened};
- cell.laid {cells}, cell.restarted {cell}; promotion.proposed {promotion{id,cell}}; promotion.accepted by a person
  who did not propose it, after grant.issued {grant{promotion}} with the same ids; promotion.declined by a person;
  promotion.ended {reason} after its grant ended;
- policy.changed {policy}, grant.issued {grant{id,action,expires}}, grant.ended {grant{id}},
  halt.set {halt{id,scope,value?}} (value equals an action name, run or agent as written at submit; scope
  "workspace" needs none), halt.lifted {halt{id}}; alarm.raised {alarm{id,action,tier?}}: until alarm.lifted
  {alarm{id}}, by a person and with a certificate if the tier was hard_gate, nothing of the action ("" for all) is let
  go below the tier; overflow.entered and overflow.left take turns; access.changed {access{pid,roles,active?}};
- run.parked {park{id,run,framework,wakes,state?}, cases, supersedes?}; `state` is the SHA-256 of the snapshot;
  run.woken {park{id}, fence, result}: the park is over, released for another try, or given up; it needs decided cases;
  run.abandoned {park{id}}; run.retried {park{id}} of one that was given up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from handrail.audit.parks import Parks
from handrail.audit.promotions import Promotions
from handrail.audit.standing import TOLERANCE, Standing
from handrail.case import TRANSITIONS
from handrail.clock import from_iso
from handrail.execution import EXECUTION_TRANSITIONS

Entry = dict[str, Any]

_AGREES = {
    "approved": {"approve", "edit"},
    "rejected": {"reject"},
    "responded": {"respond", "approve", "edit"},
    "redirected": {"redirect"},
}
_BY_SYSTEM = {"rejected", "expired", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule: its stable code, the index of the entry that broke it, and what happened in words."""

    code: str
    idx: int
    text: str


@dataclass(slots=True, kw_only=True)
class _Review:
    pid: str
    # roles when it was given; None: the log never said
    held: frozenset[str] | None
    verdict: str
    rev: int
    effective: int
    card: str | None
    counts: bool = True


@dataclass(slots=True, kw_only=True)
class _Claim:
    fence: int
    pid: str
    expires: int | None
    # a review was given under it: others may take the next claim
    answered: bool = False


@dataclass(slots=True, kw_only=True)
class _People:
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
    claim: _Claim | None = None
    top_fence: int = 0
    reviews: dict[str, _Review] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Case:
    action: str
    digest: str
    run: str | None
    agent: str | None
    rev: int = 1
    state: str = "new"
    result: str | None = None
    objected: bool = False
    people: _People | None = None
    execution: str = "none"
    fence: int = 0
    expires: int = 0


def replay(entries: Iterable[Entry]) -> list[Violation]:
    """Every violation in a whole log, in order. The entries must already fit their schemas."""
    log = Replay()
    for entry in entries:
        log.feed(entry)
    return log.violations


class Replay:
    """The replay, one entry at a time. `violations` grows; `idx` is the next entry's index."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.idx = 0
        self._log: str | None = None
        self._at = 0
        self._latest = 0
        self._ids: set[str] = set()
        self._cases: dict[str, _Case] = {}
        self._reviews: set[str] = set()
        self._continues = False
        self._standing = Standing(self._say)
        self._parks = Parks(self._say, self._is_decided, lambda: self._continues)
        self._promotions = Promotions(self._say, self._standing.roles_of, lambda: self._continues)
        self._standings = {
            "policy.changed": self._standing.policy_changed,
            "grant.issued": self._grant_issued,
            "grant.ended": self._grant_ended,
            "promotion.proposed": self._promotions.proposed,
            "promotion.accepted": self._promotions.accepted,
            "promotion.declined": self._promotions.declined,
            "promotion.ended": self._promotions.ended,
            "access.changed": self._standing.access_changed,
            "halt.set": self._standing.halt_set,
            "halt.lifted": self._standing.halt_lifted,
            "alarm.raised": self._standing.alarm_raised,
            "alarm.lifted": self._standing.alarm_lifted,
            "overflow.entered": self._standing.overflow_entered,
            "overflow.left": self._standing.overflow_left,
            "run.parked": self._parks.parked,
            "run.woken": self._parks.woken,
            "run.abandoned": self._parks.abandoned,
            "run.retried": self._parks.retried,
        }
        self._judges = {
            "proposal.submitted": self._submitted,
            "proposal.revised": self._revised,
            "case.opened": self._opened,
            "case.escalated": self._escalated,
            "case.closed": self._closed,
            "claim.taken": self._taken,
            "claim.released": self._let_go,
            "claim.lapsed": self._let_go,
            "review.given": self._given,
            "review.withdrawn": self._withdrawn,
            "review.voided": self._voided,
            "decision.made": self._decided,
            "execution.started": self._started,
            "execution.finished": self._finished,
            "execution.unknown": self._unknown,
            "execution.settled": self._settled,
            "execution.voided": self._execution_voided,
            "outcome.recorded": self._known_case,
            "label.made": self._known_case,
            "value.erased": self._erased,
            "epoch.opened": self._epoch_opened,
        }

    def feed(self, entry: Entry) -> None:
        """Judge the next entry."""
        try:
            self._order(entry)
            if judge := self._judges.get(entry["type"]):
                judge(entry)
            elif change := self._standings.get(entry["type"]):
                change(entry, self._at)
        except ValueError:  # the 31st of February: it fits the schema, but is no day
            self._say("time.malformed", "it names a moment that does not exist")
        self.idx += 1

    def _say(self, code: str, text: str) -> None:
        self.violations.append(Violation(code=code, idx=self.idx, text=text))

    def _order(self, entry: Entry) -> None:
        if self._log is None:
            self._log = entry["log"]
        elif entry["log"] != self._log:
            self._say("log.foreign", f"the entry belongs to {entry['log']}")
        if entry["id"] in self._ids:
            self._say("entry.doubled", f"the entry id {entry['id']} stands twice")
        self._ids.add(entry["id"])
        self._at = from_iso(entry["at"])
        if entry["type"] == "clock.jumped":
            self._latest = self._at
        elif self._at < self._latest - TOLERANCE:
            self._say("time.backwards", f"{entry['at']} is before an earlier entry by more than 5 s")
        self._latest = max(self._latest, self._at)

    # -- grants --------------------------------------------------------------

    def _grant_issued(self, entry: Entry, now: int) -> None:
        self._standing.grant_issued(entry, now)
        self._promotions.granted(entry, now)

    def _grant_ended(self, entry: Entry, now: int) -> None:
        self._standing.grant_ended(entry, now)
        self._promotions.grant_over(entry, now)

    # -- cases ---------------------------------------------------------------

    def _case(self, entry: Entry) -> _Case | None:
        case = self._cases.get(entry["case"]["id"])
        # a log that goes on from an earlier epoch speaks of cases that were submitted there
        if case is None and not self._continues:
            self._say("case.unknown", f"{entry['type']} for a case nobody submitted")
        return case

    def _is_decided(self, id: str) -> bool | None:
        case = self._cases.get(id)
        return None if case is None else case.result is not None

    def _known_case(self, entry: Entry) -> None:
        self._case(entry)

    def _open_case(self, entry: Entry) -> tuple[_Case, _People] | None:
        """The case, if people may act on it now."""
        case = self._case(entry)
        if case is None:
            return None
        if case.people is None or case.state != "open":
            self._say("transition", f"{entry['type']} while the case is {case.state}")
            return None
        return case, case.people

    def _move(self, case: _Case, entry: Entry) -> bool:
        """Do from and to tell the truth, and is the step legal? Then take it."""
        before, after = entry["from"], entry["to"]
        legal = after in TRANSITIONS[case.state] and before == case.state
        if legal:
            case.state = after
        else:
            self._say("transition", f"{entry['type']} from {before} to {after} while the case is {case.state}")
        return legal

    def _submitted(self, entry: Entry) -> None:
        self._new_case(entry)

    def _new_case(self, entry: Entry) -> _Case:
        id, action = entry["case"]["id"], entry["action"]
        if id in self._cases:
            self._say("case.doubled", "the case was submitted before")
        if entry["case"].get("rev", 1) != 1:
            self._say("case.revision", "a new case must begin with revision 1")
        if "undoes" in entry and entry["undoes"] not in self._cases:
            self._say("undo.unknown", "it undoes a case that does not exist")
        case = _Case(action=action["name"], digest=action["digest"], run=entry.get("run"), agent=entry.get("agent"))
        self._cases[id] = case
        self._standing.check_route(entry, self._at)
        return case

    def _opened(self, entry: Entry) -> None:
        case = self._case(entry)
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
        if not self._move(case, entry):
            return
        if entry["reviewers"] < 1:
            self._say("quorum.none", "a case that asks for no reviewer")
        case.people = _People(
            reviewers=entry["reviewers"],
            excluded=frozenset(entry["excluded"]),
            deadline=from_iso(entry["deadline"]) if "deadline" in entry else None,
            on_expiry=entry.get("on_expiry", "reject"),
            roles=frozenset(entry.get("roles", ())),
            after=after,
        )

    def _escalated(self, entry: Entry) -> None:
        found = self._open_case(entry)
        if found is None:
            return
        case, people = found
        self._move(case, entry)
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

    def _revised(self, entry: Entry) -> None:
        found = self._open_case(entry)
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

    def _closed(self, entry: Entry) -> None:
        found = self._open_case(entry)
        if found is None:
            return
        case, people = found
        if not people.after:
            self._say("transition", "a case that waits for a decision cannot close without one")
            return
        self._move(case, entry)
        verdicts = {one.verdict for one in people.reviews.values() if one.counts and one.effective <= self._at}
        case.objected = entry["result"] == "objected"
        if case.objected and not verdicts - {"approve", "abstain"}:
            self._say("close.without_review", "objected, but no effective review objects")
        elif entry["result"] == "confirmed" and not verdicts & {"approve", "respond"}:
            self._say("close.without_review", "confirmed, but no effective review confirms")

    # -- claims and reviews --------------------------------------------------

    def _taken(self, entry: Entry) -> None:
        found = self._open_case(entry)
        if found is None:
            return
        people, fence = found[1], entry["fence"]
        if entry["actor"]["kind"] != "person":
            self._say("claim.not_person", "only a person can claim a case")
        if fence <= people.top_fence:
            self._say("claim.fence", f"fence {fence} after {people.top_fence}")
        held = people.claim
        if held and not held.answered and (held.expires is None or self._at < held.expires - TOLERANCE):
            self._say("claim.overlap", f"taken while {held.pid} held it")
        people.top_fence = max(people.top_fence, fence)
        expires = from_iso(entry["expires"]) if "expires" in entry else None
        people.claim = _Claim(fence=fence, pid=entry["actor"]["pid"], expires=expires)

    def _let_go(self, entry: Entry) -> None:
        case = self._case(entry)
        if case is None or case.people is None:
            return
        if entry["fence"] > case.people.top_fence:
            self._say("claim.fence", f"fence {entry['fence']} was never given out")
        if case.people.claim and case.people.claim.fence == entry["fence"]:
            case.people.claim = None

    def _given(self, entry: Entry) -> None:
        found = self._open_case(entry)
        if found is None:
            return
        case, people = found
        pid = entry["actor"]["pid"]
        if entry["actor"]["kind"] != "person":
            self._say("review.not_person", f"a review by a {entry['actor']['kind']}")
        if not people.excluded.isdisjoint((pid, *entry.get("handles", ()))):
            self._say("review.excluded", f"{pid} asked for it, owns it or delegated it")
        self._check_claim(people, entry)
        self._check_roles(people, pid)
        if entry["review"] in self._reviews:
            self._say("review.doubled", "the review id stands twice")
        self._reviews.add(entry["review"])
        effective = from_iso(entry["effective"])
        if effective < self._at - TOLERANCE:
            self._say("review.effective", "effective before it was given")
        if people.deadline is not None and self._at > people.deadline + TOLERANCE and people.on_expiry == "reject":
            self._say("review.late", "given after the deadline")
        if entry["case"]["rev"] != case.rev:
            self._say("review.revision", f"of revision {entry['case']['rev']}, but the case stands at {case.rev}")
        if entry["action"]["digest"] != case.digest and entry["verdict"] != "edit":
            self._say("review.digest", "the reviewer judged another action than the one proposed")
        people.reviews[entry["review"]] = _Review(
            pid=pid,
            held=self._standing.roles_of(pid),
            verdict=entry["verdict"],
            rev=entry["case"]["rev"],
            effective=effective,
            card=entry.get("card"),
        )

    def _check_claim(self, people: _People, entry: Entry) -> None:
        claim = people.claim
        if claim is None or claim.fence != entry["fence"] or claim.pid != entry["actor"]["pid"]:
            self._say("review.no_claim", "given without a live claim of this person and fence")
        else:
            claim.answered = True

    def _check_roles(self, people: _People, pid: str) -> None:
        held = self._standing.roles_of(pid)
        # an admin may judge anything; of people the log never gave roles to, it cannot tell
        if people.roles and held is not None and not held & {*people.roles, "admin"}:
            self._say("review.role", f"{pid} held none of the roles {sorted(people.roles)}")

    def _live_review(self, entry: Entry) -> tuple[_People, _Review] | None:
        case = self._case(entry)
        review = case.people.reviews.get(entry["review"]) if case and case.people else None
        if case is None or case.people is None or review is None or not review.counts:
            if case is not None:
                self._say("review.unknown", f"{entry['type']} of a review that does not stand")
            return None
        return case.people, review

    def _withdrawn(self, entry: Entry) -> None:
        found = self._live_review(entry)
        if found is None:
            return
        review = found[1]
        review.counts = False
        if entry["actor"]["pid"] != review.pid:
            self._say("review.withdrawn_by_other", f"given by {review.pid}")
        if self._at > review.effective:
            self._say("review.withdrawn_late", "withdrawn after it took effect")

    def _voided(self, entry: Entry) -> None:
        found = self._live_review(entry)
        if found:
            found[1].counts = False

    # -- decisions -----------------------------------------------------------

    def _decided(self, entry: Entry) -> None:
        case = self._cases.get(entry["case"]["id"])
        if case is not None and case.result is not None:
            self._say("decision.doubled", "the case has its decision")
            return
        if entry["from"] == "new":
            self._decided_by_policy(case, entry)
        elif case is None:
            self._say("case.unknown", "a decision for a case nobody submitted")
        else:
            self._decided_by_people(case, entry)

    def _decided_by_policy(self, case: _Case | None, entry: Entry) -> None:
        if case is None:
            case = self._new_case(entry)
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

    def _decided_by_people(self, case: _Case, entry: Entry) -> None:
        people = case.people
        self._move(case, entry)
        if people is None or people.after:
            self._say("decision.without_people", "decided as by people, but no case was open for it")
            return
        case.result = entry["result"]
        if entry["case"].get("rev", case.rev) != case.rev:
            self._say("decision.revision", f"of revision {entry['case']['rev']}, but the case stands at {case.rev}")
        if entry["action"]["digest"] != case.digest:
            self._say("decision.digest", "it decides another action than the one reviewed")
        if entry["result"] == "expired":
            self._check_expired(people)
        elif entry["result"] == "approved" and entry["actor"]["kind"] == "system" and not entry.get("reviews"):
            if people.on_expiry != "unsafe_approve":
                self._say("decision.without_people", "approved by the system, and no unsafe_approve allows it")
            self._check_expired(people)
        elif entry.get("reviews") or entry["result"] not in _BY_SYSTEM:
            self._check_quorum(case, people, entry)
        elif entry["result"] == "rejected" and entry["actor"]["kind"] == "person":
            self._say("quorum.short", "rejected by a person, but no review is counted")

    def _check_expired(self, people: _People) -> None:
        if people.deadline is None or self._at < people.deadline - TOLERANCE:
            self._say("decision.early_expiry", "expired before its deadline")

    def _check_quorum(self, case: _Case, people: _People, entry: Entry) -> None:
        agreeing = []
        ids = entry.get("reviews", [])
        for id in ids:
            review = people.reviews.get(id)
            if review is None:
                self._say("review.unknown", "it counts a review this case never got")
            elif not review.counts:
                self._say("quorum.withdrawn", f"it counts a withdrawn or voided review of {review.pid}")
            elif review.effective > self._at:
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

    def _check_among(self, people: _People, agreeing: list[_Review], entry: Entry) -> None:
        if not people.among or not agreeing or entry["result"] not in ("approved", "responded"):
            return
        # of people the log never gave roles to, it cannot tell
        if all(one.held is not None and not one.held & {*people.among, "admin"} for one in agreeing):
            self._say("quorum.role", f"nobody who let it run held one of the roles {sorted(people.among)}")

    def _check_distinct(self, people: _People, agreeing: list[_Review], entry: Entry) -> None:
        distinct = {review.pid for review in agreeing}
        needed = people.reviewers if entry["result"] in ("approved", "responded") else 1
        if len(distinct) < len(agreeing):
            self._say("quorum.same_person", "one person is counted twice")
        if len(distinct) < needed:
            self._say("quorum.short", f"{entry['result']} by {len(distinct)} of {needed} people")

    # -- executions ----------------------------------------------------------

    def _execution(self, entry: Entry, state: str) -> _Case | None:
        """The case, moved to this execution state if that is legal."""
        case = self._case(entry)
        if case is None:
            return None
        if state not in EXECUTION_TRANSITIONS[case.execution]:
            self._say("execution.transition", f"{entry['type']} while the execution is {case.execution}")
            return None
        case.execution = state
        return case

    def _started(self, entry: Entry) -> None:
        before = self._cases.get(entry["case"]["id"])
        again = before is not None and before.execution == "started"
        case = self._execution(entry, "started")
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
        if again and self._at < case.expires - TOLERANCE:
            self._say("execution.overlap", "started again while the last start was live")
        for id, scope in self._standing.halts_over(action=case.action, run=case.run, agent=case.agent):
            self._say("execution.halted", f"started while the halt {id} stood over its {scope}")
        case.fence, case.expires = entry["fence"], from_iso(entry["expires"])
        if case.expires < self._at:
            self._say("execution.expired", "it had expired when it started")

    def _finished(self, entry: Entry) -> None:
        case = self._execution(entry, entry["result"])
        if case and entry["fence"] != case.fence:
            self._say("execution.fence", f"finished under fence {entry['fence']}, started under {case.fence}")

    def _unknown(self, entry: Entry) -> None:
        case = self._execution(entry, "unknown")
        if case and entry["fence"] != case.fence:
            self._say("execution.fence", f"unknown under fence {entry['fence']}, started under {case.fence}")

    def _settled(self, entry: Entry) -> None:
        if self._execution(entry, "settled") and entry["actor"]["kind"] != "person":
            self._say("execution.settled_by", f"settled by a {entry['actor']['kind']}; only a person can")

    def _execution_voided(self, entry: Entry) -> None:
        self._execution(entry, "voided")

    # -- entries that only have to make sense --------------------------------

    def _erased(self, entry: Entry) -> None:
        if not self._ids.issuperset(entry["entries"]):
            self._say("erased.unknown", "it names an entry that is not in the log")

    def _epoch_opened(self, entry: Entry) -> None:
        if self.idx:
            self._say("epoch.late", "an epoch opens with the first entry of its log")
        else:
            self._continues = True
