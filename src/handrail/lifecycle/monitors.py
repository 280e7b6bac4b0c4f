"""Monitors: fed by what happened, in the order of the draws; an alarm raises tiers at once, a person lifts it.

A check enters when it and all drawn before it are in, or at its deadline, never in the order in which answers come:
objections come back faster than approvals. An error that one person alleges is in once a second confirms it; but an
alarm does not wait for that where what is alleged would raise it. A check's verdict is written down in the transaction
that changes the monitors, so that a crash loses and doubles nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from handrail.calibration.monitors.alarm import level_each, line
from handrail.calibration.monitors.below import log_e_below
from handrail.calibration.neyman import doubt
from handrail.canonical import JSON, dumps
from handrail.clock import SECOND
from handrail.errors import Conflict, Forbidden, InvalidInput, NotEnoughEvidence, NotFound
from handrail.lifecycle import capacity, policies, watching
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.earned import needed
from handrail.lifecycle.fed import Fed, MonitorRow, alarm_line, id_at, method
from handrail.policy.evaluate import Policy
from handrail.policy.monitoring import OF_ERRORS, Wanted, error_limit, raises_to, wanted
from handrail.store import monitors as tables
from handrail.store import schema, statements
from handrail.store.tx import Tx

# checks of an action, and cases of the stream, taken in at once
CHECKS, CASES = 500, 2000
# nothing older than this is still being written
SETTLED = 10 * SECOND
# chance that an alarm is lifted although the error is still at its limit
DELTA = 0.1
# uniform checks that say how much doubt is usual
DOUBTS, LEAST_DOUBTS = 500, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one feeding did: cases taken in, and the alarms it raised."""

    cases: int = 0
    alarms: tuple[str, ...] = ()


def feed(tx: Tx, workspace: str) -> Took:
    """Begin what the policy in force asks for, take in what is due, and alarm. Repeating it does no harm."""
    tx.run(tables.monitor_own, workspace=workspace)
    policy = policies.in_force(tx, workspace)
    live = [Fed(row) for row in _agreed(tx, workspace, policy)]
    cases = sum(_checks(tx, workspace, action, live) for action in _actions(policy, live))
    cases += _stream(tx, workspace, live)
    raised = []
    for fed in live:
        if fed.changed:
            _keep(tx, fed)
        if fed.alarmed and fed.row.alarmed_at is None:
            raised.append(fed)
    _alarm(tx, workspace, policy, raised)
    _weigh(tx, workspace, policy)
    return Took(cases=cases, alarms=tuple(fed.row.id for fed in raised))


# --- which monitors there are ---------------------------------------------------------------------


def _agreed(tx: Tx, workspace: str, policy: Policy) -> list[MonitorRow]:
    """The live monitors, made to agree with the policy. One that alarmed stands until a person lifts it."""
    asked: dict[tuple[str, str], dict[str, Any]] = {
        (one.action, one.kind): _terms(one, policy) for one in wanted(policy.document)
    }
    found = [MonitorRow._make(row) for row in tx.run(tables.monitor_live, workspace=workspace)]
    level = level_each(len(asked), policy.document.monitors.level)
    kept = []
    for row in found:
        terms = asked.pop((row.action, row.kind), None)
        if row.alarmed_at is None and terms != row.said():
            tx.run(tables.monitor_end, id=row.id, now=tx.now)
            if terms is not None:
                kept.append(_begin(tx, workspace, row.action, row.kind, terms, level))
            continue
        at = row.line if terms is None else alarm_line(row.kind, terms, level)
        if row.alarmed_at is None and at != row.line:
            tx.run(tables.monitor_line, id=row.id, line=at)
            row = row._replace(line=at)
        kept.append(row)
    for (action, kind), terms in asked.items():
        kept.append(_begin(tx, workspace, action, kind, terms, level))
    return kept


def _terms(one: Wanted, policy: Policy) -> dict[str, Any]:
    every = policy.document.monitors.checks_between_false_alarms
    return one.terms if every is None else one.terms | {"every": every}


def _begin(tx: Tx, workspace: str, action: str, kind: str, terms: dict[str, Any], level: float) -> MonitorRow:
    made = method(kind, terms)
    state = made.start()
    streams = kind in ("share_above", "share_below", "scores")
    row = MonitorRow(
        id=tx.new_id(), workspace=workspace, action=action, kind=kind, terms=dumps(terms), state=dumps(state),
        curve=dumps([[0, 0.0]]), n=0, log_e=0.0, line=alarm_line(kind, terms, level),
        seen=id_at(tx.now) if streams else None, begun_at=tx.now, updated_at=tx.now, alarmed_at=None, lifted_at=None,
        lifted_by=None, certificate=None, ended_at=None,
    )  # fmt: skip
    tx.add(schema.monitor, **row._asdict())
    return row


# --- what they take in ----------------------------------------------------------------------------


def _actions(policy: Policy, live: list[Fed]) -> list[str]:
    """Every action that may have checks, also one that the policy names no more."""
    named = {entry.action_type for entry in policy.document.escalation_policies}
    return sorted(named | {fed.row.action for fed in live if fed.row.action})


def _checks(tx: Tx, workspace: str, action: str, live: list[Fed]) -> int:
    mine = [fed for fed in live if fed.row.action == action]
    taken = 0
    # how they would stand if what is alleged were confirmed
    supposed: list[Fed] | None = None
    for row in tx.run(tables.check_waiting, workspace=workspace, action=action, now=tx.now, limit=CHECKS):
        case_id, stream, pi, confidence, raised = row[:5]
        verdict = verdict_of(row, tx.now)
        if verdict is None:
            # nothing drawn after it may overtake it
            break
        if verdict == "alleged" and supposed is None:
            supposed = [copy(fed) for fed in mine]
        if supposed is None:
            tx.run(tables.check_enter, workspace=workspace, action=action, case_id=case_id, verdict=verdict)
            taken += 1
        if not raised and verdict != "unclear":
            for fed in mine if supposed is None else supposed:
                fed.check(stream, pi, confidence, verdict != "right")
    for fed, other in zip(mine, supposed or (), strict=False):
        if other.alarmed and not fed.alarmed:
            fed.alarm_as(other)
    return taken


def verdict_of(row: Any, now: int) -> str | None:
    """What became of a check: `right`, `wrong`, `expired`, `unclear`; `alleged`: wrong, if a second person confirms it;
    None: it is not known yet.
    """
    state, deadline, _, decision, outcome, agreed, labels, objections = row[5:13]
    if outcome is not None and not outcome:
        return "wrong"
    # outcomes may come from the very program that is checked: they clear it of nothing that a person objected to
    if outcome and not objections and (agreed is None or agreed):
        return "right"
    if state == "open":
        if deadline is not None and deadline < now:
            return "expired"
        return "alleged" if objections else None
    if state is None or decision == "cancelled":
        return "unclear"
    if agreed is not None:
        return "right" if agreed else "wrong"
    # closed and nobody said anything: its time ran out
    return "unclear" if labels else "expired"


def _stream(tx: Tx, workspace: str, live: list[Fed]) -> int:
    """What watches the whole stream of proposals, each from where it stopped."""
    until, taken = id_at(tx.now - SETTLED), 0
    for start in sorted({fed.seen for fed in live if fed.seen is not None}):
        mine = [fed for fed in live if fed.seen == start]
        rows = tx.run(tables.stream_after, workspace=workspace, seen=start, until=until, limit=CASES)
        taken += len(rows)
        for case_id, action, tier, confidence in rows:
            number = None if confidence is None else float(confidence)
            for fed in mine:
                if fed.row.action in ("", action):
                    fed.proposal(case_id, tier, number)
        if rows:
            for fed in mine:
                fed.seen, fed.changed = rows[-1][0], True
    return taken


def _keep(tx: Tx, fed: Fed) -> None:
    fed.mark()
    tx.run(
        tables.monitor_feed, id=fed.row.id, state=dumps(fed.state), curve=dumps(fed.curve), n=fed.state["n"],
        log_e=max(-1e300, fed.log_e), seen=fed.seen, now=tx.now,
        alarmed_at=tx.now if fed.alarmed and fed.row.alarmed_at is None else fed.row.alarmed_at,
    )  # fmt: skip


# --- alarms ---------------------------------------------------------------------------------------


def _alarm(tx: Tx, workspace: str, policy: Policy, raised: list[Fed]) -> None:
    if not raised:
        return
    # after every submission that looked before this, and before every one that will
    tx.run(statements.workspace_own, workspace=workspace)
    watch = watching.of(tx, workspace)
    alarms = {action: list(standing) for action, standing in watch.alarms.items()}
    for fed in raised:
        row, tier = fed.row, raises_to(policy.document, fed.row.kind)
        if tier is not None:
            text = in_words(row.kind, row.action, fed.terms, fed.state)
            alarms.setdefault(row.action, []).append({"id": row.id, "kind": row.kind, "tier": tier, "text": text})
        tx.entry(workspace, "alarm.raised", SYSTEM.entry(), alarm=_told(row, tier, fed.state["n"], fed.log_e))
    watching.put(tx, workspace, watching.with_alarms(watch, alarms))


def _told(row: MonitorRow, tier: str | None, n: int, log_e: float) -> dict[str, JSON]:
    made: dict[str, JSON] = {
        "id": row.id, "monitor": row.kind, "n": n, "log_e": f"{log_e:.3f}",
        "line": f"{row.line:.3f}",
    }  # fmt: skip
    return made | _where(row) | ({} if tier is None else {"tier": tier})


def _where(row: MonitorRow) -> dict[str, JSON]:
    """The action; nothing for the whole workspace."""
    return {"action": row.action} if row.action else {}


def in_words(kind: str, action: str, terms: dict[str, Any], state: dict[str, Any]) -> str:
    """Why it alarms, for the card of every case that it raises."""
    n, what = state["n"], action or "this workspace"
    if kind == "error":
        were = "were wrong, some of them only alleged when it was raised" if state.get("alleged") else "were wrong"
        return f"An alarm stands: {state['k']} of {n} spot checks of {what} {were}; {terms['limit']:.2%} is the limit."
    if kind == "weighted_error":
        return f"An alarm stands: {n} weighted spot checks of {what} show more error than {terms['limit']:.2%}."
    if kind in ("overconfidence", "underconfidence"):
        much = "much" if kind == "overconfidence" else "little"
        return f"An alarm stands: over {n} spot checks of {what}, its confidence promised too {much}."
    if kind == "scores":
        return f"The confidences of {what} have moved, over {n} proposals: a hint, not proof."
    way = "above" if kind == "share_above" else "below"
    return (
        f"An alarm stands: {state['k']} of {n} proposals reached a person, "
        f"more than a tenth {way} the aim of {terms['target']:.1%}."
    )


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: what stands is said in it too."""
    watch = watching.of(tx, workspace)
    tiers = {alarm["id"]: alarm["tier"] for standing in watch.alarms.values() for alarm in standing}
    for row in map(MonitorRow._make, tx.run(tables.monitor_live, workspace=workspace)):
        if row.alarmed_at is not None:
            told = _told(row, tiers.get(row.id), row.n, row.log_e)
            tx.entry(workspace, "alarm.raised", SYSTEM.entry(), alarm=told)
    if watch.overflow:
        said = {name: watch.overflow[name] for name in ("open", "soft_review", "hard_gate")}
        limit = policies.in_force(tx, workspace).review_settings.max_queue_depth
        tx.entry(workspace, "overflow.entered", SYSTEM.entry(), overflow=said | {"limit": limit})
    capacity.tell_again(tx, workspace)


# --- lifting --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Lift an alarm: a lead or admin, in person, with a reason."""

    actor: Actor
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the checks after an alarm show: errors among so many, and the evidence that the error is below its limit."""

    checks: int
    wrong: int
    limit: float
    # in log E; needed: ln(1/δ)
    evidence: float
    needed: float
    # checks that would do if no further error is found
    enough_at: int

    @property
    def holds(self) -> bool:
        return self.evidence >= self.needed

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire."""
        return {
            "checks": self.checks, "wrong": self.wrong, "limit": self.limit, "delta": DELTA, "holds": self.holds,
            "evidence": round(self.evidence, 4), "needed": round(self.needed, 4), "enough_at": self.enough_at,
        }  # fmt: skip


def certificate(checks: int, wrong: int, limit: float) -> Certificate:
    """The evidence in uniform checks drawn after an alarm. It may be looked at after each of them."""
    return Certificate(
        checks=checks, wrong=wrong, limit=limit, evidence=float(log_e_below(wrong, checks, limit)), needed=line(DELTA),
        enough_at=needed(limit, wrong, 1.0 / DELTA),
    )  # fmt: skip


def lift(tx: Tx, command: Lift) -> JSON:
    """Lift an alarm. Raises `NotEnoughEvidence` while the checks since do not show that the error is below its limit.

    The control plane counts the evidence itself; nobody hands it in. A new monitor begins in its place.
    """
    actor = command.actor
    if actor.kind != "person":
        raise Forbidden("only a person lifts an alarm", remedy="Sign in, or name yourself with --as.")
    actor.need_role("lead")
    if not command.reason.strip():
        raise InvalidInput("lifting an alarm needs a reason", remedy="Say what was found and what was done about it.")
    tx.run(tables.monitor_own, workspace=actor.workspace)
    found = tx.one(tables.monitor_get, workspace=actor.workspace, id=command.id)
    row = None if found is None else MonitorRow._make(found)
    if row is None or row.alarmed_at is None or row.ended_at is not None:
        raise NotFound(f"no alarm {command.id!r} stands", remedy="`handrail monitors list` shows which do.")
    shown = _shown(tx, row)
    kept: dict[str, JSON] = {"reason": command.reason[:2000]}
    if shown is not None:
        kept |= shown.to_json()
    tx.run(statements.workspace_own, workspace=actor.workspace)
    if tx.one(tables.monitor_lift, id=row.id, by=actor.pid, now=tx.now, certificate=dumps(kept)) is None:
        raise Conflict("somebody else lifted it a moment ago")
    watch = watching.of(tx, actor.workspace)
    left = {
        action: rest
        for action, standing in watch.alarms.items()
        if (rest := [alarm for alarm in standing if alarm["id"] != row.id])
    }
    watching.put(tx, actor.workspace, watching.with_alarms(watch, left))
    tx.entry(
        actor.workspace, "alarm.lifted", actor.entry(), alarm={"id": row.id} | _where(row),
        certificate=None if shown is None else {
            "checks": shown.checks, "wrong": shown.wrong, "limit": f"{shown.limit:g}", "delta": f"{DELTA:g}",
        },
    )  # fmt: skip
    return kept


def _shown(tx: Tx, row: MonitorRow) -> Certificate | None:
    """The certificate that lets an alarm about errors be lifted; None for one that is about something else."""
    if row.kind not in OF_ERRORS:
        return None
    entry = policies.in_force(tx, row.workspace).action(row.action)
    limit = None if entry is None else error_limit(entry)
    limit = limit if limit is not None else row.said().get("limit")
    if limit is None:
        raise InvalidInput(
            f"{row.action} has no error it is held to, so nothing can be shown",
            remedy="Give the action a target_error in the policy.",
        )
    made = since(tx.run(tables.check_since, workspace=row.workspace, action=row.action, since=row.alarmed_at), limit)
    if not made.holds:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({made.checks} of {made.enough_at} checks after the alarm, {made.wrong} wrong)",
            have=made.checks, need=made.enough_at,
            remedy="Let people answer more cases of this action; each counts when all before it are answered."
            + _first_waiting(tx, row),
        )  # fmt: skip
    return made


def _first_waiting(tx: Tx, row: MonitorRow) -> str:
    found = tx.run(tables.check_waiting, workspace=row.workspace, action=row.action, now=tx.now, limit=1)
    return f" Case {found[0][0]} is the first that waits." if found else ""


def since(rows: list[Any], limit: float) -> Certificate:
    """The certificate in rows of (verdict, count)."""
    counts = dict(map(tuple, rows))
    wrong = counts.get("wrong", 0) + counts.get("expired", 0)
    return certificate(counts.get("right", 0) + wrong, wrong, limit)


# --- what else the router is told -----------------------------------------------------------------


def _weigh(tx: Tx, workspace: str, policy: Policy) -> None:
    """How much doubt is usual, where weighted checks are drawn: from uniform checks alone."""
    watch = watching.of(tx, workspace)
    doubts = dict(_doubts(tx, workspace, policy, watch))
    if doubts != watch.doubts:
        watching.put(tx, workspace, replace(watch, doubts=doubts))


def _doubts(tx: Tx, workspace: str, policy: Policy, watch: watching.Watch) -> Iterator[tuple[str, float]]:
    for entry in policy.document.escalation_policies:
        name = entry.action_type
        if not policy.plan(name).weighs_checks:
            continue
        found = tx.run(tables.check_confidence, workspace=workspace, action=name, limit=DOUBTS)
        known = watch.doubts.get(name)
        if len(found) >= LEAST_DOUBTS:
            mean = max(1e-6, sum(doubt(row[0]) for row in found) / len(found))
            # a tenth is not worth a write
            known = known if known is not None and abs(mean / known - 1.0) < 0.1 else round(mean, 6)
        if known is not None:
            yield name, known
