"""The card: what a reviewer sees, made by us from the canonical bytes and bound by digest.

One object for console, page, command line and channels (review.md section 2). Its digest covers all
that a judgement rests on; what moves by itself (who has answered, the time left) is outside it.
"""

from __future__ import annotations

from typing import Any

from handrail.canonical import JSON, digest, dumps
from handrail.clock import iso
from handrail.lifecycle import supervising
from handrail.lifecycle.rows import CaseRow, ProposalRow, route_noun
from handrail.route import Route

RENDERER = "1"
BANDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
WORDS_PER_SECOND = 16
REASON_CODES = (
    ("wrong", "It is wrong"),
    ("not_allowed", "It is not allowed"),
    ("too_risky", "The risk is too high"),
    ("not_enough_evidence", "The evidence is not enough"),
    ("wrong_target", "Wrong recipient or target"),
    ("wrong_amount", "Wrong amount"),
    ("not_needed", "It is not needed"),
    ("other", "Other (say what)"),
)


def facts_of(row: ProposalRow, route: Route) -> dict[str, JSON]:
    """The part of the card that its digest covers."""
    record = row.record()
    evidence = [*(_exhibit(item) for item in record.get("evidence", ())), *_prompt(record)]
    if route.reading is not None:
        evidence.append(supervising.exhibit(route.reading))
    return {
        "renderer": RENDERER,
        "case_id": row.case_id,
        "revision": row.revision,
        "action": row.action,
        "kind": record.get("kind", "action"),
        "target": record.get("target"),
        "arguments": without_names(record).get("arguments", {}),
        "schema": record.get("schema"),
        "action_digest": row.action_digest,
        "base": record.get("base"),
        "inspectable": record.get("kind", "action") != "action"
        or all(reason.code != "unknown_action" for reason in route.reasons),
        "asked_by": {
            "principal": record.get("principal"), "agent": record.get("agent"), "run": record.get("run"),
            "owners": record.get("owners", []),
        },
        "tier": row.tier,
        "reasons": [{"code": r.code, "text": r.text, "tier": r.tier} for r in route.reasons],
        "confidence": _confidence(record, route),
        "undo": {"action": record.get("undo"), "seconds": route.undo_seconds},
        "reach": record.get("reach"),
        "amount": amount_of(record),
        "evidence": evidence,
        "policy": {"name": route.policy_name, "digest": route.policy},
        "verdicts": list(route.verdicts),
        "harm_classes": record.get("harm_classes", []),
        "personal_data": record.get("personal_data", []),
        "agent_says": record.get("agent_says"),
        "high_stakes": route.high_stakes,
        "blind": route.blind,
        "reason_codes": [{"code": code, "label": label} for code, label in REASON_CODES],
        "choices": choices(record),
        "answer_schema": answer_schema(record),
        "scores": record.get("scores"),
    }  # fmt: skip


def card_of(
    row: ProposalRow, case: CaseRow | None, *, have: int = 0, excluded: tuple[str, ...] = (), blind_now: bool = False
) -> dict[str, JSON]:
    """The whole card. `blind_now` leaves out the model's opinion: it is not in the payload at all."""
    route = route_noun(row.route)
    facts = facts_of(row, route)
    key = digest(dumps(facts))
    need = case.reviewers if case is not None else route.reviewers
    card = {
        **facts,
        "digest": key,
        "deadline": iso(case.deadline) if case is not None and case.deadline is not None else None,
        "on_expiry": case.on_expiry if case is not None else route.on_expiry,
        "waiting": row.decision is None,
        "quorum": {
            "have": have, "need": max(1, need) + route.opinions, "roles": list(route.roles), "excluded": list(excluded),
        },
        "dwell_floor_seconds": dwell_floor(facts, route),
        "shape": _shape(facts, route),
    }  # fmt: skip
    if blind_now:
        card.update(confidence=None, scores=None, agent_says=None, reasons=[])
        # no caller can mark an exhibit so: `_exhibit` keeps none of their further fields
        card["evidence"] = [each for each in card["evidence"] if each.get("by") != "supervisor"]
        if isinstance(card["arguments"], dict):
            card["arguments"] = {k: v for k, v in card["arguments"].items() if k != "suggestion"}
    return card


def digest_of(row: ProposalRow, route: Route) -> str:
    """The digest a review must name."""
    return digest(dumps(facts_of(row, route)))


def without_names(record: dict[str, Any]) -> dict[str, Any]:
    """A comparison's record without the names of who answered, which would sway whoever judges the answers."""
    arguments = record.get("arguments")
    if record.get("kind") != "comparison" or not isinstance(arguments, dict) or "options" not in arguments:
        return record
    return record | {"arguments": {name: value for name, value in arguments.items() if name != "options"}}


def _shape(facts: dict[str, Any], route: Route) -> str:
    """What cases must have in common to be answered together."""
    alike = [facts["action"], facts["kind"], sorted(facts["arguments"]), facts["verdicts"], route.high_stakes]
    return digest(dumps(alike))[:16]


def _prompt(record: dict[str, Any]) -> list[dict[str, JSON]]:
    """What the program was asked, as the last exhibit: the others keep their numbers."""
    given = record.get("prompt")
    if given is None:
        return []
    kind = "text" if isinstance(given, str) else "json"
    return [{"kind": kind, "title": "What was asked", "content": given, "source": "", "trusted": False}]


def _exhibit(item: Any) -> dict[str, JSON]:
    """One exhibit, with what is missing said to be missing. Untrusted unless it says otherwise."""
    if not isinstance(item, dict):
        return {"kind": "json", "title": "", "content": item, "source": "", "trusted": False}
    return {
        "kind": item.get("kind", "json"), "title": item.get("title", ""), "content": item.get("content"),
        "source": item.get("source", ""), "trusted": item.get("trusted") is True,
    }  # fmt: skip


def _confidence(record: dict[str, Any], route: Route) -> JSON:
    value = record.get("confidence")
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    low = max((b for b in BANDS if b <= value), default=0.0)
    high = min((b for b in BANDS if b > value), default=1.0)
    return {"value": value, "band": f"{low:.2f}–{high:.2f}", "calibrator": route.calibrator}


def amount_of(record: dict[str, Any]) -> Any:
    """What is at stake as {"value", "currency"}, from the field or the arguments; None without one."""
    arguments = record.get("arguments", {})
    amount = record.get("amount", arguments.get("amount"))
    if isinstance(amount, dict):
        return {"value": str(amount.get("value")), "currency": amount.get("currency")}
    if amount is None or isinstance(amount, list | bool):
        return None
    return {"value": str(amount), "currency": record.get("currency", arguments.get("currency"))}


def choices(record: dict[str, Any]) -> Any:
    """The answers a case offers to pick from; None where it offers none."""
    arguments = record.get("arguments", {})
    if isinstance(arguments.get("choices"), list):
        return arguments["choices"]
    if record.get("kind") == "comparison":
        return ["a", "b", "tie", "both_bad"]
    return None


def answer_schema(record: dict[str, Any]) -> JSON:
    """What an answer must look like: a question's own schema, or the one an annotation brings."""
    if record.get("kind") == "question":
        return record.get("schema")
    given = record.get("arguments", {}).get("answer_schema")
    return given if isinstance(given, dict) else None


def dwell_floor(facts: dict[str, Any], route: Route) -> float:
    """Seconds before Approve counts on a high-stakes card: 2 to 15 by its words, longer when unsure."""
    if not route.high_stakes:
        return 0.0
    words = len(dumps(facts["arguments"])) / 6
    floor = min(15.0, max(2.0, words / WORDS_PER_SECOND))
    confidence = facts["confidence"]
    unsure = confidence is None or confidence["value"] < 0.7
    return round(min(15.0, floor * 1.5 if unsure else floor), 1)
