"""The burst of golds at a session's start: half of them wrong, and after each answer the reviewer hears what is right.

Where little is wrong, wrong cases are overlooked (Wolfe 2005: 30 % missed at 1 in 100); a short run in which half are,
with feedback, helps. Who takes his next case is given such golds first, for the action whose turn it is. They are known
to be golds, so they count for nothing: no scorecard, no test, no label, no view. The same ones come again: a reviewer
uses up at most two bursts' worth of the pool for each action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, parse
from handrail.errors import HandrailError, InvalidInput
from handrail.intake import proposal_from
from handrail.learning.golds import Known, known, value_of, was_right
from handrail.learning.labels import proposed
from handrail.lifecycle import bursts, golds, halt, policies, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.proposal import Proposal
from handrail.store import golds as tables
from handrail.store import schema, statements
from handrail.store.tx import Tx

# begins the key of each such case, and says there who was given it
BURST = tables.BURST


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a reviewer hears after answering one of the burst."""

    # None: he abstained
    right: bool | None
    # approve or reject, for what is done; None for a question
    says: str | None
    # the right answer, where it is told
    answer: JSON

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire."""
        return {"right": self.right, "says": self.says, "answer": self.answer}


def draw(tx: Tx, actor: Actor, beside: str, rest: int) -> CaseRow | None:
    """The next gold of this person's burst, opened for him beside a case; None where none is due.

    `rest`: microseconds without an answer after which a new session begins.
    """
    settings = policies.in_force(tx, actor.workspace).review_settings
    space = tx.workspace(actor.workspace)
    if not settings.gold_share or not settings.gold_burst or space.frozen:
        return None
    row = rows.proposal(tx, actor.workspace, beside)
    stint = tx.one(statements.stint_get, workspace=actor.workspace, person=actor.pid)
    goes_on = stint is not None and tx.now - stint[1] < rest
    prefix = f"{BURST}{actor.pid}:"
    given = [
        each[0] for each in tx.run(
            tables.burst_given, workspace=actor.workspace, prefix=prefix, length=len(prefix),
            since=(stint[0] if goes_on and stint is not None else tx.now) - rest,
        )
    ]  # fmt: skip
    if len(given) >= settings.gold_burst:
        return None
    key = f"{prefix}{tx.now:x}{tx.new_id()[-8:]}"
    chosen = golds.uniform(space.secret, "burst", key)
    picked = _pick(tx, row, actor, given, settings.gold_burst, chosen)
    if picked is None:
        return None
    gold, record = picked
    agent = record.get("agent", row.record().get("agent"))
    if halt.standing(tx, actor.workspace, agent=agent, action=row.action, run=None) is not None:
        return None
    command = golds.Draw(workspace=actor.workspace, case_id=beside)
    try:
        case_id = golds.open_beside(tx, command, record, key)
    except HandrailError:
        # in the looks of this case it is no proposal
        return None
    for waiting in tx.run(tables.gold_waiting, gold=gold):
        # he learns what is right, so he does not meet it as a silent one
        tx.run(statements.excluded_put, case_id=waiting[0], person=actor.pid, why="reviewed")
    tx.add(schema.gold_case, drawn_by=key, workspace=actor.workspace, gold=gold, case_id=case_id, at=tx.now)
    return rows.case(tx, actor.workspace, case_id)


def is_of_burst(proposal: Proposal) -> bool:
    """Whether this is a gold that its reviewer knows to be one."""
    return proposal.gold is not None and (proposal.key or "").startswith(BURST)


def heard(row: ProposalRow, person: str, verdict: str, body: JSON) -> Heard | None:
    """What to tell who answered, if this is one of his burst."""
    record = row.record()
    if bursts.opened_for(record) != person:
        return None
    proposal = proposal_from(record)
    truth, suggested = _truth(proposal), proposed(proposal)
    answers = truth.says not in ("approve", "reject")
    return Heard(
        right=was_right(truth, verdict, body, suggested, proposal.kind), says=None if answers else truth.says,
        answer=value_of(truth.answer if truth.answer is not None or not answers else truth.says),
    )  # fmt: skip


def _pick(
    tx: Tx, row: ProposalRow, actor: Actor, given: list[str], burst: int, chosen: float
) -> tuple[str, dict[str, Any]] | None:
    """A gold that this burst has not shown, from the half whose turn `chosen` says it is; None where the pool lacks one
    of the halves.
    """
    halves: dict[bool, list[tuple[str, dict[str, Any], bool]]] = {True: [], False: []}
    for gold, data, known_to_him in tx.run(
        tables.burst_pool, workspace=row.workspace, action=row.action, kind=row.record().get("kind", "action"),
        person=actor.pid,
    ):  # fmt: skip
        record: dict[str, Any] = parse(bytes(data))
        try:
            bad = _truth(golds.sound(record)).model_right is False
        except InvalidInput:
            continue
        halves[bad].append((gold, record, bool(known_to_him)))
    # as large as both halves allow
    size = min(burst // 2, len(halves[True]), len(halves[False]))
    left = {bad: size - sum(each[0] in given for each in halves[bad]) for bad in halves}
    if left[True] + left[False] <= 0 or min(left.values()) < 0:
        return None
    bad = chosen * (left[True] + left[False]) < left[True]
    fresh = [each for each in halves[bad] if each[0] not in given]
    old = [each for each in fresh if each[2]]
    # what he knows comes again, once it is enough to choose among
    usable = old if sum(each[2] for each in halves[bad]) >= burst else [each for each in fresh if not each[2]] or old
    if not usable:
        return None
    # the digits below those that chose the half
    gold, record, _ = usable[int(chosen * 8191.0 % 1.0 * len(usable))]
    return gold, record


def _truth(proposal: Proposal) -> Known:
    return known(proposal.gold, proposed(proposal), proposal.kind)
