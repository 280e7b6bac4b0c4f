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

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from handrail.audit.cases import Cases
from handrail.audit.decisions import Decisions
from handrail.audit.executions import Executions
from handrail.audit.parks import Parks
from handrail.audit.promotions import Promotions
from handrail.audit.reviews import Reviews
from handrail.audit.standing import TOLERANCE, Entry, Standing
from handrail.clock import from_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule: its stable code, the index of the entry that broke it, and what happened in words."""

    code: str
    idx: int
    text: str


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
        self._latest = 0
        self._ids: set[str] = set()
        self._continues = False
        standing = Standing(self._say)
        cases = Cases(self._say, standing, self._goes_on)
        reviews = Reviews(self._say, cases, standing)
        executions = Executions(self._say, cases, standing)
        parks = Parks(self._say, cases.is_decided, self._goes_on)
        promotions = Promotions(self._say, standing.roles_of, self._goes_on)
        # what an entry of each type has to hold; a type that is not here stands for itself
        self._judges: dict[str, tuple[Callable[[Entry, int], None], ...]] = {
            "proposal.submitted": (cases.submitted,),
            "proposal.revised": (cases.revised,),
            "case.opened": (cases.opened,),
            "case.escalated": (cases.escalated,),
            "case.closed": (cases.closed,),
            "claim.taken": (reviews.taken,),
            "claim.released": (reviews.let_go,),
            "claim.lapsed": (reviews.let_go,),
            "review.given": (reviews.given,),
            "review.withdrawn": (reviews.withdrawn,),
            "review.voided": (reviews.voided,),
            "decision.made": (Decisions(self._say, cases).made,),
            "execution.started": (executions.started,),
            "execution.finished": (executions.finished,),
            "execution.unknown": (executions.unknown,),
            "execution.settled": (executions.settled,),
            "execution.voided": (executions.voided,),
            "outcome.recorded": (cases.named,),
            "label.made": (cases.named,),
            "run.parked": (parks.parked,),
            "run.woken": (parks.woken,),
            "run.abandoned": (parks.abandoned,),
            "run.retried": (parks.retried,),
            "policy.changed": (standing.policy_changed,),
            "access.changed": (standing.access_changed,),
            "grant.issued": (standing.grant_issued, promotions.granted),
            "grant.ended": (standing.grant_ended, promotions.grant_over),
            "promotion.proposed": (promotions.proposed,),
            "promotion.accepted": (promotions.accepted,),
            "promotion.declined": (promotions.declined,),
            "promotion.ended": (promotions.ended,),
            "halt.set": (standing.halt_set,),
            "halt.lifted": (standing.halt_lifted,),
            "alarm.raised": (standing.alarm_raised,),
            "alarm.lifted": (standing.alarm_lifted,),
            "overflow.entered": (standing.overflow_entered,),
            "overflow.left": (standing.overflow_left,),
            "value.erased": (self._erased,),
            "epoch.opened": (self._epoch_opened,),
        }

    def feed(self, entry: Entry) -> None:
        """Judge the next entry."""
        try:
            now = self._order(entry)
            for judge in self._judges.get(entry["type"], ()):
                judge(entry, now)
        except ValueError:  # the 31st of February: it fits the schema, but is no day
            self._say("time.malformed", "it names a moment that does not exist")
        self.idx += 1

    def _say(self, code: str, text: str) -> None:
        self.violations.append(Violation(code=code, idx=self.idx, text=text))

    def _goes_on(self) -> bool:
        return self._continues

    def _order(self, entry: Entry) -> int:
        """When it was; its log, id and time must fit what came before."""
        if self._log is None:
            self._log = entry["log"]
        elif entry["log"] != self._log:
            self._say("log.foreign", f"the entry belongs to {entry['log']}")
        if entry["id"] in self._ids:
            self._say("entry.doubled", f"the entry id {entry['id']} stands twice")
        self._ids.add(entry["id"])
        now = from_iso(entry["at"])
        if entry["type"] == "clock.jumped":
            self._latest = now
        elif now < self._latest - TOLERANCE:
            self._say("time.backwards", f"{entry['at']} is before an earlier entry by more than 5 s")
        self._latest = max(self._latest, now)
        return now

    def _erased(self, entry: Entry, now: int) -> None:
        # an epoch that goes on may erase what an earlier one committed to
        if not self._continues and not self._ids.issuperset(entry["entries"]):
            self._say("erased.unknown", "it names an entry that is not in the log")

    def _epoch_opened(self, entry: Entry, now: int) -> None:
        if self.idx:
            self._say("epoch.late", "an epoch opens with the first entry of its log")
        else:
            self._continues = True
