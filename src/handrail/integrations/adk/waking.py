"""The resumer of parked sessions: one process gives ADK's confirmations, once, when cases are decided."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Any

from google.adk.events import Event
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.genai import types

from handrail.client.client import Client
from handrail.client.waker import Waker
from handrail.decision import Decision
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.adk.pending import Pending, pending, stalled_in
from handrail.integrations.adk.place import FRAMEWORK
from handrail.integrations.adk.resuming import Pause, resuming
from handrail.parked import Woken

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.1
# so many wakes find an invocation in its middle before its process counts as dead
TAKE_OVER = 3
WENT_ON = "the session went on without it"

Then = Callable[[Session, list[Event]], Awaitable[None] | None]


def waker(
    hr: Client, runner: Runner | Sequence[Runner], *, then: Then | None = None, patience: float = PATIENCE_SECONDS,
    lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Resumes parked sessions as their cases are decided, each by the runner of its app. Call `run`, `arun` or `start`.

    `then(session, events)` is called with what came of it. `patience` is how many seconds a session whose other calls
    are still running is waited for. A wake that raises is tried again.
    """
    runners = {one.app_name: one for one in ([runner] if isinstance(runner, Runner) else runner)}

    async def wake(woken: Woken) -> None:
        kept: dict[str, Any] = json.loads(woken.state or b"{}")
        if kept["app"] not in runners:
            raise InvalidInput(f"no runner of the app {kept['app']} was given to this waker")
        sessions = Sessions(hr, runners[kept["app"]], kept)
        session, waiting = await sessions.quiet(patience)
        stalled = None if session is None or waiting else stalled_in(session, kept["turn"])
        if stalled is not None and woken.fence < TAKE_OVER:
            raise Unavailable("the run that parked this session is still at work")
        if session is None or not (waiting or stalled):
            # nothing there waits for these cases: it is over, or the user said something else
            await hr.aio.abandon(woken.run, FRAMEWORK, reason=WENT_ON)
            return
        pause = Pause(state=woken.state)
        events = await sessions.resume(waiting, stalled, pause)
        await _park(hr, woken.run, pause)
        if then is not None:
            said = then(session, events)
            if inspect.isawaitable(said):
                await said

    return hr.waker(FRAMEWORK, wake, lasting=lasting)


class Sessions:
    """One parked session, and how to go on with it."""

    def __init__(self, hr: Client, runner: Runner, kept: dict[str, Any]):
        self._hr = hr
        self._runner = runner
        self._kept = kept
        self._user, self._session = str(kept["user"]), str(kept["session"])

    async def quiet(self, patience: float) -> tuple[Session | None, list[Pending]]:
        """The session and what it waits for, once it stands still. A tool parks before ADK writes down its pause."""
        until = time.monotonic() + patience
        while True:
            session = await self._runner.session_service.get_session(
                app_name=self._runner.app_name, user_id=self._user, session_id=self._session
            )
            if session is None:
                return None, []
            waiting = pending(session)
            if waiting or stalled_in(session, self._kept["turn"]) is None or time.monotonic() >= until:
                return session, waiting
            await asyncio.sleep(LOOK_SECONDS)

    async def resume(self, waiting: list[Pending], stalled: str | None, pause: Pause) -> list[Event]:
        """Confirm what is decided; the rest stays pending. Or go on with an invocation whose process died."""
        decided = [(one, await self._hr.aio.decision(one.case_id)) for one in waiting]
        answers = [one.answer(_is_yes(decision)) for one, decision in decided if decision is not None]
        pause.cases = [one.case_id for one, decision in decided if decision is None]
        if not answers and stalled is None:
            return []
        message = types.Content(role="user", parts=answers) if answers else None
        token = resuming.set(pause)
        try:
            with self._hr.run(**self._kept["run"]) if self._kept.get("run") else nullcontext():
                run = self._runner.run_async(
                    user_id=self._user, session_id=self._session, invocation_id=stalled, new_message=message
                )
                return [event async for event in run]
        finally:
            resuming.reset(token)


async def _park(hr: Client, run: str, pause: Pause) -> None:
    # also what was decided meanwhile: it is due at once
    cases = list(dict.fromkeys(pause.cases))
    if cases and pause.state is not None:
        await hr.aio.park(run=run, framework=FRAMEWORK, cases=cases, state=pause.state, wakes="any")


def _is_yes(decision: Decision) -> bool:
    return decision.kind in ("approved", "responded")
