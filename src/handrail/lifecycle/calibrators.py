"""Calibrators, and the tables of how reviewers err: kept by name and version, applied on the way in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.confusion import Confusion
from handrail.canonical import JSON, digest, dumps, parse
from handrail.entry import need_name
from handrail.errors import InvalidInput
from handrail.learning.evidence import scores_by_name
from handrail.learning.labels import proposed_class
from handrail.lifecycle.actor import Actor
from handrail.policy.document import ActionEntry
from handrail.policy.evaluate import Policy
from handrail.proposal import Proposal
from handrail.route import Route
from handrail.store import schema, statements
from handrail.store.tx import Tx

# canonical JSON has one spelling
REVIEWERS = b'"kind":"reviewer"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """Keep a fitted calibrator, or a reviewers' table (kind `reviewer`), under a name that a policy can name."""

    actor: Actor
    name: str
    calibrator: JSON


def install(tx: Tx, command: Install) -> int:
    """Store the next version of a calibrator; returns its number. The newest one is applied from now on."""
    command.actor.need_scope("admin")
    need_name("name", command.name)
    if isinstance(command.calibrator, dict) and command.calibrator.get("kind") == "reviewer":
        Confusion.from_json(command.calibrator)
    else:
        Calibrator.from_json(command.calibrator)
    data = dumps(command.calibrator)
    newest = tx.one(statements.calibrator_newest, workspace=command.actor.workspace, name=command.name)
    version = 1 if newest is None else newest[0] + 1
    tx.add(schema.calibrator, workspace=command.actor.workspace, name=command.name, version=version, bytes=data,
           digest=digest(data), made_at=tx.now)  # fmt: skip
    tx.memo.pop(("calibrator", command.actor.workspace, command.name), None)
    tx.memo.pop(("calibrator digest", command.actor.workspace, command.name), None)
    tx.memo.pop(("reviewer", command.actor.workspace, command.name), None)
    tx.entry(command.actor.workspace, "calibrator.changed", command.actor.entry(),
             calibrator={"name": command.name, "version": version, "digest": digest(data)})  # fmt: skip
    return version


def calibrated(tx: Tx, policy: Policy, workspace: str, proposal: Proposal) -> Proposal:
    """The proposal with its calibrated confidence; the raw number stays in `scores`.

    Without scores, with scores the calibrator cannot read, or from another version of the model than it was fitted for,
    there is no confidence: it goes up. So it does while the calibrator that the policy names is not installed, or is
    another one than the threshold was certified for: what a program says of itself is never compared instead.
    """
    entry = policy.action(proposal.action)
    if entry is None or entry.calibrator is None:
        return proposal
    raw = proposal.scores if proposal.scores is not None else proposal.confidence
    if raw is None:
        return proposal
    fitted = newest(tx, workspace, entry.calibrator)
    if fitted is None or _other(tx, workspace, entry) is not None:
        return replace(proposal, confidence=None, scores=raw)
    return replace(proposal, confidence=confidence_in(fitted, proposal, raw), scores=raw)


def explained(tx: Tx, policy: Policy, workspace: str, proposal: Proposal, route: Route) -> Route:
    """The route, saying why scores that were sent became no confidence."""
    entry = policy.action(proposal.action)
    if entry is None or entry.calibrator is None or proposal.confidence is not None or proposal.scores is None:
        return route
    fitted = newest(tx, workspace, entry.calibrator)
    if fitted is None:
        why = (
            f"how sure the model is cannot be told: the calibrator {entry.calibrator}, which reads its scores, is "
            "missing or was changed"
        )
    elif (other := _other(tx, workspace, entry)) is not None:
        certified = str(entry.certified_calibrator)
        why = f"the threshold was certified for calibrator {certified[:12]}, and {other[:12]} is installed"
    elif fitted.model is not None and proposal.model != fitted.model:
        why = f"the calibrator {entry.calibrator} was fitted for model {fitted.model}, not {proposal.model}"
    else:
        why = f"the calibrator {entry.calibrator} cannot read the score that was sent"
    reasons = (replace(one, text=why) if one.code == "confidence_missing" else one for one in route.reasons)
    return replace(route, reasons=tuple(reasons))


def _other(tx: Tx, workspace: str, entry: ActionEntry) -> str | None:
    """The digest of the calibrator in use, where the threshold was certified for another one."""
    if entry.certified_calibrator is None or entry.calibrator is None:
        return None
    key = ("calibrator digest", workspace, entry.calibrator)
    if key not in tx.memo:
        row = tx.one(statements.calibrator_newest, workspace=workspace, name=entry.calibrator)
        tx.memo[key] = "" if row is None else str(row[2])
    found = str(tx.memo[key])
    return None if found == entry.certified_calibrator else found


def confidence_in(fitted: Calibrator, proposal: Proposal, raw: JSON) -> float | None:
    """The calibrated chance that the answer this proposal suggests is right; of an action, that its score says so."""
    if fitted.model is not None and proposal.model != fitted.model:
        return None
    answer = None
    if fitted.names:
        answer = proposed_class(proposal)
        raw = scores_by_name(raw, proposal.arguments) if fitted.source == "score" else raw
    try:
        return fitted.apply(raw, answer)
    except InvalidInput:
        return None


def newest(tx: Tx, workspace: str, name: str) -> Calibrator | None:
    """The newest version under this name, or None."""
    key = ("calibrator", workspace, name)
    if key not in tx.memo:
        data = kept(tx, workspace, name)
        tx.memo[key] = None if data is None or REVIEWERS in data else _read(data)
    found: Calibrator | None = tx.memo[key]
    return found


def kept(tx: Tx, workspace: str, name: str) -> bytes | None:
    """The bytes of the newest version under a name; None without one, or where they were altered."""
    row = tx.one(statements.calibrator_newest, workspace=workspace, name=name)
    return None if row is None else intact(row[1], row[2])


def intact(data: bytes, known: str) -> bytes | None:
    """The bytes of a stored version; None where they no longer have the digest beside them.

    Altered bytes are never applied: what they would judge goes up. Whoever alters the digest with them is found by
    `reconcile`, and moves no threshold that was certified for a calibrator.
    """
    return bytes(data) if digest(bytes(data)) == known else None


@lru_cache(maxsize=64)
def _read(data: bytes) -> Calibrator:
    return Calibrator.from_json(parse(data))
