"""Tells logs: well-formed entries in an order that keeps every rule, unless a test breaks one."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from handrail.audit.checkpoint import next_epoch
from handrail.audit.log import MemoryLog
from handrail.audit.note import SigningKey
from handrail.canonical import dumps
from handrail.clock import SECOND, iso

LOG = "example.com/pay"
START = 1_790_000_000 * SECOND
NEXT_KEY = SigningKey(name=LOG, seed=bytes(range(2, 34))).verifier
POLICY = {"name": "pay", "digest": sha256(b"policy").hexdigest()}

Entry = dict[str, Any]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def person(pid: str) -> dict[str, str]:
    return {"kind": "person", "pid": pid}


SYSTEM = {"kind": "system", "pid": "handrail"}
BY_POLICY = {"kind": "policy", "pid": "pay"}
AGENT = {"kind": "agent", "pid": "billing"}


class Story:
    """Entries in the making. Every method appends; time passes a second an entry."""

    def __init__(self, *, policy: bool = True, start: int = START, log: str = LOG) -> None:
        self.log = log
        self.entries: list[Entry] = []
        self.now = start
        self._ids = 0
        if policy:
            self.add("policy.changed", person("p_admin"), policy=POLICY)

    def id(self) -> str:
        self._ids += 1
        return f"0190{self._ids & 0xFFFF:04x}-0000-7000-8000-{self._ids:012x}"

    def time(self, seconds: float = 0) -> str:
        return iso(self.now + int(seconds * SECOND))

    def add(self, type: str, actor: dict[str, str], **fields: Any) -> Entry:
        self.now += SECOND
        entry = {"v": 1, "log": self.log, "id": self.id(), "type": type, "at": self.time(), "actor": actor}
        # `from` cannot be a Python argument
        entry |= {name.rstrip("_"): value for name, value in fields.items() if value is not None}
        self.entries.append(entry)
        return entry

    def submit(self, case: str | None = None, /, *, tier: str = "hard_gate", **fields: Any) -> str:
        case = case or self.id()
        action = {"name": "payment_transfer", "digest": digest(case)}
        body: dict[str, Any] = {"case": {"id": case, "rev": 1}, "action": action, "policy": POLICY, "tier": tier}
        self.add("proposal.submitted", AGENT, **(body | fields))
        return case

    def auto(self, case: str | None = None, /, *, result: str = "approved", **fields: Any) -> str:
        case = case or self.id()
        body: dict[str, Any] = {
            "case": {"id": case, "rev": 1},
            "action": {"name": "payment_transfer", "digest": digest(case)},
            "policy": POLICY,
            "tier": "auto_approve",
            "from_": "new",
            "to": "decided",
            "result": result,
            "submitted": True,
        }
        self.add("decision.made", BY_POLICY, **(body | fields))
        return case

    def open(self, case: str, *, reviewers: int = 1, **fields: Any) -> None:
        body: dict[str, Any] = {"tier": "hard_gate", "excluded": ["p_ann"], "from_": "new", "to": "open"}
        self.add("case.opened", SYSTEM, case={"id": case}, reviewers=reviewers, **(body | fields))

    def claim(self, case: str, pid: str, fence: int, seconds: float = 600) -> None:
        self.add("claim.taken", person(pid), case={"id": case}, fence=fence, expires=self.time(seconds))

    def review(self, case: str, pid: str, fence: int, verdict: str = "approve", *, rev: int = 1, **fields: Any) -> str:
        review = self.id()
        actor = fields.pop("actor", person(pid))
        body: dict[str, Any] = {
            "case": {"id": case, "rev": rev},
            "review": review,
            "verdict": verdict,
            "fence": fence,
            "card": digest("card " + case),
            "effective": self.time(6),
            "action": {"digest": digest(case)},
        }
        self.add("review.given", actor, **(body | fields))
        return review

    def judge(self, case: str, pid: str, fence: int, verdict: str = "approve", **fields: Any) -> str:
        """A claim and a review under it, and the wait until it counts."""
        self.claim(case, pid, fence)
        review = self.review(case, pid, fence, verdict, **fields)
        self.now += 6 * SECOND
        return review

    def decide(self, case: str, reviews: list[str] | None, result: str = "approved", /, **fields: Any) -> None:
        body: dict[str, Any] = {
            "case": {"id": case, "rev": 1},
            "action": {"name": "payment_transfer", "digest": digest(case)},
            "from_": "open",
            "to": "decided",
        }
        actor = fields.pop("actor", person("p_7"))
        self.add("decision.made", actor, result=result, reviews=reviews, **(body | fields))

    def start(self, case: str, fence: int = 1, **fields: Any) -> None:
        action = fields.pop("action", {"name": "payment_transfer", "digest": digest(case)})
        expires = fields.pop("expires", self.time(60))
        self.add("execution.started", SYSTEM, case={"id": case}, action=action, fence=fence, expires=expires)

    def finish(self, case: str, fence: int = 1, result: str = "succeeded") -> None:
        self.add("execution.finished", SYSTEM, case={"id": case}, fence=fence, result=result, outcome=digest("done"))

    def approved(self, *, reviewers: int = 1) -> str:
        """A case approved by as many people as it needs."""
        case = self.submit()
        self.open(case, reviewers=reviewers)
        reviews = [self.judge(case, f"p_{at}", at + 1) for at in range(reviewers)]
        self.decide(case, reviews)
        return case

    def park(self, *cases: str, run: str | None = None, wakes: str = "all", **fields: Any) -> str:
        id = self.id()
        park = {"id": id, "run": run or f"run-{id}", "framework": "langgraph", "wakes": wakes, "state": digest(id)}
        self.add("run.parked", AGENT, park=park, cases=list(cases), **fields)
        return id

    def wake(self, park: str, fence: int = 1, result: str = "woken") -> None:
        self.add("run.woken", AGENT, park={"id": park}, fence=fence, result=result)

    def bytes(self) -> list[bytes]:
        return [dumps(entry) for entry in self.entries]


def clean_story(cases: int = 1) -> Story:
    """A log in which everything happens that may happen."""
    story = Story()
    story.add("access.changed", person("p_admin"), access={"pid": "p_0", "roles": ["finance"]})
    for _ in range(cases):
        one_of_each(story)
    return story


def whole_story() -> Story:
    """A log of entries of every type: a clean one that goes on from an earlier epoch."""
    story = later_story()
    one_of_each(story)
    return story


def later_story(before: MemoryLog | None = None, signed: int = 7) -> Story:
    """The beginning of the next epoch: after a copy of the log was put back of which so many were signed."""
    story = Story(policy=False, log=next_epoch(LOG), start=START + 3600 * SECOND)
    held = {"size": before.size, "root": before.root().hex()} if before else {"size": 5, "root": digest("held")}
    story.add(
        "epoch.opened", person("p_admin"), epoch={"origin": LOG, "size": signed, "root": digest("signed")}, held=held,
        reason="restored",
    )  # fmt: skip
    story.add("policy.changed", person("p_admin"), policy=POLICY)
    return story


def one_of_each(story: Story) -> None:
    """Each way a case may go, once, and what happens beside cases."""
    # let through, executed, its outcome and label known
    case = story.auto(run="run-1", agent="billing")
    story.start(case)
    story.finish(case)
    story.add("outcome.recorded", SYSTEM, case={"id": case}, outcome=digest("chargeback"))
    story.add("label.made", SYSTEM, case={"id": case}, label=story.id())
    # spot check afterwards
    story.open(case, spot=True, tier="auto_approve")
    story.judge(case, "p_2", 1)
    story.add("case.closed", SYSTEM, case={"id": case}, from_="open", to="reviewed", result="confirmed")
    # refused by policy
    story.auto(tier="deny", result="rejected")
    story.add("proposal.refused", AGENT, reason="action_unknown")
    parked_runs(story)
    watched(story)
    earned(story)
    taught(story)
    kept(story)
    # soft review that objects; never executed; undone is another proposal
    case = story.auto(tier="soft_review")
    story.open(case, soft=True, tier="soft_review")
    story.judge(case, "p_3", 1, "reject")
    story.add("case.closed", SYSTEM, case={"id": case}, from_="open", to="reviewed", result="objected")
    story.add("execution.voided", SYSTEM, case={"id": case}, reason="objected")
    story.submit(undoes=case)
    # two people, one of whom takes back an answer first; tried again under the next fence
    case = story.submit()
    story.open(case, reviewers=2, deadline=story.time(3600), roles=["finance"])
    story.add("access.changed", person("p_admin"), access={"pid": "p_1", "roles": ["finance", "lead"]})
    story.claim(case, "p_0", 1)
    wrong = story.review(case, "p_0", 1, "reject")
    story.add("review.withdrawn", person("p_0"), case={"id": case}, review=wrong)
    first = story.review(case, "p_0", 1)
    story.add("claim.released", person("p_0"), case={"id": case}, fence=1)
    story.add("case.escalated", SYSTEM, case={"id": case}, from_="open", to="open", reviewers=2, reason="slow")
    second = story.judge(case, "p_1", 2)
    story.decide(case, [first, second], card=digest("card " + case))
    story.start(case, 1, expires=story.time(10))
    story.now += 60 * SECOND
    story.start(case, 2)
    story.finish(case, 2, "failed")
    # edited: the edit makes revision 2 and counts for it
    case = story.submit()
    story.open(case)
    edit = story.judge(case, "p_4", 1, "edit")
    action = {"name": "payment_transfer", "digest": digest("edited " + case)}
    story.add("proposal.revised", person("p_4"), case={"id": case, "rev": 2}, action=action, cause=edit)
    story.decide(case, [edit], case={"id": case, "rev": 2}, action=action, edited=True)
    story.start(case, action=action)
    story.add("execution.unknown", SYSTEM, case={"id": case}, fence=1)
    story.add("execution.settled", person("p_5"), case={"id": case}, happened=True)
    # two people make the same edit; a claim ends when the case goes up; a soft case is confirmed by an answer
    case = story.submit()
    story.open(case, reviewers=2)
    story.claim(case, "p_9", 1)
    story.add("access.changed", person("p_admin"), access={"pid": "p_1", "roles": ["lead"]})
    story.add(
        "case.escalated", SYSTEM, case={"id": case}, from_="open", to="open", reviewers=2, reason="conflict",
        roles=[], among=["lead"],
    )  # fmt: skip
    edits = [story.judge(case, "p_1", 2, "edit"), story.judge(case, "p_2", 3, "edit")]
    action = {"name": "payment_transfer", "digest": digest("same " + case)}
    body = {"case": {"id": case, "rev": 2}, "action": action}
    story.add("proposal.revised", person("p_1"), **body, cause=edits[0], also=edits[1:])
    story.decide(case, edits, **body)
    case = story.auto(tier="soft_review")
    story.open(case, soft=True, tier="soft_review")
    story.judge(case, "p_3", 1, "respond")
    story.add("case.closed", SYSTEM, case={"id": case}, from_="open", to="reviewed", result="confirmed")
    # nobody came in time; cancelled; answered; sent elsewhere
    case = story.submit()
    story.open(case, deadline=story.time(5))
    story.claim(case, "p_6", 1, 2)
    story.now += 5 * SECOND
    story.add("claim.lapsed", SYSTEM, case={"id": case}, fence=1)
    story.decide(case, None, "expired", actor=SYSTEM)
    case = story.submit()
    story.open(case)
    story.decide(case, None, "cancelled", actor=AGENT)
    for verdict, result in (("respond", "responded"), ("redirect", "redirected"), ("reject", "rejected")):
        case = story.submit()
        story.open(case, reviewers=1)
        story.decide(case, [story.judge(case, "p_8", 1, verdict)], result)
    # spelled-out approval on expiry
    case = story.submit()
    story.open(case, deadline=story.time(5), on_expiry="unsafe_approve")
    story.now += 5 * SECOND
    story.decide(case, None, actor=SYSTEM)
    # a halt that comes and goes, a grant that is used and ends, a policy that changes
    halt = story.id()
    story.add("halt.set", person("p_lead"), halt={"id": halt, "scope": "agent", "value": "other"})
    story.start(story.approved())
    story.add("halt.lifted", person("p_lead"), halt={"id": halt})
    grant = story.id()
    story.add(
        "grant.issued",
        person("p_lead"),
        grant={"id": grant, "action": "payment_transfer", "expires": story.time(100)},
    )
    story.auto(grant=grant)
    story.add("grant.ended", SYSTEM, grant={"id": grant})
    other = {"name": "pay", "digest": digest("tighter")}
    story.add("policy.changed", person("p_admin"), policy=other)
    story.auto(policy=other)
    story.auto()  # routed by the replaced policy a second later: another replica
    story.add("policy.changed", person("p_admin"), policy=POLICY)
    # the clock is set back, and says so
    before = story.time()
    story.now -= 3600 * SECOND
    story.add("clock.jumped", SYSTEM, before=before)
    erased = story.entries[3]["id"]
    story.add("value.erased", person("p_admin"), entries=[erased], paths=["/arguments/to"], basis="gdpr-17")


def parked_runs(story: Story) -> None:
    """Each way a parked run may go, once."""
    first, other = story.approved(), story.submit()
    story.wake(story.park(first, other, wakes="any"))
    # fails until it is given up, is tried again, and goes through
    park = story.park(first)
    story.wake(park, 1, "released")
    story.wake(park, 2, "failed")
    story.add("run.retried", SYSTEM, park={"id": park})
    story.wake(park, 3)
    # goes on without its answer, and is given up at last
    run = story.id()
    park = story.park(other, run=run)
    park = story.park(first, run=run, supersedes=park)
    story.add("run.abandoned", AGENT, park={"id": park})


def watched(story: Story) -> None:
    """An alarm that holds proposals back until it is lifted with evidence, one that only tells, an overflow."""
    action = "payment_transfer"
    alarm = {"id": story.id(), "monitor": "error", "n": 90, "log_e": "4.61", "line": "4.61", "action": action}
    story.add("alarm.raised", SYSTEM, alarm=alarm | {"tier": "hard_gate"})
    story.now += 120 * SECOND
    case = story.submit()
    story.add("proposal.routed", SYSTEM, case={"id": case}, tier="hard_gate", policy=POLICY)
    certificate = {"checks": 59, "wrong": 0, "limit": "0.05", "delta": "0.1"}
    lifted = {"id": alarm["id"], "action": action}
    story.add("alarm.lifted", person("p_lead"), alarm=lifted, certificate=certificate)
    story.auto()
    told = {"id": story.id(), "monitor": "share", "n": 12, "log_e": "5.1", "line": "4.61"}
    story.add("alarm.raised", SYSTEM, alarm=told)
    story.add("alarm.lifted", person("p_lead"), alarm={"id": told["id"]})
    full = {"open": 40, "limit": 40}
    story.add("overflow.entered", SYSTEM, overflow=full | {"soft_review": "proceed", "hard_gate": "queue"})
    story.add("overflow.left", SYSTEM, overflow=full | {"open": 3})
    story.add("capacity.priced", SYSTEM, capacity={"factor": "1.5", "before": "1", "asked": 140})
    priced = {"factor": "1.2500", "before": "1.0000", "asked": 130, "reviews_per_day": "120"}
    story.add("capacity.priced", SYSTEM, capacity=priced)
    story.add("capacity.priced", SYSTEM, capacity=priced | {"agent": "mailer"})
    story.add(
        "incident.flagged", person("p_lead"), incident={"id": "inc-1", "code": "wrong_account"}, case={"id": case}
    )
    story.add("reviewer.flagged", SYSTEM, reviewer={"pid": "p_9", "code": "golds", "n": 20})
    story.add("reviewer.cleared", SYSTEM, reviewer={"pid": "p_9", "code": "golds"})


def earned(story: Story) -> None:
    """Autonomy proposed and declined; proposed, accepted, used and taken back; its cell begins anew."""
    cell = story.id()
    story.add("cell.laid", SYSTEM, cells={"action": "payment_transfer", "count": 3, "digest": digest("cells")})
    refused, taken = ({"id": story.id(), "action": "payment_transfer", "cell": cell} for _ in range(2))
    story.add("promotion.proposed", SYSTEM, promotion=refused)
    story.add("promotion.declined", person("p_lead"), promotion=refused)
    story.add("promotion.proposed", SYSTEM, promotion=taken)
    grant = {"id": story.id(), "action": "payment_transfer", "expires": story.time(1000), "promotion": taken["id"]}
    story.add("grant.issued", person("p_lead"), grant=grant)
    story.add("promotion.accepted", person("p_lead"), promotion=taken | {"grant": grant["id"]})
    story.auto(grant=grant["id"])
    story.add("grant.ended", SYSTEM, grant={"id": grant["id"]})
    story.add("promotion.ended", SYSTEM, promotion=taken, reason="severe_miss")
    story.add("cell.restarted", SYSTEM, cell={"id": cell, "action": "payment_transfer", "round": 2})


def taught(story: Story) -> None:
    """Labels become a model, a calibrator and golds; people are asked in rounds."""
    action, learning = "payment_transfer", story.id()
    story.add("training.due", SYSTEM, training={"action": action, "labels": 200})
    story.add("training.done", SYSTEM, training={"action": action, "round": 1, "outcome": digest("error")})
    calibrator = {"name": action, "version": 1, "digest": digest("calibrator")}
    story.add("calibrator.changed", SYSTEM, calibrator=calibrator)
    story.add("gold.changed", person("p_lead"), gold={"id": story.id(), "action": action, "state": "added"})
    story.add("learning.begun", AGENT, learning={"id": learning, "action": action, "terms": digest("terms")})
    asked = {"id": learning, "round": 1, "size": 10, "picks": digest("picks")}
    story.add("learning.asked", AGENT, learning=asked)
    story.add("learning.ended", AGENT, learning={"id": learning, "rounds": 1})


def kept(story: Story) -> None:
    """Who looked, who was turned away, an answer that counts no longer, and the log's own keys."""
    case = story.submit()
    story.open(case)
    story.claim(case, "p_9", 1)
    review = story.review(case, "p_9", 1)
    story.add("review.voided", SYSTEM, case={"id": case}, review=review, reason="left")
    story.add("access.refused", person("p_9"), case={"id": case}, verb="approve", reason="inactive")
    story.add("value.viewed", person("p_lead"), entries=[story.entries[0]["id"]], paths=["/arguments/to"])
    story.add("export.made", person("p_lead"), export={"size": 12, "openings": 1})
    story.add("key.rotated", person("p_admin"), key={"vkey": NEXT_KEY.text})
    story.add("key.revoked", person("p_admin"), key={"id": NEXT_KEY.key_id.hex()}, reason="stolen")
