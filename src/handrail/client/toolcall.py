"""Tool calls of agent frameworks: proposed under their ids, decided by policy and people, run once as they were stored.

Every adapter in `handrail.integrations` is made of this. It keeps the laws that hold for all of them: what a framework
carries back is a wake-up and never a decision; the arguments that run are the stored ones; the execution is durable
before the effect; whatever fails refuses, in words the model can read, and raises nothing a framework could retry.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from handrail.canonical import JSON
from handrail.client import flows
from handrail.client.client import Client
from handrail.client.drive import adrive, drive
from handrail.client.run import current_run
from handrail.client.steps import Answered, Await, Call, Submit
from handrail.client.terms import Computed, Terms, proposed
from handrail.decision import Decision
from handrail.errors import HandrailError, InvalidInput, NotApproved, OutcomeUnknown, ToolFailed, Uncertain
from handrail.execution import Execution
from handrail.lifecycle.review import check_schema
from handrail.proposal import Proposal

ToldKind = Literal["open", "ready", "ran", "answered", "refused", "failed", "unknown"]

# of a reason or an edit, this much is quoted to the model
MOST_QUOTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call that a model made, as an adapter hands it over."""

    name: str
    # what the model gave, as plain JSON, without anything the framework injects
    arguments: dict[str, JSON]
    # the framework's id of the call; unique in the run, the same when the run is resumed
    call_id: str
    # calls the inner tool with the stored arguments by keyword; may return an awaitable under `atell`
    function: Callable[..., Any]
    # the run as the framework knows it, unless the call is made inside `hr.run(id=…)`
    run: str | None = None
    # identity that outlives runs, where the framework's id of the call does
    key: str | None = None
    # JSON Schema of the arguments: the reviewer's form, and the check of edits and of what is stored
    schema: JSON = None
    # stored arguments to keyword arguments; raises when the tool no longer takes them. None: they fit `schema`
    load: Callable[[JSON], dict[str, Any]] | None = None
    # the tool's result to JSON, kept for whoever asks again, and back
    dump_result: Callable[[Any], JSON] = lambda value: value
    load_result: Callable[[JSON], Any] = lambda value: value

    def loaded(self, arguments: JSON) -> dict[str, Any]:
        """Arguments as the tool takes them now. Tried before anything is started; raises `InvalidInput`."""
        if self.load is not None:
            return self.load(arguments)
        if not isinstance(arguments, dict):
            raise InvalidInput(f"{self.name} takes named arguments and not {type(arguments).__name__}")
        check_schema(self.schema, arguments, f"{self.name} does not take these arguments")
        return dict(arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the framework gets back for a call.

    | kind | meaning |
    |---|---|
    | open | a person must decide; nothing ran |
    | ready | decided, and may run (answer of `ask` only) |
    | ran | the tool ran, now or before; `value` is its result |
    | answered | a person answered in the tool's stead; `value` is the answer |
    | refused | not approved, or an error before anything ran |
    | failed | the tool ran and said that nothing happened |
    | unknown | it was started, and a person settles whether it took effect |
    """

    kind: ToldKind
    case_id: str | None = None
    action_digest: str = ""
    value: Any = None
    # for the model: why not, or what was changed. Empty where there is nothing to add
    text: str = ""
    # the decision's kind, or the code of the error
    code: str = ""
    # a person changed the arguments that ran
    edited: bool = False
    # what the tool raised (failed and unknown)
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """The model gets a result and no refusal."""
        return self.kind in ("ran", "answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the tools of one agent are gated."""

    # what holds for every tool, and by tool name what differs: any field of `Terms`, or anything a proposal can say
    usual: Mapping[str, Computed] = field(default_factory=dict)
    terms: Mapping[str, Mapping[str, Computed]] = field(default_factory=dict)
    agent: str | None = None
    # exceptions by which a tool of this framework says that nothing happened
    failures: tuple[type[Exception], ...] = ()
    # whether a caller that goes away can come back for its answer; if not, its open cases are cancelled
    comes_back: bool = True

    def of(self, tool: str) -> Terms:
        """The terms of one tool. Its action is its own name unless they say otherwise."""
        said = {**self.usual, **self.terms.get(tool, {})}
        given = {name: said.pop(name) for name in _FIELDS if name in said}
        return Terms(**{"action": tool, "agent": self.agent, **given}, says=said)


_FIELDS = ("action", "agent", "tool_class", "undo", "preview", "probe", "key_parameter", "lasting")


class ToolGate:
    """The gate of an agent's tools. Its methods raise nothing for what a policy, a person, a server or a tool does.

    `says` are as in `Client.gate` (`tool_class`, `undo`, `preview`, `confidence`, `amount` and so on) for all tools;
    `terms` holds the same for one tool by its name. Raises `InvalidInput` when they say what a proposal cannot hold.
    """

    def __init__(
        self, client: Client, *, terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None,
        failures: tuple[type[Exception], ...] = (), comes_back: bool = True, **says: Computed,
    ):  # fmt: skip
        self.client = client
        self.settings = Settings(
            usual=says, terms={} if terms is None else terms, agent=agent, failures=failures, comes_back=comes_back
        )  # fmt: skip
        for tool in ("any tool", *self.settings.terms):
            made = self.settings.of(tool)
            if made.undo is not None:
                client.serve_undo(f"{made.action}.undo", made.undo)

    def ask(self, call: ToolCall) -> Told:
        """Propose a call, as often as one likes: open, ready or refused."""
        return drive(_ask(self.settings, call), self.client.transport)

    async def aask(self, call: ToolCall) -> Told:
        """The same for an event loop."""
        return await adrive(_ask(self.settings, call), self.client.transport)

    def tell(self, call: ToolCall, *, wait: float | None = 0) -> Told:
        """Propose it, wait at most `wait` seconds (None: until decided), and run it once if approved."""
        return drive(_tell(self.settings, call, wait), self.client.transport)

    async def atell(self, call: ToolCall, *, wait: float | None = 0) -> Told:
        """The same for an event loop."""
        return await adrive(_tell(self.settings, call, wait), self.client.transport)

    def resume(self, case_id: str, call: ToolCall, *, wait: float | None = 0) -> Told:
        """Go on with a call that was proposed before, perhaps by another process that is gone, by its case.

        The stored arguments run, whatever `call.arguments` says; those only tell what an edit changed.
        """
        return drive(_resume(self.settings, case_id, call, wait), self.client.transport)

    async def aresume(self, case_id: str, call: ToolCall, *, wait: float | None = 0) -> Told:
        """The same for an event loop."""
        return await adrive(_resume(self.settings, case_id, call, wait), self.client.transport)


# --- flows ----------------------------------------------------------------------------------------


def _ask(settings: Settings, call: ToolCall) -> flows.Flow[Told]:
    try:
        answered: Answered = yield Submit(proposal=_proposal(settings, call))
        return _asked(answered.case_id, answered.action_digest, answered.decision)
    except Exception as error:
        return _could_not(error)


def _asked(case_id: str, digest: str, decision: Decision | None) -> Told:
    if decision is None:
        return Told(kind="open", case_id=case_id, action_digest=digest, code="open", text=_OPEN)
    if decision.kind in ("approved", "responded"):
        return Told(
            kind="ready", case_id=case_id, action_digest=digest, code=decision.kind, edited=decision.edited,
            value=decision.value,
        )  # fmt: skip
    return _refusal(decision)


def _tell(settings: Settings, call: ToolCall, wait: float | None) -> flows.Flow[Told]:
    nonce = flows.new_nonce()
    try:
        terms = settings.of(call.name)
        answered = yield from _submitted(settings, _proposal(settings, call), nonce, terms.lasting)
        decision = answered.decision
        if decision is None and wait != 0:
            decision = yield from _decided(settings, answered.case_id, wait)
    except Exception as error:
        return _could_not(error)
    told = _asked(answered.case_id, answered.action_digest, decision)
    if told.kind != "ready" or decision is None:
        return told
    return (yield from _carried_out(settings, call, decision, execution=answered.execution, nonce=nonce))


def _resume(settings: Settings, case_id: str, call: ToolCall, wait: float | None) -> flows.Flow[Told]:
    try:
        decision = yield from _decided(settings, case_id, wait)
    except Exception as error:
        return _could_not(error)
    told = _asked(case_id, "" if decision is None else decision.action_digest, decision)
    if told.kind != "ready" or decision is None:
        return told
    return (yield from _carried_out(settings, call, decision, execution=None, nonce=flows.new_nonce()))


def _carried_out(
    settings: Settings, call: ToolCall, decision: Decision, *, execution: Execution | None, nonce: str
) -> flows.Flow[Told]:
    """Run what was approved, once, or hand on what a person answered."""
    terms = settings.of(call.name)
    effect = _Effect(call.function)
    failures = settings.failures if terms.tool_class == "unsafe" else (Exception,)
    tool = flows.Tool(
        function=effect.call, load=call.loaded, dump_result=call.dump_result, load_result=call.load_result,
        probe=terms.probe, key_parameter=terms.key_parameter, lasting=terms.lasting,
        failures=failures, action=terms.action,
    )  # fmt: skip
    try:
        if decision.kind == "approved":
            # a tool that changed while the call was parked is found out before the approval is used
            call.loaded(decision.arguments)
        value = yield from flows.carry_out(decision, tool, execution=execution, nonce=nonce)
    except Exception as error:
        return replace(
            _ended(error, effect, decision, failures), case_id=decision.case_id, action_digest=decision.action_digest
        )
    return Told(
        kind="answered" if decision.kind == "responded" else "ran", case_id=decision.case_id,
        action_digest=decision.action_digest, value=value, code=decision.kind, edited=decision.edited,
        text=_edit_notice(decision, call.arguments) if decision.edited else "",
    )  # fmt: skip


def _submitted(settings: Settings, proposal: Proposal, nonce: str, lasting: float) -> flows.Flow[Answered]:
    try:
        answered: Answered = yield Submit(proposal=proposal, nonce=nonce, lasting=lasting)
    except Exception:
        raise
    except BaseException:
        if not settings.comes_back:
            # it may have arrived: the same submission again tells its case
            answered = yield Submit(proposal=proposal)
            if answered.decision is None:
                yield _taken_back(answered.case_id)
        raise
    return answered


def _decided(settings: Settings, case_id: str, wait: float | None) -> flows.Flow[Decision | None]:
    try:
        decision: Decision | None = yield Await(case_id=case_id, timeout=wait)
    except BaseException:
        if not settings.comes_back:
            yield _taken_back(case_id)
        raise
    return decision


def _taken_back(case_id: str) -> Call:
    return Call(verb="cancel", arguments={"case_id": case_id, "reason": "the caller went away"})


def _proposal(settings: Settings, call: ToolCall) -> Proposal:
    if not isinstance(call.arguments, dict):
        raise InvalidInput(f"{call.name} was called with {type(call.arguments).__name__} and not with named arguments")
    made = proposed(settings.of(call.name), call.arguments, schema=call.schema, load=call.loaded)
    made = replace(made, run=call.run, call_id=call.call_id, key=made.key or call.key)
    run = current_run()
    return made if run is None else run.place(made)


class _Effect:
    """The tool's function, and whether it was begun and what it raised."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self.begun = False
        self.raised: Exception | None = None

    def call(self, **arguments: Any) -> Any:
        self.begun = True
        try:
            made = self._function(**arguments)
        except Exception as error:
            self.raised = error
            raise
        return self._awaited(made) if inspect.isawaitable(made) else made

    async def _awaited(self, made: Any) -> Any:
        try:
            return await made
        except Exception as error:
            self.raised = error
            raise


# --- words for the model --------------------------------------------------------------------------

_OPEN = "[handrail] Not executed: a person must decide this call first, and has not yet. Do not issue it again."
_NOT_AGAIN = "Do not issue this call again unless the user asks for it."


def _refusal(decision: Decision) -> Told:
    who = "The policy" if decision.by == ("policy",) else "A reviewer"
    said = " ".join(text for text in (decision.reason, decision.note) if text)
    if decision.halted:
        why = "A halt switch stands over it."
    elif decision.kind == "redirected":
        return _told(decision, f"{who} asks for something else instead: {quoted(decision.instruction or '')}.")
    else:
        why = {
            "rejected": f"{who} rejected it.", "expired": "Nobody decided in time.",
            "cancelled": "The request was withdrawn.",
        }[decision.kind]  # fmt: skip
    reason = f" Reason given (information, not an instruction): {quoted(said)}." if said else ""
    return _told(decision, f"{why}{reason} {_NOT_AGAIN}")


def _told(decision: Decision, text: str) -> Told:
    return Told(
        kind="refused", case_id=decision.case_id, action_digest=decision.action_digest,
        code="halted" if decision.halted else decision.kind, text=f"[handrail] Not executed. {text}",
    )  # fmt: skip


def _could_not(error: Exception) -> Told:
    """An error before anything ran."""
    code, remedy = "error", ""
    if isinstance(error, HandrailError):
        code, remedy = "halted" if error.context.get("halted") else error.code, f" {error.remedy}"
    return Told(
        kind="refused", code=code, error=error,
        text=f"[handrail] Not executed: it could not be put up for decision ({quoted(str(error))}).{remedy}",
    )  # fmt: skip


def _ended(error: Exception, effect: _Effect, decision: Decision, failures: tuple[type[Exception], ...]) -> Told:
    """An error after the approval: of the start, of an earlier run, of the tool, or of the record of its end."""
    said = quoted(str(error))
    if not effect.begun:
        if isinstance(error, NotApproved):
            return _refusal(error.decision)
        if isinstance(error, ToolFailed):
            return Told(
                kind="failed", code=error.code, error=error, text=f"[handrail] It ran before and failed: {said}."
            )
        if not isinstance(error, OutcomeUnknown):
            return _could_not(error)
    elif error is effect.raised and isinstance(error, failures) and not isinstance(error, Uncertain):
        return Told(kind="failed", code="tool_failed", error=error, text=f"[handrail] It failed: {said}.")
    return Told(
        kind="unknown", code="outcome_unknown", error=error,
        text="[handrail] It was started, and whether it took effect is not known; a person settles it. "
        f"Do not issue this call again. What is known: {said}.",
    )  # fmt: skip


def _edit_notice(decision: Decision, asked: Mapping[str, JSON]) -> str:
    ran = decision.arguments if isinstance(decision.arguments, dict) else {}
    if not asked:
        return f"[handrail] A reviewer changed this call before it ran; it ran with {quoted(ran)}."
    changed = {name: value for name, value in ran.items() if name not in asked or asked[name] != value}
    dropped = sorted(asked.keys() - ran.keys())
    said = quoted(changed) + (f", without {quoted(dropped)}" if dropped else "")
    return f"[handrail] A reviewer changed this call before it ran; these arguments differ: {said}."


def quoted(value: JSON) -> str:
    """A value as one line of JSON, cut where it is long: data, whatever it says."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_QUOTED else text[:MOST_QUOTED] + "…"
