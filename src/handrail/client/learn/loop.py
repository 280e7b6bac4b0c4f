"""The loop: choose, ask, collect, train, calibrate, measure, and again, until it stops paying.

Whatever it decides is written down before anybody is asked, so a process that dies goes on where it was: the round's
picks stand in the database, and each case under a key of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from handrail.calibration.calibrator import Calibrator
from handrail.canonical import parse
from handrail.client.learn.cases import Cases, Pick, Standing, pick_from
from handrail.client.learn.pool import Pool
from handrail.client.learn.rounds import Learned, learned_from
from handrail.client.learn.study import Study, Taught
from handrail.client.learn.terms import Terms
from handrail.client.learn.trainers import Trainer
from handrail.client.local import LocalTransport
from handrail.client.steps import Await, Call
from handrail.errors import Conflict
from handrail.learning.kmeans import Floats
from handrail.learning.queries import first_batch, partition
from handrail.learning.samplers import NEEDS_MODEL, View, at_random, sampler
from handrail.learning.stopping import FIXED_CASES
from handrail.lifecycle import learning
from handrail.store import learning as tables

# chances keep so many decimals where they travel with a case
DECIMALS = 5


class Reviewers(Protocol):
    """Whoever answers, where that is not the people at this control plane's own desk."""

    def ask(self, cases: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Hand over open cases: (case id, proposal). The same may come again, after a crash."""
        ...

    def collect(self) -> int:
        """Bring finished answers in as reviews; how many were new."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where a loop stands when it returns."""

    id: str
    # waiting: people have not answered everything; ended: it stopped, and why
    state: Literal["waiting", "ended"]
    reason: str
    rounds: tuple[Learned, ...]
    # cases that wait for an answer
    open: int
    # class chances of the whole pool by the newest model trained in this call; None if none was
    chances: Floats | None = None
    calibrator: Calibrator | None = None


Progress = Callable[[str], None]


def no_progress(text: str) -> None:
    """Say nothing."""


class Loop:
    """One loop over one pool. `run` goes on until it stops, or until people are waited for longer than asked."""

    def __init__(
        self, transport: LocalTransport, pool: Pool, trainer: Trainer, terms: Terms, *,
        reviewers: Reviewers | None = None, poll: float = 2.0, progress: Progress = no_progress,
        on_round: Callable[[Learned], None] = lambda learned: None,
    ):  # fmt: skip
        self._transport = transport
        self._pool = pool
        self._terms = terms
        self._reviewers = reviewers
        self._poll = poll
        self._progress = progress
        self._on_round = on_round
        self._sampler = sampler(terms.sampler) if isinstance(terms.sampler, str) else terms.sampler
        self._cut = partition(len(pool), np.random.default_rng([terms.seed, 0]), reserve=terms.reserve)
        rng = np.random.default_rng([terms.seed, 1])
        count = min(FIXED_CASES, len(self._cut.active))
        fixed = np.sort(rng.choice(self._cut.active, count, replace=False)) if count else self._cut.active
        self._study = Study(pool=pool, trainer=trainer, choices=terms.choices, fixed=fixed, seed=terms.seed,
                            folds=terms.folds, compare=terms.compare, action=terms.action)  # fmt: skip

    def preview(self) -> tuple[Pick, ...]:
        """What the first round would ask. Nothing is written. Raises `InvalidInput` for an unknown action."""
        need_declared(self._transport, self._terms)
        return self._first()

    def run(self, wait: float | None = None) -> Outcome:
        """Go on as far as possible, waiting at most `wait` seconds for people in all (None: for ever)."""
        until = None if wait is None else time.monotonic() + wait
        id = self._begin()
        cases = Cases(self._transport, id, self._terms.action, self._pool, self._terms.choices)
        while True:
            rounds, picks = self._kept(id)
            if not picks:
                self._ask(id, 0, self._first(), None)
                continue
            standing = self._answered(cases, picks, until)
            if standing.open:
                return self._outcome(id, "waiting", f"{len(standing.open)} cases wait for an answer", rounds, standing)
            taught = self._teach(rounds, picks, standing)
            closed = taught.learned
            ended = self._over(rounds, closed, picks)
            following = () if ended else self._next(picks, standing, taught.chances, len(rounds) + 1)
            ended = ended or ("the pool is empty: every case was asked" if not following else None)
            self._install(taught.calibrator)
            if ended is None:
                self._ask(id, len(rounds) + 1, following, closed)
            else:
                self._run(learning.end, learning.End(actor=self._transport.actor, id=id, reason=ended,
                                                     round=len(rounds), figures=closed.to_json()))  # fmt: skip
            self._on_round(closed)
            if ended is not None:
                made = self._outcome(id, "ended", ended, (*rounds, closed), standing)
                return replace(made, chances=taught.chances, calibrator=taught.calibrator)

    # --- asking -----------------------------------------------------------------------------------

    def _begin(self) -> str:
        terms, actor = self._terms, self._transport.actor
        fixed = terms.fixed(self._pool)
        command = learning.Begin(actor=actor, action=terms.action, terms=fixed, undeclared=terms.undeclared)
        return str(self._run(learning.begin, command))

    def _kept(self, id: str) -> tuple[tuple[Learned, ...], tuple[tuple[Pick, ...], ...]]:
        """Closed rounds, and the picks of every round."""
        rows = tables.batches(self._transport.plane.store, id)
        rounds = tuple(learned_from(parse(bytes(row.figures))) for row in rows if row.figures is not None)
        return rounds, tuple(tuple(map(pick_from, parse(bytes(row.picks)))) for row in rows)

    def _first(self) -> tuple[Pick, ...]:
        size = min(self._terms.start or self._terms.batch, self._terms.budget or len(self._pool))
        held = self._from_reserve(size, ())
        rng = np.random.default_rng([self._terms.seed, 2, 0])
        view = View(candidates=self._cut.active, features=self._pool.features)
        rows = first_batch(view, size - len(held), len(self._terms.choices), rng).tolist()
        return (*(Pick(row=row, picked="active") for row in rows), *(Pick(row=r, picked="reserve") for r in held))

    def _next(
        self, picks: Sequence[Sequence[Pick]], standing: Standing, chances: Floats | None, number: int
    ) -> tuple[Pick, ...]:
        """What to ask next: part from the reserve in its order, the rest by the sampler; at random without a model."""
        asked = [pick.row for batch in picks for pick in batch]
        left = len(self._pool) if self._terms.budget is None else self._terms.budget - len(asked)
        size = min(self._terms.batch, left)
        held = self._from_reserve(size, asked)
        rng = np.random.default_rng([self._terms.seed, 2, number])
        open_ = np.setdiff1d(self._cut.active, asked)
        answered = np.array([row for row in standing.answers if row in set(self._cut.active.tolist())], dtype=np.int64)
        numbers = [self._terms.choices.index(standing.answers[row]) for row in answered.tolist()]
        view = View(candidates=open_, chances=chances, features=self._pool.features, labelled=answered,
                    answers=np.array(numbers, dtype=np.int64))  # fmt: skip
        blind = chances is None and (self._terms.sampler in NEEDS_MODEL or not isinstance(self._terms.sampler, str))
        rows = (at_random if blind else self._sampler)(view, size - len(held), rng).tolist()
        return (
            *(Pick(row=row, picked="active", scores=_scores(chances, row)) for row in rows),
            *(Pick(row=row, picked="reserve", scores=_scores(chances, row)) for row in held),
        )

    def _from_reserve(self, size: int, asked: Sequence[int]) -> list[int]:
        """The next of the reserve, so that it keeps its share of all that was asked."""
        known = set(asked)
        left = [row for row in self._cut.reserve.tolist() if row not in known]
        wanted = round((len(known) + size) * self._terms.reserve) - (len(self._cut.reserve) - len(left))
        return left[: max(0, min(size, wanted))]

    def _ask(self, id: str, number: int, picks: Sequence[Pick], closed: Learned | None) -> None:
        command = learning.Ask(
            actor=self._transport.actor, id=id, round=number, picks=[pick.to_json() for pick in picks],
            size=len(picks), figures=None if closed is None else closed.to_json(),
        )  # fmt: skip
        self._run(learning.ask, command)

    def _answered(self, cases: Cases, picks: Sequence[Sequence[Pick]], until: float | None) -> Standing:
        """Put the newest round before people, and wait until all of it is settled or the time is over."""
        rows = [pick.row for batch in picks for pick in batch]
        new = cases.enqueue(picks[-1], self._cut.chance, round=len(picks) - 1, suggest=self._terms.suggest)
        standing = cases.standing(rows)
        if new or standing.open:
            self._progress(f"round {len(picks) - 1}: {new} cases asked, {len(standing.open)} wait for an answer")
        if self._reviewers is not None and standing.open:
            ids = [standing.cases[row] for row in standing.open]
            self._reviewers.ask([(case_id, cases.record(case_id)) for case_id in ids])
        while standing.open:
            if self._reviewers is not None:
                self._reviewers.collect()
                standing = cases.standing(rows)
            if standing.halted:
                raise Conflict(
                    f"{len(standing.halted)} cases were called off by a halt",
                    remedy="Lift the halt, end this loop, and begin anew.",
                )
            left = self._poll if until is None else min(self._poll, until - time.monotonic())
            if not standing.open or left < 0.0:
                break
            # wakes as soon as this one is decided
            self._transport.send(Await(case_id=standing.cases[standing.open[0]], timeout=left))
            standing = cases.standing(rows)
        return standing

    # --- learning ---------------------------------------------------------------------------------

    def _teach(self, rounds: Sequence[Learned], picks: Sequence[Sequence[Pick]], standing: Standing) -> Taught:
        asked = [pick for batch in picks for pick in batch]
        reserve = [pick.row for pick in asked if pick.picked == "reserve" and pick.row in standing.answers]
        active = [pick.row for pick in asked if pick.picked == "active" and pick.row in standing.answers]
        self._progress(f"round {len(rounds)}: training on {len(active)} labels")
        taught = self._study.teach(
            active, reserve, standing.answers, round=len(rounds), before=rounds[-1] if rounds else None,
            now=self._transport.plane.clock.now(),
        )  # fmt: skip
        learned = replace(taught.learned, asked=len(asked), unanswered=len(standing.unanswered))
        return replace(taught, learned=learned)

    def _over(self, rounds: Sequence[Learned], closed: Learned, picks: Sequence[Sequence[Pick]]) -> str | None:
        """Why to end now, or None."""
        terms, asked = self._terms, sum(map(len, picks))
        every = [*rounds, closed]
        trained = [one for one in every if one.trained_on]
        kappas = [one.kappa for one in trained if one.kappa is not None]
        found = terms.stop.reason(kappas, [one.trained_on for one in trained], [one.error for one in trained])
        if found is not None and closed.trained_on:
            return found
        if terms.rounds is not None and len(every) >= terms.rounds:
            return f"{len(every)} rounds, as many as asked for"
        if terms.budget is not None and asked >= terms.budget:
            return f"{asked} cases asked, which is the budget"
        return None

    def _install(self, calibrator: Calibrator | None) -> None:
        if calibrator is not None and self._terms.calibrator is not None:
            arguments = {"name": self._terms.calibrator, "calibrator": calibrator.to_json()}
            self._transport.send(Call(verb="calibrator", arguments=arguments))

    def _outcome(
        self, id: str, state: Literal["waiting", "ended"], reason: str, rounds: Sequence[Learned], standing: Standing
    ) -> Outcome:
        return Outcome(id=id, state=state, reason=reason, rounds=tuple(rounds), open=len(standing.open))

    def _run(self, verb: Any, command: Any) -> Any:
        return self._transport.plane.run(verb, command)


def need_declared(transport: LocalTransport, terms: Terms) -> None:
    """Raises `InvalidInput` for an action that the policy does not declare, unless that is meant."""
    if not terms.undeclared:
        transport.plane.run(learning.need_declared, (transport.actor, terms.action))


def end(transport: LocalTransport, action: str, reason: str = "ended by hand") -> str:
    """End the loop that is under way for an action; its id. Raises `Conflict` where there is none."""
    found = tables.newest(transport.plane.store, transport.actor.workspace, action)
    if found is None or found.ended_at is not None:
        raise Conflict(f"nothing learns {action} at the moment")
    transport.plane.run(learning.end, learning.End(actor=transport.actor, id=found.id, reason=reason))
    return str(found.id)


def _scores(chances: Floats | None, row: int) -> tuple[float, ...] | None:
    return None if chances is None else tuple(round(float(value), DECIMALS) for value in chances[row])
