"""The demo with a server and console: programs propose at an easy pace, people answer in the browser.

Two simulated colleagues help with pictures and posts, so that the chart moves; what the office agent wants to do is
left to whoever signs in.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from handrail.client.pending import Pending
from handrail.decision import Decision
from handrail.demo.people import Person
from handrail.demo.plan import Plan
from handrail.demo.stage import Stage, open_plane
from handrail.errors import Conflict, HandrailError, NotApproved, Unavailable
from handrail.lifecycle import access
from handrail.maintenance.plane import Plane
from handrail.server import passwords
from handrail.server.first_start import operator
from handrail.server.run import served
from handrail.server.settings import Settings

UNDO_SECONDS = 5.0
REVIEWER, LEAD = "reviewer@demo.local", "lead@demo.local"
PLAN = Plan(per_round=36, first=30, teach=6, target=0.15)
# seconds between two proposals of each program, and between two answers of a helper
ERRAND_PAUSE, POST_PAUSE, HELP_PAUSE = 6.0, 4.0, 2.5
# requests of one program that may wait for people at once
MOST_WAITING = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A demo that is running: where it is, and how to sign in."""

    address: str
    password: str
    stage: Stage
    # what happened to what the programs proposed
    ended: Counter[str] = field(default_factory=Counter)
    # set once every picture was shown: the stream of pictures is over, the other programs go on
    pictures_over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def show(path: Path, *, seed: int, port: int, helpers: int, plan: Plan | None, pace: float = 1.0) -> Iterator[Show]:
    """Run server and programs for as long as the block lasts. `pace` 2 means twice as fast."""
    plane = open_plane(path, undo=UNDO_SECONDS, people=1)
    with Stage(plane, seed=seed, undo=UNDO_SECONDS, people=1, plan=plan) as stage:
        password = passwords.fresh()
        _let_in(plane, "Demo reviewer", REVIEWER, ("reviewer",), password)
        _let_in(plane, "Demo lead", LEAD, ("lead", "reviewer"), password)
        stop = threading.Event()
        with _served(plane, Settings(database=str(path), host="127.0.0.1", port=port)) as address:
            made = Show(address=address, password=password, stage=stage)
            threads = _start(made, stop, helpers, pace)
            try:
                yield made
            finally:
                stop.set()
                for thread in threads:
                    thread.join()


@contextmanager
def _served(plane: Plane, settings: Settings) -> Iterator[str]:
    with ExitStack() as held:
        try:
            address = held.enter_context(served(plane, settings))
        except RuntimeError as error:
            raise Unavailable(
                f"cannot listen on port {settings.port} of this machine: {error}",
                remedy="Give --port 0 to take a free one.",
            ) from None
        yield address


def _start(made: Show, stop: threading.Event, helpers: int, pace: float) -> list[threading.Thread]:
    stage = made.stage
    works: list[Callable[[], None]] = [
        lambda: _Program(made, stop, lambda: stage.office.next_errand().request(), ERRAND_PAUSE / pace).run(),
        lambda: _Program(made, stop, stage.moderation.post, POST_PAUSE / pace).run(),
    ]
    if stage.labelling is not None:
        works.append(lambda: _label(stage, stop, made.pictures_over))
    # leads are left to people
    for person in [person for person in stage.people if not person.lead][:helpers]:
        works.append(lambda person=person: _help(stage, person, stop, HELP_PAUSE / pace))  # type: ignore[misc]
    threads = [threading.Thread(target=work, name=f"handrail-demo-{n}", daemon=True) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    return threads


class _Program:
    """Proposes at a pace, and comes back for what was decided."""

    def __init__(self, made: Show, stop: threading.Event, propose: Callable[[], Pending[str]], pause: float):
        self.made = made
        self.stop = stop
        self.propose = propose
        self.pause = pause
        self.waiting: list[Pending[str]] = []

    def run(self) -> None:
        while not self.stop.wait(self.pause):
            try:
                if len(self.waiting) < MOST_WAITING:
                    self.waiting.append(self.propose())
                self.waiting = [pending for pending in self.waiting if not self._ended(pending)]
            except Unavailable:
                return

    def _ended(self, pending: Pending[str]) -> bool:
        if pending.status == "open":
            return False
        try:
            pending.result(timeout=0)
            self.made.ended["done"] += 1
        except NotApproved as refused:
            self.made.ended[refused.decision.kind] += 1
        except Conflict:
            self.made.ended["stopped"] += 1
        return True


def _label(stage: Stage, stop: threading.Event, over: threading.Event) -> None:
    """Round after round: propose pictures, wait until people settled them, learn. Sets `over` after the last."""
    labelling = stage.labelling
    assert labelling is not None
    try:
        waiting = labelling.begin()
        while _settled(waiting, stop):
            if labelling.serving is None:
                labelling.learn()
            else:
                labelling.close_round()
            if not labelling.more:
                over.set()
                return
            waiting = labelling.open_round()
    except Unavailable:
        return


def _settled(waiting: list[Pending[Decision]], stop: threading.Event) -> bool:
    """Wait until all are decided; false when the demo stops first."""
    for pending in waiting:
        while pending.decision(timeout=0) is None:
            if stop.wait(0.2):
                return False
    return not stop.is_set()


def _help(stage: Stage, person: Person, stop: threading.Event, pause: float) -> None:
    """A colleague who labels pictures and reads posts."""
    while not stop.wait(pause):
        try:
            person.answer_one(stage.record, stage.subject, "pictures", "posts")
        except Unavailable:
            return
        except HandrailError:
            continue


def _let_in(plane: Plane, name: str, email: str, roles: tuple[str, ...], password: str) -> None:
    add = access.AddPerson(
        actor=operator(plane.workspace_id), name=name, email=email, password=passwords.hashed(password), roles=roles
    )
    plane.run(access.add_person, add)
