"""State as a log's entries tell it: entries in, one account per case out. No database, no judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from handrail.clock import from_iso
from handrail.entry import KEPT
from handrail.lifecycle.committing import ANSWER, DECISION, PROPOSAL, ROUTE

Entry = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class TakenReview:
    """A review as its entries tell it."""

    reviewer: str
    verdict: str
    revision: int
    effective_at: int
    # of the card he saw, where the entry tells it
    card: str | None
    fence: int
    blind: bool
    # commitment to what was answered
    body: str | None
    withdrawn: bool = False
    voided: bool = False

    @property
    def live(self) -> bool:
        return not (self.withdrawn or self.voided)


@dataclass(slots=True, kw_only=True)
class Account:
    """One proposal and, if people had to look, its case."""

    action: str
    digest: str
    policy: str
    tier: str
    agent: str | None = None
    run: str | None = None
    undoes: str | None = None
    revision: int = 1
    tool_class: str = "unsafe"
    # revisions before the present one
    replaced: tuple[int, ...] = ()
    decision: str | None = None
    decided_at: int | None = None
    decision_entry: str | None = None
    # None: no case was opened
    state: str | None = None
    reviewers: int = 0
    deadline: int | None = None
    on_expiry: str = "reject"
    soft: bool = False
    escalations: int = 0
    # who asks, and who owns what is asked for
    excluded: tuple[str, ...] = ()
    # fence and reviewer
    claim: tuple[int, str] | None = None
    fence: int = 0
    reviews: dict[str, TakenReview] = field(default_factory=dict)
    execution: str | None = None
    execution_fence: int = 0
    # digest of what it returned
    outcome: str | None = None
    happened: bool | None = None
    labels: tuple[str, ...] = ()
    outcomes: int = 0
    # commitments to the proposal at each revision, to the route as it was last changed, and to the decision
    proposals: dict[int, str] = field(default_factory=dict)
    route: str | None = None
    reason: str | None = None
    # a personal value of it was erased: its bytes and labels are not what they were
    erased: bool = False
    # index of the newest entry about it
    idx: int = -1

    def commit(self, entry: Entry) -> None:
        """Take in what an entry commits to."""
        made = entry.get("fields", {})
        if PROPOSAL in made:
            self.proposals[entry["case"]["rev"]] = made[PROPOSAL]
        self.route = made.get(ROUTE, self.route)
        self.reason = made.get(DECISION, self.reason)


@dataclass(slots=True, kw_only=True)
class ParkAccount:
    """One parked run."""

    run: str
    framework: str
    wakes: str
    cases: tuple[str, ...]
    # SHA-256 of what the framework left behind
    state: str | None
    ending: str | None = None
    # index of the newest entry about it
    idx: int = -1


class Rebuilt:
    """Feed it every entry of a workspace's log, from the first of its first epoch."""

    def __init__(self) -> None:
        self.size = 0
        # the latest time that any entry bears, microseconds: a clock may have gone back since
        self.at = 0
        self.cases: dict[str, Account] = {}
        self.policy: str | None = None
        # digests of all policies that entries name
        self.policies: set[str] = set()
        # scope, value, whether it stands, and when it was set
        self.halts: dict[str, tuple[str, str | None, bool, int]] = {}
        # standing alarms, with the tier each raises to (None: it only tells)
        self.alarms: dict[str, str | None] = {}
        self.overflows = False
        # how many times its price a review counts
        # by agent; "": all others
        self.factors: dict[str, str] = {}
        # what is not ended: how often it may still be used (None: no limit), of what action, until when, and the
        # digest of its body
        self.grants: dict[str, tuple[int | None, str, int, str]] = {}
        # state of each promotion
        self.promotions: dict[str, str] = {}
        # roles and standing of each person the log let in
        self.people: dict[str, tuple[frozenset[str], bool]] = {}
        # keys that were not revoked: what each may do, and the digest of whose it is
        self.keys: dict[str, tuple[str, str]] = {}
        # webhooks that were not taken down, with the digest of what goes where
        self.webhooks: dict[str, str] = {}
        # digests of calibrators, by name and version
        self.calibrators: dict[tuple[str, int], str] = {}
        # restored from an older copy, and nobody has looked at it yet
        self.frozen = False
        # indexes of the entries with which an epoch says that it begins
        self.epochs: list[int] = []
        self.parks: dict[str, ParkAccount] = {}
        # index of the newest entry of each kind that is about the workspace itself; a kind: a type up to its point
        self.newest: dict[str, int] = {}
        # ids of entries that hold commitments → case
        self._committing: dict[str, str] = {}
        self._of_case: dict[str, Callable[[Account, Entry], None]] = {
            "proposal.revised": self._revised, "case.opened": self._opened, "case.escalated": self._escalated,
            "case.closed": self._closed, "claim.taken": self._taken, "claim.released": self._let_go,
            "claim.lapsed": self._let_go, "review.given": self._given, "review.withdrawn": self._withdrawn,
            "review.voided": self._voided, "decision.made": self._decided, "execution.started": self._started,
            "execution.finished": self._finished, "execution.unknown": self._unknown,
            "execution.settled": self._settled, "execution.voided": self._called_off,
            "outcome.recorded": self._outcome, "label.made": self._label,
        }  # fmt: skip
        self._of_log: dict[str, Callable[[Entry], None]] = {
            "policy.changed": self._policy_changed, "halt.set": self._halt_set, "halt.lifted": self._halt_lifted,
            "alarm.raised": self._alarm_raised, "alarm.lifted": self._alarm_lifted,
            "overflow.entered": self._overflow_entered, "overflow.left": self._overflow_left,
            "capacity.priced": self._capacity_priced,
            "grant.issued": self._grant_issued, "grant.ended": self._grant_ended,
            "promotion.proposed": self._promotion, "promotion.accepted": self._promotion,
            "promotion.declined": self._promotion, "promotion.ended": self._promotion,
            "epoch.opened": self._epoch_opened, "incident.flagged": self._incident,
            "calibrator.changed": self._calibrator_changed, "access.changed": self._access_changed,
            "value.erased": self._erased,
            "run.parked": self._run_parked, "run.woken": self._run_woken,
            "run.abandoned": self._run_abandoned, "run.retried": self._run_retried,
        }  # fmt: skip

    def feed(self, entry: Entry) -> None:
        """Take in the next entry."""
        self.at = max(self.at, from_iso(entry["at"]))
        if "policy" in entry:
            self.policies.add(entry["policy"]["digest"])
        named = entry.get("case", {}).get("id")
        if entry["type"] == "proposal.submitted" or entry.get("submitted"):
            self.cases[named] = _new(entry)
            self._use(entry.get("grant"))
        if not entry.get("fields", {}).keys() <= KEPT:
            self._committing[entry["id"]] = named
        if named is not None and named in self.cases:
            account = self.cases[named]
            account.idx = self.size
            account.commit(entry)
            if entry["type"] in self._of_case:
                self._of_case[entry["type"]](account, entry)
        elif entry["type"] in self._of_log:
            self.newest[entry["type"].partition(".")[0]] = self.size
            self._of_log[entry["type"]](entry)
        self.size += 1

    # --- a case's entries -------------------------------------------------------------------------

    def _revised(self, account: Account, entry: Entry) -> None:
        account.replaced += (account.revision,)
        account.revision, account.digest = entry["case"]["rev"], entry["action"]["digest"]

    def _opened(self, account: Account, entry: Entry) -> None:
        account.state = "open"
        account.reviewers = entry["reviewers"]
        account.deadline = from_iso(entry["deadline"]) if "deadline" in entry else None
        account.on_expiry = entry.get("on_expiry", "reject")
        account.soft = bool(entry.get("soft") or entry.get("spot"))
        account.excluded = tuple(entry["excluded"])

    def _escalated(self, account: Account, entry: Entry) -> None:
        account.reviewers = entry["reviewers"]
        account.deadline = from_iso(entry["deadline"]) if "deadline" in entry else account.deadline
        # one more opinion is asked of anybody: the case has not gone up
        account.escalations += entry.get("reason") != "second_opinion"
        account.claim = None

    def _closed(self, account: Account, entry: Entry) -> None:
        account.state = entry["to"]
        account.claim = None

    def _taken(self, account: Account, entry: Entry) -> None:
        account.fence = entry["fence"]
        account.claim = entry["fence"], entry["actor"]["pid"]

    def _let_go(self, account: Account, entry: Entry) -> None:
        if account.claim is not None and account.claim[0] == entry["fence"]:
            account.claim = None

    def _given(self, account: Account, entry: Entry) -> None:
        self._let_go(account, entry)
        account.reviews[entry["review"]] = TakenReview(
            reviewer=entry["actor"]["pid"], verdict=entry["verdict"], revision=entry["case"]["rev"],
            effective_at=from_iso(entry["effective"]), card=entry.get("card"), fence=entry["fence"],
            blind=bool(entry.get("blind")), body=entry.get("fields", {}).get(ANSWER),
        )  # fmt: skip

    def _withdrawn(self, account: Account, entry: Entry) -> None:
        account.reviews[entry["review"]].withdrawn = True

    def _voided(self, account: Account, entry: Entry) -> None:
        account.reviews[entry["review"]].voided = True

    def _decided(self, account: Account, entry: Entry) -> None:
        account.decision = entry["result"]
        account.decided_at = from_iso(entry["at"])
        account.decision_entry = entry["id"]
        if account.state == "open":
            account.state = entry["to"]
            account.claim = None

    def _started(self, account: Account, entry: Entry) -> None:
        account.execution, account.execution_fence = "started", entry["fence"]

    def _finished(self, account: Account, entry: Entry) -> None:
        account.execution, account.outcome = entry["result"], entry.get("outcome")

    def _unknown(self, account: Account, entry: Entry) -> None:
        account.execution = "unknown"

    def _settled(self, account: Account, entry: Entry) -> None:
        account.execution, account.happened = "settled", entry["happened"]

    def _called_off(self, account: Account, entry: Entry) -> None:
        account.execution, account.execution_fence = "voided", 1

    def _outcome(self, account: Account, entry: Entry) -> None:
        account.outcomes += 1

    def _label(self, account: Account, entry: Entry) -> None:
        account.labels += (entry["label"],)

    # --- the log's own ----------------------------------------------------------------------------

    def _policy_changed(self, entry: Entry) -> None:
        self.policy = entry["policy"]["digest"]

    def _halt_set(self, entry: Entry) -> None:
        halt = entry["halt"]
        # said again where a new epoch begins
        since = self.halts[halt["id"]][3] if halt["id"] in self.halts else from_iso(entry["at"])
        self.halts[halt["id"]] = halt["scope"], halt.get("value"), True, since

    def _halt_lifted(self, entry: Entry) -> None:
        id = entry["halt"]["id"]
        scope, value, _, at = self.halts[id]
        self.halts[id] = scope, value, False, at

    def _alarm_raised(self, entry: Entry) -> None:
        self.alarms[entry["alarm"]["id"]] = entry["alarm"].get("tier")

    def _alarm_lifted(self, entry: Entry) -> None:
        self.alarms.pop(entry["alarm"]["id"], None)

    def _overflow_entered(self, entry: Entry) -> None:
        self.overflows = True

    def _overflow_left(self, entry: Entry) -> None:
        self.overflows = False

    def _capacity_priced(self, entry: Entry) -> None:
        self.factors[entry["capacity"].get("agent", "")] = entry["capacity"]["factor"]

    def _use(self, grant: str | None) -> None:
        found = None if grant is None else self.grants.get(grant)
        if grant is not None and found is not None and found[0] is not None:
            self.newest["grant"] = self.size
            self.grants[grant] = found[0] - 1, *found[1:]

    def _grant_issued(self, entry: Entry) -> None:
        made = entry["grant"]
        self.grants[made["id"]] = made.get("uses"), made["action"], from_iso(made["expires"]), made["digest"]

    def _promotion(self, entry: Entry) -> None:
        self.promotions[entry["promotion"]["id"]] = entry["type"].partition(".")[2]

    def _grant_ended(self, entry: Entry) -> None:
        self.grants.pop(entry["grant"]["id"], None)

    def _calibrator_changed(self, entry: Entry) -> None:
        made = entry["calibrator"]
        self.calibrators[made["name"], made["version"]] = made["digest"]

    def _epoch_opened(self, entry: Entry) -> None:
        self.epochs.append(self.size)

    def _incident(self, entry: Entry) -> None:
        if entry["incident"]["code"] == "older_copy_restored":
            self.frozen = True
        elif entry["incident"]["code"] == "restore_acknowledged":
            self.frozen = False

    def _access_changed(self, entry: Entry) -> None:
        access = entry["access"]
        if entry.get("what", "").startswith("person"):
            self.people[access["pid"]] = frozenset(access["roles"]), access.get("active", True)
        elif entry.get("what") == "key_made":
            self.keys[access["pid"]] = ",".join(entry["scopes"]), access["digest"]
        elif entry.get("what") == "key_revoked":
            self.keys.pop(access["pid"], None)
        elif entry.get("what") == "webhook_added":
            self.webhooks[access["pid"]] = access["digest"]
        elif entry.get("what") == "webhook_removed":
            self.webhooks.pop(access["pid"], None)

    def _erased(self, entry: Entry) -> None:
        for id in entry["entries"]:
            case = self._committing.get(id)
            if case in self.cases:
                self.cases[case].erased = True

    def _run_parked(self, entry: Entry) -> None:
        said = entry["park"]
        self._end_park(entry.get("supersedes"), "superseded")
        self.parks[said["id"]] = ParkAccount(
            run=said["run"], framework=said["framework"], wakes=said["wakes"], cases=tuple(sorted(entry["cases"])),
            state=said.get("state"), idx=self.size,
        )  # fmt: skip

    def _run_woken(self, entry: Entry) -> None:
        result = entry["result"]
        self._end_park(entry["park"]["id"], None if result == "released" else result)

    def _run_abandoned(self, entry: Entry) -> None:
        self._end_park(entry["park"]["id"], "abandoned")

    def _run_retried(self, entry: Entry) -> None:
        self._end_park(entry["park"]["id"], None)

    def _end_park(self, id: str | None, ending: str | None) -> None:
        if id is not None and id in self.parks:
            self.parks[id].ending, self.parks[id].idx = ending, self.size


def _new(entry: Entry) -> Account:
    # one text for what many entries name: accounts of a million cases lie in memory
    return Account(
        action=intern(entry["action"]["name"]), digest=entry["action"]["digest"],
        policy=intern(entry["policy"]["digest"]), tier=intern(entry["tier"]), agent=_interned(entry.get("agent")),
        run=_interned(entry.get("run")), undoes=entry.get("undoes"),
        tool_class=intern(entry.get("tool_class", "unsafe")),
    )  # fmt: skip


def _interned(name: str | None) -> str | None:
    return None if name is None else intern(name)
