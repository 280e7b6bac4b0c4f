"""Flows: what a gated call does, written once for blocking and asynchronous callers.

A flow yields steps and is sent their answers. The effect stands between `Start`, which is durable
before it, and `Finish`; the arguments are always those the control plane stored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from handrail.canonical import JSON, dumps
from handrail.client.steps import Answered, Await, AwaitEnd, Call, Finish, Run, Start, Step, Submit
from handrail.decision import Decision
from handrail.errors import Conflict, NotExecutable, NotFound, OutcomeUnknown, ToolFailed, Uncertain
from handrail.execution import Execution
from handrail.proposal import Proposal

# a larger result goes to its caller whole, and into the record cut
MOST_RESULT_BYTES = 900_000
MOST_RESULT_CHARACTERS = 100_000
log = logging.getLogger("handrail.flows")

T = TypeVar("T")
Flow: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How a gated function is called and how its values travel."""

    # called with the keyword arguments that `load` makes
    function: Callable[..., Any]
    # stored JSON arguments to keyword arguments; raises `InvalidInput` if they no longer fit
    load: Callable[[JSON], dict[str, Any]]
    # return value to JSON, and back
    dump_result: Callable[[Any], JSON]
    load_result: Callable[[JSON], Any]
    # asks the tool whether the effect of this key happened: True, False, or None when unsure
    probe: Callable[[str], bool | None] | None = None
    # the parameter that takes the idempotency key, if the function wants it
    key_parameter: str | None = None
    lasting: float = 300.0
    # what the function raises when nothing happened; after anything else a person settles what did
    failures: tuple[type[Exception], ...] = (Exception,)
    # the action it performs: an approval of another is not run with it. Empty: whatever was approved
    action: str = ""


def gated(proposal: Proposal, tool: Tool, *, timeout: float | None = None) -> Flow[Any]:
    """Propose, wait if somebody must look, run once, return the result. Raises `NotApproved` kinds and errors."""
    nonce = new_nonce()
    answered: Answered = yield Submit(proposal=proposal, nonce=nonce, lasting=tool.lasting)
    decision = answered.decision
    if decision is None:
        decision = yield from decided(answered.case_id, proposal, timeout=timeout)
    return (yield from carry_out(decision, tool, execution=answered.execution, nonce=nonce))


def decided(case_id: str, proposal: Proposal | None, *, timeout: float | None) -> Flow[Decision]:
    """Wait for the decision. A caller that goes away and cannot come back for it takes its proposal back."""
    try:
        decision: Decision | None = yield Await(case_id=case_id, timeout=timeout)
    except BaseException:
        if proposal is not None and proposal.key is None and proposal.call_id is None:
            yield Call(verb="cancel", arguments={"case_id": case_id, "reason": "the caller went away"})
        raise
    if decision is None:
        raise TimeoutError(f"case {case_id} was not decided within {timeout} seconds; it stays open")
    return decision


def carry_out(decision: Decision, tool: Tool, *, execution: Execution | None, nonce: str) -> Flow[Any]:
    """Turn a decision into the value a caller gets: run an approval once, or give the human's answer."""
    decision.raise_unless_approved()
    if decision.kind == "responded":
        return tool.load_result(decision.value)
    while True:
        if execution is None:
            execution = yield from started(
                decision.case_id, nonce, decision.action_digest, tool.lasting, action=tool.action or None
            )
        if execution.state == "succeeded" or (execution.state == "settled" and execution.happened):
            return tool.load_result(execution.result)
        if execution.state == "failed":
            raise ToolFailed(f"case {execution.case_id} ran before and failed: {execution.result}")
        if execution.state != "started":
            raise OutcomeUnknown(f"whether case {execution.case_id} took effect is {execution.state}")
        if execution.nonce != nonce:
            # somebody else runs it, or did when he vanished: wait for his result, never run beside him
            yield AwaitEnd(case_id=execution.case_id, until=execution.expires_at)
            execution = None
            continue
        return (yield from effect(execution, tool))


def started(case_id: str, nonce: str, digest: str, lasting: float, *, action: str | None = None) -> Flow[Execution]:
    """Start, waiting while another executor holds the case."""
    while True:
        try:
            execution: Execution = yield Start(
                case_id=case_id, nonce=nonce, action_digest=digest, action=action, lasting=lasting
            )
        except NotExecutable as refused:
            until = refused.context.get("held_until")
            if until is None:
                raise
            yield AwaitEnd(case_id=case_id, until=int(until))
            continue
        return execution


def effect(execution: Execution, tool: Tool) -> Flow[Any]:
    """Call the tool between a durable start and its completion; what it returns, or raises."""
    value, raised = yield from attempted(execution, tool)
    if raised is not None:
        raise raised
    return value


def attempted(execution: Execution, tool: Tool) -> Flow[tuple[Any, Exception | None]]:
    """The same, telling the tool's errors from the control plane's, whatever their kinds.

    Returns the tool's result, or why it failed, either of which is recorded. What is raised could not be recorded.
    """
    if tool.action and execution.action != tool.action:
        wrong = NotExecutable(f"case {execution.case_id} approves {execution.action} and not {tool.action}")
        yield Finish(case_id=execution.case_id, fence=execution.fence, ok=False, result=_error(wrong))
        return None, wrong
    if execution.fence > 1 and tool.probe is not None:
        done, why = _probed(tool.probe, execution.idempotency_key)
        if done is True:
            yield Finish(case_id=execution.case_id, fence=execution.fence, ok=True, result=None)
            return tool.load_result(None), None
        if done is None:
            yield Finish(case_id=execution.case_id, fence=execution.fence, ok=False, uncertain=True)
            unsure = OutcomeUnknown(f"the tool cannot tell whether case {execution.case_id} took effect")
            unsure.__cause__ = why
            return None, unsure
    try:
        arguments = tool.load(execution.arguments)
    except Exception as error:
        # nothing happened: the stored arguments do not fit the function any more
        yield Finish(case_id=execution.case_id, fence=execution.fence, ok=False, result=_error(error))
        return None, error
    if tool.key_parameter is not None:
        arguments[tool.key_parameter] = execution.idempotency_key
    try:
        value = yield Run(function=tool.function, arguments=arguments)
    except Exception as error:
        uncertain = isinstance(error, Uncertain) or not isinstance(error, tool.failures)
        yield Finish(
            case_id=execution.case_id, fence=execution.fence, ok=False, uncertain=uncertain,
            result=None if uncertain else _error(error),
        )  # fmt: skip
        return None, error
    yield Finish(case_id=execution.case_id, fence=execution.fence, ok=True, result=_kept(tool, value))
    return value, None


def _probed(probe: Callable[[str], bool | None], key: str) -> tuple[bool | None, Exception | None]:
    """What the tool says of a key; a probe that raises, or answers anything but yes or no, cannot tell."""
    try:
        said = probe(key)
    except Exception as error:
        return None, error
    return (said if isinstance(said, bool) else None), None


def serve_one(
    case_id: str, tools: Mapping[str, Tool], *, lasting: float = 300.0
) -> Flow[tuple[bool, Exception | None]]:
    """Run one approved action handed over to a worker: whether this did, and what its tool raised.

    It does not if somebody else has it, or nobody may start it.
    """
    nonce = new_nonce()
    try:
        execution: Execution = yield Start(case_id=case_id, nonce=nonce, lasting=lasting)
    except (Conflict, NotFound):
        return False, None
    if execution.state != "started" or execution.nonce != nonce:
        return False, None
    _, raised = yield from attempted(execution, tools[execution.action])
    return True, raised


def new_nonce() -> str:
    """What tells one executor from another."""
    return os.urandom(12).hex()


def _kept(tool: Tool, value: Any) -> JSON:
    """The result for whoever asks again. It did happen, so this raises nothing: what cannot be kept whole is cut."""
    try:
        made = tool.dump_result(value)
        if len(dumps(made)) <= MOST_RESULT_BYTES:
            return made
    except Exception:
        log.info("a result of type %s has no JSON form", type(value).__name__)
    text = (value if isinstance(value, str) else repr(value))[:MOST_RESULT_CHARACTERS]
    cut = text.encode("utf-8", "backslashreplace").decode()
    return f"{cut}\n[handrail] Only this much of the result was kept."


def _error(error: BaseException) -> JSON:
    # an exception may quote bytes that are no text
    message = str(error)[:2000].encode("utf-8", "backslashreplace").decode()
    return {"error": type(error).__name__, "message": message}
