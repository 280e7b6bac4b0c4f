"""The whole loop played without sockets, with simulated people, on a clock of its own; then judged.

Nothing is mocked: the client, the policy, the queue, the undo windows, the deadlines, the workers and the log are those
of every other day. Only the time is played, so that ten seconds of undo window cost nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.client.pending import Pending
from handrail.client.steps import Start
from handrail.clock import FakeClock, SystemClock
from handrail.demo.moderation import Moderation
from handrail.demo.office import PAY, Errand
from handrail.demo.people import Person
from handrail.demo.plan import Plan
from handrail.demo.stage import Stage, open_plane
from handrail.errors import Conflict, KeyReused, NotApproved, NotExecutable

UNDO_SECONDS = 5.0
PEOPLE_A_PICTURE = 2
ANSWER_SECONDS = 1.5
RACERS = 8
# beyond every deadline of the policy
LONG = 2 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is played. `plan` None: no pictures."""

    seed: int = 0
    rounds: int = 6
    errands_per_round: int = 25
    posts_per_round: int = 50
    plan: Plan | None = None


@dataclass(slots=True, kw_only=True)
class Played:
    """What the players saw; the judge compares it with the log, the store and the ledger."""

    settings: Settings
    # every case id a player was given
    cases: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    # results the callers got, by case
    results: dict[str, Any] = field(default_factory=dict)


Progress = Callable[[str], None]


def play(path: Path, settings: Settings, progress: Progress = lambda text: None) -> tuple[Stage, Played]:
    """Play all rounds on a database at `path`. The stage comes back open, to be judged and closed."""
    clock = FakeClock(SystemClock().now())
    plane = open_plane(path, undo=UNDO_SECONDS, people=PEOPLE_A_PICTURE, clock=clock)
    stage = Stage(plane, seed=settings.seed, undo=UNDO_SECONDS, people=PEOPLE_A_PICTURE, plan=settings.plan)
    player = _Player(stage, clock, Played(settings=settings), progress)
    try:
        player.play()
    except BaseException:
        stage.close()
        raise
    return stage, player.played


class _Player:
    def __init__(self, stage: Stage, clock: FakeClock, played: Played, progress: Progress):
        self.stage = stage
        self.clock = clock
        self.played = played
        self.progress = progress
        self.waiting: list[Pending[str]] = []
        if stage.client.undo_worker is not None:
            # stepped by hand, like everything else here
            stage.client.undo_worker.stop()
        self.timers = next(loop for loop in stage.plane.loops if loop.name == "timers")

    def play(self) -> None:
        settings, labelling = self.played.settings, self.stage.labelling
        if labelling is not None:
            self._note(labelling.begin())
            self._people_work()
            labelling.learn()
        for number in range(settings.rounds):
            for _ in range(settings.errands_per_round):
                self._do(self.stage.office.next_errand())
                self.clock.advance(1.0)
            for at in range(settings.posts_per_round):
                if at == settings.posts_per_round // 2:
                    # what was let through by now runs before anybody looks; the rest waits for its caller
                    self._collect()
                self.waiting.append(self._moderate(self.stage.moderation))
                self.clock.advance(0.5)
            if labelling is not None and labelling.more:
                self._note(labelling.open_round())
            self._people_work()
            self._collect()
            text = f"round {number + 1} of {settings.rounds}"
            if labelling is not None and labelling.more:
                made = labelling.close_round()
                text += f": people saw {made.review_rate:.0%} of the pictures, the model errs in {made.model_error:.1%}"
            self.progress(text)
        self._race()
        self._nobody_comes()

    # --- the programs -----------------------------------------------------------------------------

    def _do(self, errand: Errand) -> None:
        """Propose an errand; every fourth is sent twice, and now and then a key comes back with something else."""
        count = self.played.count
        pending = errand.request()
        self._note([pending])
        self.waiting.append(pending)
        count["errands"] += 1
        if count["errands"] % 4 == 0:
            count["sent_twice"] += 1
            count["replayed"] += errand.request().case_id == pending.case_id
        if count["errands"] % 10 == 3 and errand.gate.action == PAY:
            count["keys_misused"] += 1
            try:
                errand.request(amount=errand.arguments["amount"] + 1)
            except KeyReused:
                count["keys_refused"] += 1

    def _moderate(self, moderation: Moderation) -> Pending[str]:
        pending = moderation.post()
        self._note([pending])
        return pending

    def _note(self, pendings: list[Any]) -> None:
        self.played.cases.extend(pending.case_id for pending in pendings)

    def _collect(self) -> None:
        """Callers come back for what was decided: run it once, and try to run every third of it again."""
        open_still = []
        for pending in self.waiting:
            if pending.status == "open":
                open_still.append(pending)
                continue
            try:
                self.played.results[pending.case_id] = pending.result(timeout=0)
            except NotApproved:
                continue
            except NotExecutable:
                # somebody objected before it began
                self.played.count["stopped_in_time"] += 1
                continue
            if len(self.played.results) % 3 == 0:
                self._run_again(pending)
        self.waiting = open_still
        self._serve_undos()

    def _run_again(self, pending: Pending[str]) -> None:
        """The same caller asks again, and another executor tries to start it: neither may have a second effect."""
        count = self.played.count
        effects = len(self.stage.ledger.effects)
        count["started_twice"] += 2
        count["same_result"] += pending.result(timeout=0) == self.played.results[pending.case_id]
        try:
            made = self.stage.client.transport.send(Start(case_id=pending.case_id, nonce="another-executor"))
            refused = made.state != "started"
        except Conflict:
            refused = True
        count["starts_refused"] += refused + (len(self.stage.ledger.effects) == effects)

    def _race(self) -> None:
        """Several callers make the same call at the same moment: one effect, one result."""
        errand = self.stage.office.payment(at_most=5_000)
        errand.says["confidence"] = 0.99
        results: list[str] = []
        threads = [threading.Thread(target=lambda: results.append(errand.call())) for _ in range(RACERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._note([errand.request()])
        self.played.count["racers"] = RACERS
        self.played.count["race_results"] = len(set(results))

    def _serve_undos(self) -> None:
        """Run the reverses that objections called for."""
        undos = self.stage.client.undo_worker
        while undos is not None and undos.step():
            pass

    # --- the people -------------------------------------------------------------------------------

    def _people_work(self) -> None:
        """Everybody answers in turn until nothing is left; windows end, and what they free is answered too."""
        team = [person for person in self.stage.people if not person.lead]
        leads = [person for person in self.stage.people if person.lead]
        while True:
            while sum(map(self._answer, team)) or sum(map(self._answer, leads)):
                continue
            self.clock.advance(UNDO_SECONDS + 1)
            if not self._timers_step():
                return

    def _answer(self, person: Person) -> bool:
        answered = person.answer_one(self.stage.record, self.stage.subject)
        self.clock.advance(ANSWER_SECONDS if answered else 0)
        return answered

    def _timers_step(self) -> int:
        done = 0
        while made := self.timers.step():
            done += made
        return done

    def _nobody_comes(self) -> None:
        """One payment that everybody leaves lying: it expires, and is never paid."""
        pending = self.stage.office.payment(at_most=9_000).request()
        self._note([pending])
        large = self.stage.office.payment(at_most=400_000).request()
        self._note([large])
        self.waiting += [pending, large]
        self.clock.advance(LONG)
        self._timers_step()
        self._collect()
        for loop in self.stage.plane.loops:
            loop.step()
