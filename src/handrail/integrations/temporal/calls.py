"""What stands in a workflow: its gated calls, and how they wait.

It runs in Temporal's sandbox and is replayed from history: no clock, no chance, nothing but Temporal's own. What wakes
it says only "look again"; the decision is fetched from handrail by an activity.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from handrail.canonical import JSON
from handrail.client.durable import Outcome, no_answer, no_end
from handrail.integrations.temporal.names import CALL, EXECUTE, FETCH, GIVE_UP, LOOK, PROPOSE, WAKE

# early wakes that are kept; whatever is lost beyond is found by looking again
MOST_WOKEN = 1000
STEP = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=60)
# of asking, and of running what may be run again; what may not has one attempt
MOST_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The input of the activities `handrail_propose` and `handrail_call`. `call_id` is unique in the workflow's id."""

    tool: str
    arguments: dict[str, Any]
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The input of the activity `handrail_execute`: no arguments pass through the workflow."""

    tool: str
    case_id: str


class Calls:
    """The gated calls of one workflow. Make it in the workflow's `__init__`.

    `look_again`: how long to wait for a wake before looking without one; the deadline is the case's own.
    """

    def __init__(self, *, look_again: timedelta = timedelta(hours=1)):
        self._look_again = look_again
        self._woken: set[str] = set()
        self._waiting: set[str] = set()
        workflow.set_signal_handler(WAKE, self._wake)
        workflow.set_update_handler(LOOK, self._wake, validator=self._refuse_strangers)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The cases that people have not decided, as far as this workflow knows."""
        return tuple(sorted(self._waiting))

    async def call(self, tool: str, arguments: dict[str, JSON], *, call_id: str | None = None) -> Any:
        """Ask, wait, run once if approved; the tool's result as JSON, or a person's answer.

        Raises `ApplicationError` of type `handrail.Rejected`, `handrail.Expired` and so on, which fails the workflow
        unless it is caught; its details hold the case. `call_id` names the call in every run of this workflow id (by
        default Temporal's deterministic UUID).
        """
        outcome = await self.tell(tool, arguments, call_id=call_id)
        if outcome.ok:
            return outcome.value
        raise ApplicationError(outcome.text, outcome.case_id or "", type=outcome.error, non_retryable=True)

    async def tell(self, tool: str, arguments: dict[str, JSON], *, call_id: str | None = None) -> Outcome:
        """The same for a model: nothing is raised, `text` says why not or what was changed.

        Several at once: `await asyncio.gather(calls.tell(…), calls.tell(…))`.
        """
        call = Proposed(tool=tool, arguments=arguments, call_id=call_id or str(workflow.uuid4()))
        try:
            asked: Outcome = await workflow.execute_activity(
                PROPOSE, call, result_type=Outcome, start_to_close_timeout=STEP,
                retry_policy=RetryPolicy(maximum_attempts=MOST_TRIES),
            )  # fmt: skip
        except ActivityError as error:
            # it may have arrived all the same: nobody is to judge a call for which nobody waits
            await _given_up(call)
            return _unless_cancelled(error, no_answer(error))
        if asked.kind not in ("open", "ready") or asked.case_id is None:
            return asked
        if asked.kind == "open":
            await self._decided(asked.case_id, call)
        return await _executed(asked, Approved(tool=tool, case_id=asked.case_id))

    async def tell_by_one(
        self, tool: str, arguments: dict[str, JSON], *, within: timedelta, call_id: str | None = None
    ) -> Outcome:  # fmt: skip
        """The same by one activity that is completed from outside: the waker runs the tool.

        `within` bounds all of it and must outlast the case. Needs no signal handler in the workflow.
        """
        call = Proposed(tool=tool, arguments=arguments, call_id=call_id or str(workflow.uuid4()))
        try:
            ended: Outcome = await workflow.execute_activity(
                CALL, call, result_type=Outcome, start_to_close_timeout=within,
                retry_policy=RetryPolicy(maximum_attempts=MOST_TRIES),
            )  # fmt: skip
        except ActivityError as error:
            await _given_up(call)
            return _unless_cancelled(error, no_end(None))
        return ended

    async def _decided(self, case_id: str, call: Proposed) -> None:
        self._waiting.add(case_id)
        try:
            kind = "open"
            while kind == "open":
                try:
                    await workflow.wait_condition(lambda: case_id in self._woken, timeout=self._look_again)
                except asyncio.TimeoutError:  # noqa: UP041  the workflow may run on an older Python
                    pass
                self._woken.discard(case_id)
                # there is nothing else to do than to look, however long handrail cannot be reached
                kind = await workflow.execute_activity(
                    FETCH, case_id, result_type=str, start_to_close_timeout=STEP,
                    retry_policy=RetryPolicy(maximum_interval=STEP),
                )  # fmt: skip
        except BaseException as error:
            if is_cancelled_exception(error):
                await _given_up(call)
            raise
        finally:
            self._waiting.discard(case_id)

    def _wake(self, case_id: Any = None, *_: Any) -> None:
        # it may come before the workflow knows its own case, and from anybody: what cannot be taken would be retried
        # for ever
        if isinstance(case_id, str) and len(self._woken) < MOST_WOKEN:
            self._woken.add(case_id)

    def _refuse_strangers(self, case_id: Any = None, *_: Any) -> None:
        if case_id not in self.waiting:
            raise ApplicationError("no call of this workflow waits for that case", type="handrail.NotFound")


async def _executed(asked: Outcome, approved: Approved) -> Outcome:
    lasting = timedelta(seconds=asked.lasting)
    try:
        ended: Outcome = await workflow.execute_activity(
            # a second attempt first waits until the first one's hold has run out
            EXECUTE, approved, result_type=Outcome, start_to_close_timeout=2 * lasting + STEP,
            heartbeat_timeout=HEARTBEAT,
            # left out, Temporal would try for ever
            retry_policy=RetryPolicy(maximum_attempts=1 if asked.once else MOST_TRIES),
        )  # fmt: skip
    except ActivityError as error:
        return _unless_cancelled(error, no_end(asked.case_id))
    return ended


async def _given_up(call: Proposed) -> None:
    """Take it back if it is open. Where handrail cannot be reached the case ends at its deadline."""
    try:
        await workflow.execute_activity(
            GIVE_UP, call, start_to_close_timeout=STEP, retry_policy=RetryPolicy(maximum_attempts=MOST_TRIES)
        )  # fmt: skip
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise


def _unless_cancelled(error: ActivityError, outcome: Outcome) -> Outcome:
    if is_cancelled_exception(error):
        raise error
    return outcome
