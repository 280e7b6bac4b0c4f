"""Fusing: what people answered about one case, weighed with what the model thinks, by the fusion fitted for its action.

Only where the answer is one of some classes: a prediction, an annotation or a comparison that brings its choices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from handrail.canonical import JSON, digest, dumps, parse
from handrail.consensus.quorum import Outcome
from handrail.entry import need_name
from handrail.errors import InvalidInput
from handrail.learning.classes import chances_of, class_name, classes_of
from handrail.learning.fusion import Fusion
from handrail.lifecycle import calibrators, committing, policies, rows
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow
from handrail.policy.opinions import Opinions
from handrail.route import Route
from handrail.store import schema, statements
from handrail.store.tx import Tx

# the name a fusion is kept under, beside the calibrators
PREFIX = "fusion:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """People and model together, about one case."""

    fusion: Fusion
    terms: Opinions
    # the model's chance of each class, in the fusion's order
    chances: tuple[float, ...]
    # who said which class, oldest first
    answers: tuple[tuple[str, str], ...]
    # each class as the answer it stands for
    choices: dict[str, JSON]

    @property
    def posterior(self) -> dict[str, float]:
        """The chance of each class."""
        found = self.fusion.posterior(self.chances, self.answers)
        return {name: round(float(p), 6) for name, p in zip(self.fusion.classes, found, strict=True)}

    @property
    def wants_more(self) -> bool:
        """Whether one more answer is worth its price, and the cap leaves room for it."""
        price = self.terms.price
        if price is None or len(self.answers) >= self.terms.most:
            return False
        return self.fusion.value(self.chances, self.answers) > price

    def record(self, *, said: JSON = None, delivered: bool = False) -> dict[str, JSON]:
        """As a decision and a label carry it."""
        chances = self.posterior
        best = max(chances, key=lambda name: (chances[name], name))
        made: dict[str, JSON] = {
            "answer": self.choices[best], "chances": chances, "people": len(self.answers),
            "fusion": self.fusion.digest, "delivered": delivered,
        }  # fmt: skip
        return made | ({"said": said} if delivered else {})


def weigh(tx: Tx, row: ProposalRow, given: list[ReviewRow]) -> Fused | None:
    """Weigh the answers in force. None where the policy does not ask for it, nothing was fitted, or the case has no
    classes the fusion knows.
    """
    record = row.record()
    choices = classes_of(record)
    if choices is None:
        return None
    terms = policies.by_digest(tx, row.workspace, row.policy).opinions(row.action)
    fusion = None if terms is None else newest(tx, row.workspace, row.action)
    if terms is None or fusion is None or set(fusion.classes) != set(choices):
        return None
    chances = model_chances(tx, row, record)
    answers = tuple(answers_in(given, record, row.revision, tx.now))
    if chances is None or not answers or any(name not in choices for _, name in answers):
        return None
    return Fused(
        fusion=fusion, terms=terms, chances=tuple(chances[name] for name in fusion.classes), answers=answers,
        choices=choices,
    )  # fmt: skip


def model_chances(tx: Tx, row: ProposalRow, record: dict[str, Any]) -> dict[str, float] | None:
    """The model's chance of each class, by the calibrator of the route if it knows the classes."""
    name = rows.route_noun(row.route).calibrator
    fitted = None if name is None else calibrators.newest(tx, row.workspace, name)
    choices = classes_of(record)
    if fitted is not None and choices is not None:
        try:
            found = fitted.chances(record.get("scores"))
        except InvalidInput:
            found = {}
        if set(found) == set(choices):
            return found
    return chances_of(record)


def answers_in(given: list[ReviewRow], record: dict[str, Any], revision: int, now: int) -> list[tuple[str, str]]:
    """Each person's answer in force, as the name of a class; an approval is the model's suggestion."""
    latest: dict[str, str] = {}
    suggestion = record.get("arguments", {}).get("suggestion")
    for each in sorted(given, key=lambda each: (each.given_at, each.id)):
        if not each.live or each.effective_at > now or each.revision != revision:
            continue
        if each.verdict == "respond":
            latest[each.reviewer] = class_name(rows.review_noun(each).value)
        elif each.verdict == "approve" and suggestion is not None:
            latest[each.reviewer] = class_name(suggestion)
    return list(latest.items())


def delivered(fused: Fused, outcome: Outcome, said: JSON) -> Outcome:
    """The outcome with the fused answer in place of what people said: what the policy asked for by `deferral: fuse`."""
    record = fused.record()
    people = tuple(sorted(who for who, _ in fused.answers))
    if outcome.state == "settled" and dumps(said) == dumps(record["answer"]):
        return outcome
    return replace(outcome, state="settled", kind="responded", value=record["answer"], people=people, conflict=None)


def ask_one_more(tx: Tx, row: ProposalRow, case: CaseRow, route: Route, answers: int) -> None:
    """Leave room for one more person's answer; the quorum stays as it is."""
    wanted = answers + 1 - max(1, case.reviewers)
    if wanted <= route.opinions:
        return
    further = replace(route, opinions=wanted)
    tx.run(statements.proposal_reroute, case_id=case.id, route=rows.route_bytes(further))
    tx.entry(
        row.workspace, "case.escalated", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="open",
        reviewers=max(1, case.reviewers), reason="second_opinion",
        fields=committing.to_route(committing.of_case(row), committing.route_data(further)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """Keep a fitted fusion for an action."""

    actor: Actor
    action: str
    fusion: JSON


def install(tx: Tx, command: Install) -> int:
    """Store the next version of an action's fusion; returns its number. It is applied from now on."""
    command.actor.need_scope("admin")
    need_name("action", PREFIX + command.action)
    Fusion.from_json(command.fusion)
    workspace, name, data = command.actor.workspace, PREFIX + command.action, dumps(command.fusion)
    found = tx.one(statements.calibrator_newest, workspace=workspace, name=name)
    version = 1 if found is None else found[0] + 1
    key = digest(data)
    tx.add(schema.calibrator, workspace=workspace, name=name, version=version, bytes=data, digest=key, made_at=tx.now)
    tx.memo.pop(("fusion", workspace, command.action), None)
    tx.entry(workspace, "calibrator.changed", command.actor.entry(),
             calibrator={"name": name, "version": version, "digest": key})  # fmt: skip
    return version


def newest(tx: Tx, workspace: str, action: str) -> Fusion | None:
    """The fusion in use for an action, or None."""
    key = ("fusion", workspace, action)
    if key not in tx.memo:
        data = calibrators.kept(tx, workspace, PREFIX + action)
        tx.memo[key] = None if data is None else read(data)
    made: Fusion | None = tx.memo[key]
    return made


@lru_cache(maxsize=64)
def read(data: bytes) -> Fusion | None:
    """A stored fusion; None for what is none, so that a case never waits for a broken one."""
    try:
        return Fusion.from_json(parse(data))
    except InvalidInput:
        return None
