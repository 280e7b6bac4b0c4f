"""Autonomy that is earned: the share of proposals that waits for people, month by month, and the error of the rest.

Nothing goes by itself at first. Two streams play through the real client and plane, with simulated days: cells are
laid, promotions proposed by the loop, and a lead accepts each one. What is let through is compared with the truth.

- tweets: davidson_tweets. A text model trained once on 3,000 tweets suggests a label for the others; its confidence is
  calibrated on 1,000 more. A case is right where the suggestion is what most of the tweet's people said.
- airline: tau_airline_runs, its 570 recorded tool calls drawn with replacement. A look-up is right, a write is right
  where the task's gold actions hold it. Cancelling and certificates cannot be taken back.

People are gold-checked (a tenth of the first month's cases are golds) and know the truth: what is measured is the
machinery, not the people.

Run: python bench/loops/autonomy.py DATA FOLDER [--stream tweets|airline] [--months 12] [--per-month 1000]
[--limit 0.05] [--picture FILE.svg]. Prints a JSON line a month. FOLDER holds the database.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from davidson import read_tweets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits
from toolgate import WRITES, _is_gold, airline_calls

from handrail.calibration.fit import fit
from handrail.canonical import JSON
from handrail.cli.pictures import Level, Series, curves
from handrail.client.client import Client
from handrail.client.local import LocalTransport
from handrail.clock import SECOND, FakeClock
from handrail.lifecycle import promotion
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance import timers
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.store import statements

DAY = 86_400
START = 1_760_000_000 * SECOND
AGENT = Actor(kind="agent", pid="loop", name="loop", scopes=ALL_SCOPES, auth="local")
LEAD = Actor(kind="person", pid="p_lead", name="Lea", roles=frozenset({"lead"}), scopes=frozenset({"review", "read"}))
POLICY = """
escalation_policies:
  - action_type: content_publish
    autonomy: full
    auto_approve_threshold: 1.0
    growth: {{limit: {limit}, spot_check_rate: {checks}}}
  - action_type: airline_tool
    undo: airline_undo
    irreversible_actions_always_gate: [cancel_reservation, send_certificate]
    growth: {{limit: {limit}, spot_check_rate: {checks}}}
  - {{action_type: airline_undo, autonomy: full, undo: airline_tool}}
defaults: {{hard_gate_undo_seconds: 0, soft_review_undo_seconds: 0, hard_gate_deadline_seconds: 86400}}
review_settings: {{max_queue_depth: 100000}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One proposal of a stream, and whether it is right."""

    proposal: Proposal
    right: bool


@dataclass(slots=True, kw_only=True)
class Month:
    """What happened to the proposals of one month."""

    month: int
    proposals: int = 0
    # waited for a person; looked at afterwards as a spot check
    reviewed: int = 0
    checked: int = 0
    let_through: int = 0
    let_through_wrong: int = 0
    # of all proposals: wrong as proposed
    wrong: int = 0
    # promotions accepted this month, and standing at its end
    promoted: int = 0
    standing: int = 0

    def to_json(self) -> dict[str, JSON]:
        """Counts and the shares that matter."""
        passed = self.let_through
        return {name: getattr(self, name) for name in self.__slots__} | {
            "review_rate": round((self.reviewed + self.checked) / max(1, self.proposals), 4),
            "error_let_through": round(self.let_through_wrong / passed, 4) if passed else None,
        }


def tweets(data: Path, rng: np.random.Generator, n: int) -> Iterator[Item]:
    every = read_tweets(data)
    order = rng.permutation(len(every))
    train, calibrate = ([every[i] for i in order[a:b]] for a, b in ((0, 3_000), (3_000, 4_000)))
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=10.0, max_iter=500)
    ).fit([t.text for t in train], [t.majority for t in train])
    scores = model.predict_proba([t.text for t in calibrate])
    correct = model.classes_[scores.argmax(axis=1)] == np.array([t.majority for t in calibrate])
    calibrator = fit("auto", scores, correct, fitted_at=0, action="content_publish")
    stream = [every[i] for i in order[4_000:]]
    picked = [stream[i % len(stream)] for i in range(n)]
    for at, row in enumerate(model.predict_proba([t.text for t in picked])):
        said = str(model.classes_[int(np.argmax(row))])
        yield Item(
            proposal=Proposal(
                action="content_publish", kind="prediction", confidence=float(calibrator.apply(row.tolist())),
                arguments={"text": picked[at].text[:2_000], "suggestion": said},
            ),
            right=said == picked[at].majority,
        )  # fmt: skip


def airline(data: Path, rng: np.random.Generator, n: int) -> Iterator[Item]:
    calls = airline_calls(data)
    for i in rng.integers(0, len(calls), n):
        call = calls[int(i)]
        yield Item(
            proposal=Proposal(action="airline_tool", arguments={"tool": call.tool, "input": call.arguments}),
            right=call.tool not in WRITES or _is_gold(call.tool, call.arguments, call),
        )


STREAMS: dict[str, Callable[[Path, np.random.Generator, int], Iterator[Item]]] = {"tweets": tweets, "airline": airline}


class Play:
    """One stream through one control plane."""

    def __init__(self, folder: Path, *, limit: float, checks: float, seed: int):
        self.clock = FakeClock(START)
        self.rng = np.random.default_rng(seed)
        self.draw = 0.5
        self.plane = Plane(
            folder / "autonomy.db", policy=POLICY.format(limit=limit, checks=checks), clock=self.clock, loops=False
        )
        self.client = Client(LocalTransport(self.plane, AGENT, owns_plane=False, draw=lambda: self.draw))
        self.reviewer = self.client.desk("Ann")

    def month(self, number: int, items: list[Item], golds: float) -> Month:
        made = Month(month=number)
        each_day = max(1, len(items) // 30)
        for at, item in enumerate(items):
            self.clock.advance(30 * DAY / len(items))
            if self.rng.random() < golds:
                self._gold(item)
            self._one(item, made)
            if at % each_day == each_day - 1:
                self._day_ends(made)
        found: Any = self.plane.run(promotion.listed, promotion.ListGrowth(actor=AGENT))
        made.standing = sum(one["state"] == "accepted" for one in found["promotions"])
        return made

    def _one(self, item: Item, made: Month) -> None:
        self.draw = float(self.rng.random())
        pending = self.client.propose(item.proposal)
        made.proposals += 1
        made.wrong += not item.right
        passed = pending.tier == "auto_approve"
        if passed:
            made.let_through += 1
            made.let_through_wrong += not item.right
        if passed and not self._is_open(pending.case_id):
            return
        made.reviewed += not passed
        made.checked += passed
        self._answer(pending.case_id, item.right)

    def _gold(self, item: Item) -> None:
        """A known answer, among the others: every fourth of them wrong."""
        right = bool(self.rng.random() < 0.75)
        asked = Proposal(
            action=item.proposal.action, kind="action", arguments={"gold": float(self.rng.random())},
            gold="approve" if right else "reject",
        )  # fmt: skip
        self._answer(self.client.propose(asked).case_id, right)

    def _answer(self, case_id: str, right: bool) -> None:
        if right:
            self.reviewer.answer(case_id, "approve")
        else:
            self.reviewer.answer(case_id, "reject", reason="wrong")

    def _is_open(self, case_id: str) -> bool:
        found = self.plane.store.read_hot(statements.case_get, case_id=case_id, workspace="default")
        return bool(found) and found[0][4] == "open"

    def _day_ends(self, made: Month) -> None:
        timers.step(self.plane.store, self.plane.writer, self.clock)
        self.plane.growing.step()
        found: Any = self.plane.run(promotion.listed, promotion.ListGrowth(actor=AGENT))
        for one in found["promotions"]:
            if one["state"] == "proposed":
                self.plane.run(promotion.accept, promotion.Answer(actor=LEAD, id=one["id"]))
                made.promoted += 1

    def taken_back(self) -> dict[str, int]:
        """Why promotions ended, how often each."""
        found: Any = self.plane.run(promotion.listed, promotion.ListGrowth(actor=AGENT, history=1_000))
        ended = [one["reason"] for one in found["promotions"] if one["state"] == "ended"]
        return {why: ended.count(why) for why in sorted(set(ended))}


def play(stream: str, data: Path, folder: Path, given: argparse.Namespace) -> Iterator[Month]:
    """Month by month."""
    rng = np.random.default_rng(given.seed)
    with threadpool_limits(1):
        items = list(STREAMS[stream](data, rng, given.months * given.per_month))
    played = Play(folder, limit=given.limit, checks=given.checks, seed=given.seed)
    for number in range(given.months):
        part = items[number * given.per_month : (number + 1) * given.per_month]
        yield played.month(number + 1, part, golds=0.1 if number == 0 else 0.02)
    print(json.dumps({"stream": stream, "ended": played.taken_back()}), flush=True)
    played.plane.close()


def draw(path: Path, stream: str, months: list[Month], limit: float) -> None:
    """Review rate and error of what was let through, by month."""
    rows = [one.to_json() for one in months]
    x = [float(one.month) for one in months]
    passed = [(float(one.month), row["error_let_through"]) for one, row in zip(months, rows, strict=True)]
    known = [(at, float(error)) for at, error in passed if isinstance(error, float)]
    curves(
        path, title=f"Autonomy that is earned: {stream}", x="month", y="share", percent="y", y_range=(0.0, 1.0),
        series=[
            Series(label="proposals that people looked at", x=x, y=[float(str(row["review_rate"])) for row in rows]),
            Series(label="error of what was let through", x=[at for at, _ in known], y=[e for _, e in known]),
            Series(label="error of all proposals", x=x, y=[one.wrong / max(1, one.proposals) for one in months],
                   dashed=True),
        ],
        levels=[Level(at=limit, label=f"limit {limit:.0%}")],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stream", choices=sorted(STREAMS), default="tweets")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--per-month", type=int, default=1_000)
    parser.add_argument("--limit", type=float, default=0.05)
    parser.add_argument("--checks", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    months = []
    for month in play(given.stream, given.data, given.folder, given):
        months.append(month)
        print(json.dumps({"stream": given.stream, **month.to_json()}), flush=True)
    if given.picture is not None:
        draw(given.picture, given.stream, months, given.limit)


if __name__ == "__main__":
    main()
