"""Flows: `@human_feedback` parks the flow with handrail, and a waker resumes it once when people have decided."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from crewai.flow import Flow, HumanFeedbackPending, HumanFeedbackResult
from crewai.flow.async_feedback import PendingFeedbackContext
from crewai.flow.persistence import FlowPersistence
from pydantic_core import to_jsonable_python

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed, Terms, proposed
from handrail.client.waker import Waker
from handrail.decision import Decision
from handrail.errors import InvalidInput
from handrail.parked import Woken

FRAMEWORK = "crewai"
# where the case stands in what CrewAI keeps of a pause
KEPT = "handrail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What people decided about a step of a flow."""

    # the decision's kind (`approved`, `rejected`, …), or `open` when nobody has decided
    kind: str
    case_id: str
    # what the flow goes on with: the step's output as approved or edited, or what a person gave in its stead
    output: JSON = None
    # why not, or what to do instead
    text: str = ""

    @property
    def ok(self) -> bool:
        """The flow may go on with `output`."""
        return self.kind in ("approved", "responded")


class FlowReview:
    """A provider for `@human_feedback(message, provider=FlowReview(hr, action="publish"))`, without `emit`.

    The step's output is proposed as `action` with the arguments `message` and `output`; the flow is parked unless
    policy decides at once. Route in a `@router` on `answer(hr, self)`, and let effects stand in later methods: the
    step itself has run by then. `says` are those of `Client.gate`.
    """

    def __init__(self, hr: Client, *, action: str, agent: str | None = None, **says: Computed):
        self._hr = hr
        self._terms = Terms(action=action, agent=agent, says=says)

    def request_feedback(self, context: PendingFeedbackContext, flow: Flow[Any]) -> str:
        """Propose and park. Raises `HumanFeedbackPending`, which pauses the flow."""
        if context.emit:
            raise InvalidInput(
                f"{context.method_name} has emit=…: a model would guess the outcome from the answer's words, and take "
                "the first for no answer",
                remedy="Leave emit out and route on `answer(hr, self)`.",
            )
        output = to_jsonable_python(context.method_output, fallback=str)
        arguments = {"flow": context.flow_id, "message": context.message, "output": output}
        schema: JSON = {
            "type": "object", "required": list(arguments), "additionalProperties": False,
            "properties": {"flow": {"const": context.flow_id}, "message": {"const": context.message}, "output": {}},
        }  # fmt: skip
        made = proposed(self._terms, arguments, schema=schema, load=dict)
        # a step may pause again in a loop, so each pause is a call of its own
        pending = self._hr.propose(replace(made, run=context.flow_id, call_id=f"{context.method_name}-{uuid4()}"))
        if self._hr.decision(pending.case_id) is not None:
            return json.dumps({KEPT: pending.case_id})
        context.metadata = {**context.metadata, KEPT: pending.case_id}
        # CrewAI saves the flow after this; a waker that is faster finds nothing and tries again
        self._hr.park(run=context.flow_id, framework=FRAMEWORK, cases=[pending.case_id])
        raise HumanFeedbackPending(context=context, callback_info={"case_id": pending.case_id})


def answer(hr: Client, flow: Flow[Any]) -> Answer:
    """What handrail decided about the flow's last step, whatever text the flow was resumed with.

    Raises `InvalidInput` when that step was not put up by `FlowReview`, or its case belongs to another flow.
    """
    last = flow.last_human_feedback
    case_id = None if last is None else _case_of(last)
    if case_id is None:
        raise InvalidInput("the flow's last feedback was not asked for by FlowReview")
    decision = hr.decision(case_id)
    if decision is None:
        return Answer(kind="open", case_id=case_id, text="Nobody has decided.")
    if decision.kind == "responded":
        return Answer(kind="responded", case_id=case_id, output=decision.value)
    if decision.kind != "approved":
        return Answer(kind=decision.kind, case_id=case_id, text=_words(decision))
    arguments = decision.arguments
    if not isinstance(arguments, dict) or arguments.get("flow") != flow.flow_id:
        raise InvalidInput(f"case {case_id} is not of this flow")
    return Answer(kind="approved", case_id=case_id, output=arguments["output"])


def waker(
    hr: Client, flow: type[Flow[Any]], persistence: FlowPersistence | None = None, *,
    then: Callable[[str, Any], None] | None = None, run: str | None = None, lasting: float = 300.0,
    **options: Any,
) -> Waker:  # fmt: skip
    """Resumes parked flows of this class as their steps are decided. Call `run`, `arun` or `start`.

    `then(flow_id, result)` is called each time a flow ended or parked again (`HumanFeedbackPending`). `options` are
    those of the flow's constructor. A flow that raises is tried again. Nobody else may resume these flows: CrewAI runs
    a flow twice that two resume at once. `run` limits it to one flow.
    """

    async def wake(woken: Woken) -> None:
        if any(decision is None for decision in woken.cases.values()):
            raise InvalidInput(f"the flow {woken.run} is woken and not decided")
        try:
            restored = flow.from_pending(woken.run, persistence, **options)
        except ValueError as error:
            # CrewAI takes its row away before it goes on: whoever took it may have acted
            raise InvalidInput(
                f"CrewAI keeps no pause of the flow {woken.run}: it was woken before and broke off, or was never saved",
                remedy="See what its steps did, and begin it again if they are to be done.",
            ) from error
        # only says "look again": `answer` reads the decision itself
        result = await restored.resume_async(json.dumps({KEPT: next(iter(woken.cases))}))
        made: Any = None if then is None else then(woken.run, result)
        if inspect.isawaitable(made):
            await made

    return hr.waker(FRAMEWORK, wake, run=run, lasting=lasting)


def _case_of(last: HumanFeedbackResult) -> str | None:
    kept = (last.metadata or {}).get(KEPT)
    if kept is not None:
        return str(kept)
    try:
        # decided at once: CrewAI keeps nothing of a pause that was none
        return str(json.loads(last.feedback)[KEPT])
    except (ValueError, KeyError, TypeError):
        return None


def _words(decision: Decision) -> str:
    return " ".join(part for part in (decision.instruction, decision.reason, decision.note) if part)
