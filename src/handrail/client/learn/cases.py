"""The cases of one loop: put before people under keys of their own, and read back as the quorum settled them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, dumps, parse
from handrail.client.learn.pool import Pool
from handrail.client.local import LocalTransport
from handrail.client.steps import Answered, Submit
from handrail.lifecycle.labels import label_noun
from handrail.proposal import Picked, Proposal
from handrail.store import learning as tables
from handrail.store import statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Why a row of the pool is asked, and what the model of the round before said of it."""

    row: int
    picked: Picked
    scores: tuple[float, ...] | None = None

    def to_json(self) -> list[JSON]:
        return [self.row, self.picked, None if self.scores is None else list(self.scores)]


def pick_from(kept: JSON) -> Pick:
    """A kept pick."""
    row, picked, scores = kept
    return Pick(row=row, picked=picked, scores=None if scores is None else tuple(scores))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the cases of a loop stand, by row of the pool."""

    # every row that was asked → its case
    cases: Mapping[int, str]
    # decided, with an answer that is one of the choices
    answers: Mapping[int, str]
    # nobody has settled them yet
    open: tuple[int, ...]
    # settled without such an answer: rejected, expired, abstained, or another word
    unanswered: tuple[int, ...]
    # called off by a halt switch
    halted: tuple[int, ...]


class Cases:
    """Enqueues and reads the cases of one loop."""

    def __init__(self, transport: LocalTransport, id: str, action: str, pool: Pool, choices: Sequence[str]):
        self._transport = transport
        self._id = id
        self._action = action
        self._pool = pool
        self._choices = tuple(choices)

    def enqueue(self, picks: Sequence[Pick], chance: float, *, round: int, suggest: bool) -> int:
        """Put them before people; how many are new. What was asked before is not asked again."""
        new = 0
        for pick in picks:
            made: Answered = self._transport.send(
                Submit(proposal=self.proposal(pick, chance, round=round, suggest=suggest))
            )
            if made.decision is not None and made.decision.halted:
                # its key stays free, so it is asked when the halt is lifted
                made.decision.raise_unless_approved()
            new += not made.replayed
        return new

    def proposal(self, pick: Pick, chance: float, *, round: int, suggest: bool) -> Proposal:
        """The annotation case of one pick. Each round's scores are those of a model of their own."""
        arguments: dict[str, JSON] = {**self._pool.items[pick.row].input, "choices": list(self._choices)}
        if suggest and pick.scores is not None:
            arguments["suggestion"] = self._choices[pick.scores.index(max(pick.scores))]
        return Proposal(
            action=self._action, kind="annotation", arguments=arguments, agent=self._transport.actor.name or None,
            key=self._key(pick.row), picked=pick.picked, chance=chance if pick.picked == "reserve" else None,
            scores=None if pick.scores is None else list(pick.scores),
            model=None if pick.scores is None else f"{self._id}/{round - 1}",
        )  # fmt: skip

    def standing(self, rows: Sequence[int]) -> Standing:
        """How the cases of these rows stand now; rows that were never put before people count as open."""
        plane, workspace = self._transport.plane, self._transport.actor.workspace
        names = {"key\x1f" + self._key(row): row for row in rows}
        found = plane.store.read_hot(tables.learning_cases, workspace=workspace, names=dumps(sorted(names)).decode())
        cases, answers, unanswered, halted = {}, {}, [], []
        truths = self._outcomes(workspace)
        for identity, case_id, decision, data, decided in found:
            row = names[identity]
            cases[row] = case_id
            if decision is None:
                continue
            answer = truths.get(case_id, _answer(decision, data, decided))
            if answer in self._choices:
                answers[row] = answer
            elif decision == "cancelled" and parse(bytes(decided)).get("halted"):
                halted.append(row)
            else:
                unanswered.append(row)
        settled = {*answers, *unanswered, *halted}
        return Standing(
            cases=cases, answers=answers, open=tuple(row for row in rows if row not in settled),
            unanswered=tuple(unanswered), halted=tuple(halted),
        )  # fmt: skip

    def record(self, case_id: str) -> dict[str, Any]:
        """The proposal of a case as it stands."""
        row = self._transport.plane.store.read_hot(
            statements.proposal_get, case_id=case_id, workspace=self._transport.actor.workspace
        )[0]
        made: dict[str, Any] = parse(bytes(row[10]))
        return made

    def _key(self, row: int) -> str:
        return f"learn/{self._id}/{row}"

    def _outcomes(self, workspace: str) -> dict[str, Any]:
        """What turned out to be true later outweighs what people said; the last word counts."""
        found = tables.outcomes(self._transport.plane.store, workspace, self._action)
        labels = {case_id: label_noun(bytes(data)) for case_id, data in found}
        return {case_id: label.answer for case_id, label in labels.items() if label.answer is not None}


def _answer(decision: str, data: Any, decided: Any) -> JSON:
    if decision == "responded":
        return parse(bytes(decided)).get("value")
    if decision == "approved":
        arguments = parse(bytes(data)).get("arguments")
        return arguments.get("suggestion") if isinstance(arguments, dict) else None
    return None
