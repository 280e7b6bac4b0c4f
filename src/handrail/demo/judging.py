"""What must hold after a demo. The judge believes no player: he reads the log, the store, and the tools' own ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.audit.report import Report
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.decision import Decision
from handrail.demo.ledger import Effect, Ledger
from handrail.errors import NotFound
from handrail.execution import idempotency_key
from handrail.learning.rounds import Round
from handrail.maintenance.plane import Plane

REVERSE = ".undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that must hold; `broken` says in words where it does not."""

    name: str
    broken: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        return not self.broken


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What was found: the entries of the log by type, and each case's decision as the store has it."""

    report: Report
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    decisions: dict[str, Decision | None] = field(default_factory=dict)

    def of(self, type: str) -> list[dict[str, Any]]:
        """The log's entries of one type."""
        return self.entries.get(type, [])

    def started(self) -> Counter[str]:
        """How often the log says each case was started."""
        return Counter(entry["case"]["id"] for entry in self.of("execution.started"))

    def approved(self) -> dict[str, Decision]:
        """Cases the store holds an approval for."""
        return {id: made for id, made in self.decisions.items() if made is not None and made.approved}


def gather(plane: Plane, cases: Iterable[str]) -> Evidence:
    """Sign what is unsigned, verify the log with its meaning, read everything. `cases`: what players were told."""
    plane.sealer.step()
    book = plane.logbook()
    report = verify(book, Trust(logs=(plane.sealer.key(plane.log).verifier,)))
    found = Evidence(report=report)
    for data in book.entries():
        entry = parse(data)
        found.entries.setdefault(entry["type"], []).append(entry)
    known = [entry["case"]["id"] for entry in (*found.of("decision.made"), *found.of("proposal.submitted"))]
    for case_id in dict.fromkeys((*cases, *known)):
        try:
            found.decisions[case_id] = plane.decision(plane.workspace_id, case_id, receipt=False)
        except NotFound:
            found.decisions[case_id] = None
    return found


def judge(found: Evidence, ledger: Ledger, workspace: str) -> list[Finding]:
    """Everything that must hold whatever was played."""
    effects = ledger.effects
    return [
        Finding(name="every decision has its entry", broken=tuple(_without_entry(found))),
        Finding(name="executed at most as often as approved", broken=tuple(_beyond_approval(found))),
        Finding(name="no effect twice", broken=tuple(_twice(effects))),
        Finding(name="no effect unapproved", broken=tuple(_unapproved(effects, found, workspace))),
        Finding(name="the log verifies", broken=tuple(f"{f.code}: {f.text}" for f in found.report.findings)),
    ]


def judge_duplicates(count: Counter[str]) -> list[Finding]:
    """What was sent or started twice on purpose was refused each time."""
    pairs = (("replayed", "sent_twice"), ("keys_refused", "keys_misused"), ("starts_refused", "started_twice"))
    broken = [f"{count[done]} of {count[tried]} {tried.replace('_', ' ')}" for done, tried in pairs
              if count[done] != count[tried]]  # fmt: skip
    if count["same_result"] * 2 != count["started_twice"]:
        broken.append("a repeated caller got another result")
    if count["racers"] and count["race_results"] != 1:
        broken.append(f"{count['racers']} callers at once got {count['race_results']} results")
    return [Finding(name="duplicates are refused", broken=tuple(broken))]


def judge_learning(rounds: Sequence[Round], before: float, after: float) -> list[Finding]:
    """People are asked less in the end than at first, where there is a second round; the model is wrong less often."""
    made = []
    if len(rounds) > 1:
        first, last = rounds[0].review_rate, rounds[-1].review_rate
        rate = () if last < first else (f"{first:.3f} in the first round, {last:.3f} in the last",)
        made.append(Finding(name="the review rate falls", broken=rate))
    error = () if after < before else (f"{before:.3f} before, {after:.3f} after",)
    return [*made, Finding(name="the model improves", broken=error)]


def _without_entry(found: Evidence) -> Iterable[str]:
    entries = {entry["case"]["id"]: entry["result"] for entry in found.of("decision.made")}
    for case_id, decision in found.decisions.items():
        written = entries.get(case_id)
        if (None if decision is None else decision.kind) != written:
            stored = "undecided" if decision is None else decision.kind
            yield f"case {case_id} is {stored} in the store and {written or 'undecided'} in the log"


def _beyond_approval(found: Evidence) -> Iterable[str]:
    approved = found.approved()
    for case_id, times in found.started().items():
        if case_id not in approved:
            yield f"case {case_id} was started without an approval"
        elif times > 1:
            yield f"case {case_id} was started {times} times"


def _twice(effects: Sequence[Effect]) -> Iterable[str]:
    for key, times in Counter(effect.key for effect in effects if effect.key).items():
        if times > 1:
            yield f"key {key} had {times} effects"
    reversed_ = Counter(str(effect.arguments["of"]) for effect in effects if effect.tool.endswith(REVERSE))
    for reference, times in reversed_.items():
        if times > 1:
            yield f"{reference} was reversed {times} times"


def _unapproved(effects: Sequence[Effect], found: Evidence, workspace: str) -> Iterable[str]:
    approved = found.approved()
    keys = {
        idempotency_key(workspace=workspace, case=case_id, action_digest=made.action_digest): made
        for case_id, made in approved.items()
    }
    # reverses are told what they reverse, not a key
    reverses = {str(made.arguments["result"]) for made in approved.values()
                if isinstance(made.arguments, dict) and {"arguments", "result"} == made.arguments.keys()}  # fmt: skip
    for effect in effects:
        if effect.tool.endswith(REVERSE):
            if str(effect.arguments["of"]) not in reverses:
                yield f"{effect.reference} reversed {effect.arguments['of']} without an approval"
            continue
        made = keys.get(effect.key or "")
        if made is None:
            yield f"{effect.reference} happened without an approval"
        elif made.arguments != effect.arguments:
            yield f"{effect.reference} is not what was approved in case {made.case_id}"
