"""The gate: a function that asks before it acts, and keeps its name, type and signature."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Generic, ParamSpec, TypeVar

from handrail.canonical import JSON
from handrail.client import flows
from handrail.client.drive import adrive, drive
from handrail.client.pending import Pending
from handrail.client.run import current_run
from handrail.client.signature import Signature
from handrail.client.steps import Answered, Submit
from handrail.client.transport import Transport
from handrail.decision import Decision
from handrail.errors import InvalidInput
from handrail.proposal import Proposal

P = ParamSpec("P")
R = TypeVar("R")

Computed = Any
"""A value, or a function of the call's arguments that returns it."""

# what `gate` and `using` may say about a proposal, each a value or a function of the arguments
SAYS = (
    "confidence", "scores", "categories", "amount", "currency", "environment", "principal", "owners", "key", "base",
    "evidence", "agent_says", "reach", "severity", "harm_classes", "personal_data", "target",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an action is proposed."""

    action: str
    agent: str | None = None
    tool_class: str = "unsafe"
    undo: Callable[..., Any] | None = None
    # shows what would happen: its result becomes evidence
    preview: Callable[..., Any] | None = None
    probe: Callable[[str], bool | None] | None = None
    key_parameter: str | None = None
    lasting: float = 300.0
    says: dict[str, Computed] = field(default_factory=dict)


class _Gate:
    """What blocking and asynchronous gates share."""

    def __init__(self, function: Callable[..., Any], terms: Terms, transport: Transport):
        left_out = () if terms.key_parameter is None else (terms.key_parameter,)
        self.__wrapped__ = function
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self._terms = terms
        self._transport = transport
        self._signature = Signature(function, leave_out=left_out)
        self.tool = flows.Tool(
            function=function, load=self._signature.load, dump_result=self._signature.dump_result,
            load_result=self._signature.load_result, probe=terms.probe, key_parameter=terms.key_parameter,
            lasting=terms.lasting,
        )  # fmt: skip

    @property
    def action(self) -> str:
        """The name that policy knows it by."""
        return self._terms.action

    def proposal(self, *args: Any, **kwargs: Any) -> Proposal:
        """What calling with these arguments would propose."""
        terms, arguments = self._terms, self._signature.dump(args, kwargs)
        says = {name: _computed(value, arguments) for name, value in terms.says.items()}
        if isinstance(says.get("amount"), tuple):
            says["amount"], says["currency"] = says["amount"]
        if says.get("amount") is not None:
            says["amount"] = str(says["amount"])
        for name in ("categories", "owners", "harm_classes", "personal_data", "evidence"):
            if name in says:
                says[name] = tuple(says[name] or ())
        if terms.preview is not None:
            shown = terms.preview(**self._signature.load(arguments))
            says["evidence"] = (*says.get("evidence", ()), _exhibit(shown))
        run = current_run()
        made = Proposal(
            action=terms.action, arguments=arguments, schema=self._signature.schema, tool_class=terms.tool_class,
            undo=None if terms.undo is None else f"{terms.action}.undo", agent=terms.agent,
            **{name: value for name, value in says.items() if value is not None},
        )  # fmt: skip
        return made if run is None else run.place(made)

    def _submit(self, proposal: Proposal) -> flows.Flow[Answered]:
        answered: Answered = yield Submit(proposal=proposal)
        return answered

    def _finish(self, decision: Decision) -> flows.Flow[Any]:
        return flows.carry_out(decision, self.tool, execution=None, nonce=flows.new_nonce())

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is not None:
            raise InvalidInput(
                f"{self._signature.name} is a method: `self` cannot be shown to a reviewer or stored",
                remedy="Gate a plain function that takes what it needs as arguments.",
            )
        return self


class Gated(_Gate, Generic[P, R]):
    """A gated blocking function. Calling it waits if policy says so and raises `NotApproved` kinds."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return drive(flows.gated(self.proposal(*args, **kwargs), self.tool), self._transport)  # type: ignore[no-any-return]

    def request(self, *args: P.args, **kwargs: P.kwargs) -> Pending[R]:
        """Propose and return at once with a durable handle."""
        answered = drive(self._submit(self.proposal(*args, **kwargs)), self._transport)
        return Pending(self._transport, answered, self._finish)

    def using(self, **says: Computed) -> Gated[P, R]:
        """The same gate with more said about the next calls, such as `using(key="invoice-7", confidence=0.9)`."""
        return _using(self, says)


class AsyncGated(_Gate, Generic[P, R]):
    """A gated coroutine function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return adrive(flows.gated(self.proposal(*args, **kwargs), self.tool), self._transport)

    async def request(self, *args: P.args, **kwargs: P.kwargs) -> Pending[R]:
        """Propose and return with a durable handle that can be awaited."""
        answered = await adrive(self._submit(self.proposal(*args, **kwargs)), self._transport)
        return Pending(self._transport, answered, self._finish)

    def using(self, **says: Computed) -> AsyncGated[P, R]:
        """The same gate with more said about the next calls."""
        return _using(self, says)


def make_gate(function: Callable[..., Any], terms: Terms, transport: Transport) -> Any:
    """The gate that fits the function."""
    unknown = sorted(set(terms.says) - set(SAYS))
    if unknown:
        raise InvalidInput(f"a gate cannot say {', '.join(unknown)}", remedy=f"It can say: {', '.join(SAYS)}.")
    # an object with an asynchronous __call__ is one too
    asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    return (AsyncGated if asynchronous else Gated)(function, terms, transport)


G = TypeVar("G", bound=_Gate)


def _using(gate: G, says: dict[str, Computed]) -> G:
    unknown = sorted(set(says) - set(SAYS))
    if unknown:
        raise InvalidInput(f"a gate cannot say {', '.join(unknown)}", remedy=f"It can say: {', '.join(SAYS)}.")
    fresh = copy.copy(gate)
    fresh._terms = replace(gate._terms, says=gate._terms.says | says)
    return fresh


def _computed(value: Computed, arguments: dict[str, JSON]) -> Any:
    return value(**arguments) if callable(value) else value


def _exhibit(shown: Any) -> JSON:
    """A preview as evidence: text, or an exhibit spelled out."""
    if isinstance(shown, dict) and "kind" in shown and "content" in shown:
        return shown
    kind = "diff" if isinstance(shown, str) and ("\n@@" in shown or shown.startswith("--- ")) else "text"
    if not isinstance(shown, str):
        kind = "json"
    return {"kind": kind, "title": "Preview", "content": shown, "source": "preview", "trusted": True}
