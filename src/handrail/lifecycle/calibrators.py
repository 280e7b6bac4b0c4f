"""Calibrators, and the tables of how reviewers err: kept by name and version, applied on the way in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.confusion import Confusion
from handrail.canonical import JSON, digest, dumps, parse
from handrail.errors import InvalidInput
from handrail.learning.evidence import scores_by_name
from handrail.learning.labels import proposed_class
from handrail.lifecycle.actor import Actor
from handrail.policy.evaluate import Policy
from handrail.proposal import Proposal
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
    tx.memo.pop(("reviewer", command.actor.workspace, command.name), None)
    tx.entry(command.actor.workspace, "calibrator.changed", command.actor.entry(),
             calibrator={"name": command.name, "version": version, "digest": digest(data)})  # fmt: skip
    return version


def calibrated(tx: Tx, policy: Policy, workspace: str, proposal: Proposal) -> Proposal:
    """The proposal with its calibrated confidence; the raw number stays in `scores`.

    Without scores, with scores the calibrator cannot read, or from another version of the model than it was fitted for,
    there is no confidence: it goes up.
    """
    entry = policy.action(proposal.action)
    if entry is None or entry.calibrator is None:
        return proposal
    name = entry.calibrator
    raw = proposal.scores if proposal.scores is not None else proposal.confidence
    fitted = newest(tx, workspace, name)
    if fitted is None or raw is None:
        return proposal
    return replace(proposal, confidence=confidence_in(fitted, proposal, raw), scores=raw)


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
        row = tx.one(statements.calibrator_newest, workspace=workspace, name=name)
        tx.memo[key] = None if row is None or REVIEWERS in bytes(row[1]) else _read(bytes(row[1]))
    found: Calibrator | None = tx.memo[key]
    return found


@lru_cache(maxsize=64)
def _read(data: bytes) -> Calibrator:
    return Calibrator.from_json(parse(data))
