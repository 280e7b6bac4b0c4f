"""Nouns on the wire: one JSON form for decisions, executions and claims, read back as it was written."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from handrail.canonical import JSON
from handrail.claim import Claim
from handrail.clock import from_iso, iso
from handrail.decision import Decision, Receipt
from handrail.execution import Execution
from handrail.parked import Parked, WakeEnd, Woken
from handrail.route import Reason


def decision_to_json(decision: Decision) -> dict[str, JSON]:
    """A decision; what is empty is left out, the receipt carries the entry's bytes in base64."""
    made: dict[str, JSON] = {
        "case_id": decision.case_id, "kind": decision.kind, "by": list(decision.by), "at": iso(decision.at),
        "tier": decision.tier, "revision": decision.revision, "action_digest": decision.action_digest,
    }  # fmt: skip
    for name in ("arguments", "value", "instruction", "reason", "note", "fused"):
        if getattr(decision, name) is not None:
            made[name] = getattr(decision, name)
    if decision.edited:
        made["edited"] = True
    if decision.halted:
        made["halted"] = True
    if decision.proof is not None:
        made["proof"] = {
            "log": decision.proof.log, "index": decision.proof.index,
            "entry": base64.b64encode(decision.proof.entry).decode(), "proof": decision.proof.proof,
        }  # fmt: skip
    return made


def decision_from_json(data: Mapping[str, Any]) -> Decision:
    """The inverse of `decision_to_json`."""
    proof = data.get("proof")
    return Decision(
        case_id=data["case_id"], kind=data["kind"], by=tuple(data["by"]), at=from_iso(data["at"]), tier=data["tier"],
        revision=data["revision"], action_digest=data["action_digest"], arguments=data.get("arguments"),
        value=data.get("value"), instruction=data.get("instruction"), reason=data.get("reason"),
        note=data.get("note"), edited=data.get("edited", False), halted=data.get("halted", False),
        fused=data.get("fused"),
        proof=None if proof is None else Receipt(
            log=proof["log"], index=proof["index"], entry=base64.b64decode(proof["entry"]), proof=proof.get("proof")
        ),
    )  # fmt: skip


def execution_to_json(execution: Execution) -> dict[str, JSON]:
    """An execution with the arguments to run."""
    return {
        "case_id": execution.case_id, "state": execution.state, "fence": execution.fence, "nonce": execution.nonce,
        "idempotency_key": execution.idempotency_key, "arguments": execution.arguments, "action": execution.action,
        "tool_class": execution.tool_class, "started_at": iso(execution.started_at),
        "expires_at": iso(execution.expires_at),
        "finished_at": None if execution.finished_at is None else iso(execution.finished_at),
        "result": execution.result, "happened": execution.happened,
    }  # fmt: skip


def execution_from_json(data: Mapping[str, Any]) -> Execution:
    """The inverse of `execution_to_json`."""
    finished = data.get("finished_at")
    return Execution(
        case_id=data["case_id"], state=data["state"], fence=data["fence"], nonce=data["nonce"],
        idempotency_key=data["idempotency_key"], arguments=data["arguments"], action=data["action"],
        tool_class=data["tool_class"], started_at=from_iso(data["started_at"]), expires_at=from_iso(data["expires_at"]),
        finished_at=None if finished is None else from_iso(finished), result=data.get("result"),
        happened=data.get("happened"),
    )  # fmt: skip


def claim_to_json(claim: Claim) -> dict[str, JSON]:
    """A claim."""
    return {
        "case_id": claim.case_id, "reviewer": claim.reviewer, "fence": claim.fence, "taken_at": iso(claim.taken_at),
        "expires_at": iso(claim.expires_at),
    }  # fmt: skip


def claim_from_json(data: Mapping[str, Any]) -> Claim:
    """The inverse of `claim_to_json`."""
    return Claim(
        case_id=data["case_id"], reviewer=data["reviewer"], fence=data["fence"], taken_at=from_iso(data["taken_at"]),
        expires_at=from_iso(data["expires_at"]),
    )  # fmt: skip


def reason_from_json(data: Mapping[str, Any]) -> Reason:
    """A clause that had a say."""
    return Reason(code=data["code"], text=data["text"], tier=data.get("tier"))


def woken_to_json(woken: Woken) -> dict[str, JSON]:
    """A due park in its waker's hands; the state in base64."""
    return {
        "id": woken.id, "run": woken.run, "framework": woken.framework, "fence": woken.fence,
        "state": None if woken.state is None else base64.b64encode(woken.state).decode(),
        "expires_at": iso(woken.expires_at),
        "cases": {id: None if made is None else decision_to_json(made) for id, made in woken.cases.items()},
    }  # fmt: skip


def woken_from_json(data: Mapping[str, Any]) -> Woken:
    """The inverse of `woken_to_json`."""
    return Woken(
        id=data["id"], run=data["run"], framework=data["framework"], fence=data["fence"],
        state=None if data["state"] is None else base64.b64decode(data["state"]),
        expires_at=from_iso(data["expires_at"]),
        cases={id: None if made is None else decision_from_json(made) for id, made in data["cases"].items()},
    )  # fmt: skip


def parked_to_json(parked: Parked) -> dict[str, JSON]:
    """A line of the list of parked runs."""
    return {
        "id": parked.id, "run": parked.run, "framework": parked.framework, "wakes": parked.wakes,
        "parked_at": iso(parked.parked_at), "cases": parked.cases, "decided": parked.decided, "due": parked.due,
        "held_until": None if parked.held_until is None else iso(parked.held_until),
        "next_at": None if parked.next_at is None else iso(parked.next_at), "failures": parked.failures,
        "ending": parked.ending, "note": parked.note,
    }  # fmt: skip


def parked_from_json(data: Mapping[str, Any]) -> Parked:
    """The inverse of `parked_to_json`."""
    times = {name: None if data[name] is None else from_iso(data[name]) for name in ("held_until", "next_at")}
    return Parked(**{**data, **times, "parked_at": from_iso(data["parked_at"])})


def wake_end_to_json(end: WakeEnd) -> dict[str, JSON]:
    """What became of a wake."""
    return {
        "id": end.id, "ending": end.ending, "failures": end.failures,
        "next_at": None if end.next_at is None else iso(end.next_at),
    }  # fmt: skip
