"""The oracle of trust.md section 6: judged from callers' journals, the ledger and the log, not by the server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from handrail.audit.trust import parse_trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.clock import Clock
from handrail.execution import idempotency_key
from handrail.lifecycle import claim
from handrail.maintenance import timers
from handrail.maintenance.plane import Plane
from handrail.maintenance.reconcile import reconcile
from handrail.maintenance.tables import all_cases
from handrail.testing.factories import person
from tests.faults.payment_tool import Lines, PaymentTool

LEAST_SEATS = 40


def judge(url: str, folder: Path, clock: Clock) -> list[str]:
    """Everything that a kill must not have done, and did."""
    told = [line for path in sorted(folder.glob("journal-*.jsonl")) for line in Lines(path).read()]
    with Plane(url, keys=folder / "keys", clock=clock, loops=False) as plane:
        while timers.step(plane.store, plane.writer, clock):
            pass
        plane.sealer.step()
        entries = [parse(data) for data in plane.logbook().entries()]
        problems = _acknowledged(plane, told, entries)
        problems += _effects(PaymentTool(folder).effects(), entries, plane)
        key = plane.sealer.key(plane.log).verifier
        receipts = [line["proof"].encode() for line in told if line.get("told") == "receipt"]
        report = verify(plane.logbook(), parse_trust(f"log {key.text}\nquorum none\n"), receipts=receipts)
        problems += [f"I7 {finding.code} at {finding.idx}: {finding.text}" for finding in report.findings]
        problems += [f"I6 {difference}" for difference in reconcile(plane.store, "default", clock).differences]
        problems += _claimable(plane)
    return problems


def _acknowledged(plane: Plane, told: list[dict[str, Any]], entries: list[dict[str, Any]]) -> list[str]:
    problems = []
    rows = all_cases(plane.store, "default").proposals
    by_key = {row.identity: id for id, row in rows.items()}
    decisions = Counter(entry["case"]["id"] for entry in entries if entry["type"] == "decision.made")
    results = {entry["case"]["id"]: entry["result"] for entry in entries if entry["type"] == "decision.made"}
    problems += [f"I3 {n} decisions of {case}" for case, n in decisions.items() if n > 1]
    reviews = {entry["review"] for entry in entries if entry["type"] == "review.given"}
    ends = {entry["case"]["id"]: entry["result"] for entry in entries if entry["type"] == "execution.finished"}
    started = {(entry["case"]["id"], entry["fence"]) for entry in entries if entry["type"] == "execution.started"}
    for line in told:
        case = line.get("case", "")
        match line.get("told"):
            case "submit" if by_key.get("key\x1f" + line["key"]) != case:
                problems.append(f"I1 the submit of {line['key']} as {case} is lost")
            case "decision" if results.get(case) != line["kind"] or rows[case].decision != line["kind"]:
                problems.append(f"I2 the decision {line['kind']} of {case} is lost or changed")
            case "decision" if line["arguments"] is not None:
                if rows[case].record()["arguments"] != line["arguments"]:
                    problems.append(f"I2 the arguments of {case} changed after its decision was told")
            case "review" if line["review"] not in reviews:
                problems.append(f"I1 the review {line['review']} is lost")
            case "start" if line["state"] == "started" and (case, line["fence"]) not in started:
                problems.append(f"I1 the start of {case} under fence {line['fence']} is lost")
            case "finish" if ends.get(case) != line["state"]:
                problems.append(f"I1 the end of {case} is lost")
    return problems


def _effects(effects: list[dict[str, Any]], entries: list[dict[str, Any]], plane: Plane) -> list[str]:
    counts = Counter(effect["key"] for effect in effects)
    problems = [f"I4 {n} effects under {key}" for key, n in counts.items() if n > 1]
    order: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        if "case" in entry:
            order.setdefault(entry["case"]["id"], []).append(entry)
    for effect in effects:
        history = order.get(effect["case"], [])
        approved = [n for n, e in enumerate(history) if e["type"] == "decision.made" and e["result"] == "approved"]
        begun = [n for n, e in enumerate(history) if e["type"] == "execution.started"]
        if not approved or not begun or approved[0] > begun[0]:
            problems.append(f"I5 an effect of {effect['case']} without an approval and a start before it")
            continue
        digest = history[approved[0]]["action"]["digest"]
        key = idempotency_key(workspace="default", case=effect["case"], action_digest=digest)
        if effect["key"] != key or history[begun[0]]["action"]["digest"] != digest:
            problems.append(f"I5 the effect of {effect['case']} is not the one that was approved")
        if plane.proposal("default", effect["case"]).record()["arguments"] != effect["arguments"]:
            problems.append(f"I5 the effect of {effect['case']} ran with other arguments")
    return problems


def _claimable(plane: Plane) -> list[str]:
    """I9: every open case that lacks answers can be taken by somebody fresh. Takes them all, and gives them back."""
    open_ids = {id for id, row in all_cases(plane.store, "default").cases.items() if row.state == "open"}
    taken: list[tuple[Any, Any]] = []
    for n in range(LEAST_SEATS + len(open_ids)):
        by = person(f"Fresh{n}")
        while (held := plane.run(claim.take_next, claim.TakeNext(actor=by))) is not None:
            taken.append((by, held))
            if len(taken) % claim.MOST_CLAIMS == 0:
                break
        else:
            break
    for by, held in taken:
        plane.run(claim.release, claim.Hold(actor=by, case_id=held.case_id, fence=held.fence))
    lost = open_ids - {held.case_id for _, held in taken}
    return [f"I9 the open case {case} cannot be taken" for case in lost]
