"""Simulated reviewers for loops of learning, on a real control plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from handrail.client.client import Client
from handrail.errors import Conflict, NotFound

POLICY = """
defaults: {hard_gate_undo_seconds: 0, soft_review_undo_seconds: 0, hard_gate_deadline_seconds: 86400}
escalation_policies:
  - action_type: digit
    autonomy: human_leads
"""


class People:
    """One reviewer who answers what `truth` says of a case's arguments; None abstains by rejecting.

    Stands in for the desk: the loop calls `collect` where it would wait for people.
    """

    def __init__(self, client: Client, truth: Callable[[dict[str, Any]], str | None], name: str = "Asha"):
        self._desk = client.desk(name)
        self._truth = truth
        # how often each case's input came before somebody
        self.seen: Counter[str] = Counter()
        # answer at most so many cases, then go home
        self.patience: int | None = None
        self.records: list[dict[str, Any]] = []

    def ask(self, cases: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self._open = list(cases)

    def collect(self) -> int:
        done = 0
        for case_id, record in self._open:
            if self.patience is not None and sum(self.seen.values()) >= self.patience:
                break
            try:
                self._answer(case_id, record)
            except (Conflict, NotFound):
                continue
            self.records.append(record)
            self.seen[record["key"]] += 1
            done += 1
        self._open = self._open[done:]
        return done

    def _answer(self, case_id: str, record: dict[str, Any]) -> None:
        said = self._truth(record["arguments"])
        if said is None:
            self._desk.answer(case_id, "reject", reason="unreadable")
        elif record["arguments"].get("suggestion") == said:
            self._desk.answer(case_id, "approve")
        else:
            self._desk.answer(case_id, "respond", value=said)
