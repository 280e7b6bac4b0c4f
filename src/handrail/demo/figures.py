"""The demo's figures, counted from log, store and ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from handrail.canonical import JSON
from handrail.demo.headless import Played
from handrail.demo.judging import REVERSE, Evidence, Finding, gather, judge, judge_duplicates, judge_learning
from handrail.demo.people import Person
from handrail.demo.stage import MISSING, Stage


def figures_of(stage: Stage, played: Played) -> tuple[dict[str, JSON], list[Finding]]:
    """Everything a demo prints, and what broke. Verifies the log on the way."""
    found = gather(stage.plane, played.cases)
    findings = judge(found, stage.ledger, stage.plane.workspace_id) + judge_duplicates(played.count)
    labelling = stage.labelling
    learning: dict[str, JSON] = {"left_out": MISSING}
    if labelling is not None and labelling.finished:
        before, after = labelling.finished[0].model_error or 0.0, labelling.error
        findings += judge_learning(labelling.finished, before, after)
        learning = {
            "rounds": [asdict(made) for made in labelling.finished],
            "review_rate": [round(made.review_rate, 4) for made in labelling.finished],
            "model_error": {"before": before, "after": after},
        }
    figures = {
        "seed": played.settings.seed,
        "proposals": len(found.decisions),
        "routed": _routed(found),
        "decided": dict(Counter(made.kind for made in found.decisions.values() if made is not None)),
        "executed": _executed(found),
        "effects": _effects(stage),
        "duplicates": _duplicates(played),
        "learning": learning,
        "reviewers": [_reviewer(person) for person in stage.people],
        "audit": {
            "entries": found.report.size, "verified": found.report.exit_code == 0,
            "exit_code": found.report.exit_code, "meaning_replayed": found.report.replayed,
            "signed": found.report.signed_size,
        },
        "invariants": [
            {"name": finding.name, "held": finding.held, "broken": list(finding.broken[:10])} for finding in findings
        ],
        "ok": all(finding.held for finding in findings),
    }  # fmt: skip
    return figures, findings


def _routed(found: Evidence) -> dict[str, JSON]:
    """By tier and by action, as the log has it."""
    first = [*found.of("proposal.submitted"), *(entry for entry in found.of("decision.made") if entry.get("submitted"))]
    by_action: dict[str, Counter[str]] = {}
    for entry in first:
        by_action.setdefault(entry["action"]["name"], Counter())[entry["tier"]] += 1
    return {
        "by_tier": dict(Counter(entry["tier"] for entry in first)),
        "by_action": {action: dict(tiers) for action, tiers in sorted(by_action.items())},
    }


def _executed(found: Evidence) -> dict[str, JSON]:
    ends = Counter(entry["result"] for entry in found.of("execution.finished"))
    return {"started": found.started().total(), **ends, "stopped_before": len(found.of("execution.voided"))}


def _effects(stage: Stage) -> dict[str, JSON]:
    tools = Counter(effect.tool for effect in stage.ledger.effects)
    undone = sum(count for tool, count in tools.items() if tool.endswith(REVERSE))
    return {"by_tool": dict(tools), "undone": undone}


def _duplicates(played: Played) -> dict[str, JSON]:
    names = ("sent_twice", "replayed", "keys_misused", "keys_refused", "started_twice", "starts_refused", "racers",
             "race_results")  # fmt: skip
    return {name: played.count[name] for name in names}


def _reviewer(person: Person) -> dict[str, JSON]:
    measured = person.errors / person.answers if person.answers else None
    return {"name": person.name, "known_error": person.error_rate, "answers": person.answers,
            "measured_error": None if measured is None else round(measured, 4)}  # fmt: skip
