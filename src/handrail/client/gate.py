"""The gate: a function that asks before it acts, and keeps its name, type and signature."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, overload

from handrail.client import flows
from handrail.client.drive import adrive, drive, is_asynchronous
from handrail.client.pending import Pending
from handrail.client.run import current_run
from handrail.client.signature import Signature
from handrail.client.steps import Answered, Submit
from handrail.client.terms import Computed, Terms, proposed
from handrail.client.transport import Transport
from handrail.decision import Decision
from handrail.errors import InvalidInput
from handrail.proposal import Proposal

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class _Nothing:
    """What no function returns: only a result of type `Any` fits it, and so is told from a coroutine."""


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
        arguments = self._signature.dump(args, kwargs)
        made = proposed(self._terms, arguments, schema=self._signature.schema, load=self._signature.load)
        run = current_run()
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


class Gated(_Gate, Generic[P, R_co]):
    """A gated function. Calling it waits if policy says so and raises `NotApproved` kinds.

    One type for both kinds, since type checkers cannot tell a coroutine function by its result where that is `Any` or
    a type variable: what is made of `async def f(x: str) -> int` is a `Gated[[str], Coroutine[Any, Any, int]]`.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return drive(flows.gated(self.proposal(*args, **kwargs), self.tool), self._transport)  # type: ignore[no-any-return]

    @overload
    def request(self: Gated[P, _Nothing], *args: P.args, **kwargs: P.kwargs) -> Pending[Any]: ...
    @overload
    def request(  # type: ignore[overload-overlap]
        self: Gated[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, Pending[R]]: ...
    @overload
    def request(self: Gated[P, R], *args: P.args, **kwargs: P.kwargs) -> Pending[R]: ...
    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Propose and return at once with a durable handle."""
        answered = drive(self._submit(self.proposal(*args, **kwargs)), self._transport)
        return Pending(self._transport, answered, self._finish)

    def using(self, **says: Computed) -> Gated[P, R_co]:
        """The same gate with more said about the next calls, such as `using(key="invoice-7", confidence=0.9)`."""
        return _using(self, says)


class AsyncGated(Gated[P, Coroutine[Any, Any, R]]):
    """A gated coroutine function; `inspect.iscoroutinefunction` says so too."""

    def __init__(self, function: Callable[..., Any], terms: Terms, transport: Transport):
        super().__init__(function, terms, transport)
        # frameworks ask before they await; inspect takes what has these for a function, and looks at its code
        plain = _plain_function(function)
        self.__name__: str = getattr(function, "__name__", plain.__name__)
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            setattr(self, name, getattr(plain, name, None))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return adrive(flows.gated(self.proposal(*args, **kwargs), self.tool), self._transport)

    async def request(self, *args: P.args, **kwargs: P.kwargs) -> Pending[R]:  # type: ignore[override]
        """Propose and return with a durable handle that can be awaited."""
        answered = await adrive(self._submit(self.proposal(*args, **kwargs)), self._transport)
        return Pending(self._transport, answered, self._finish)

    def using(self, **says: Computed) -> AsyncGated[P, R]:
        """The same gate with more said about the next calls."""
        return _using(self, says)


def make_gate(function: Callable[..., Any], terms: Terms, transport: Transport) -> Any:
    """The gate that fits the function."""
    return (AsyncGated if is_asynchronous(function) else Gated)(function, terms, transport)


def _plain_function(function: Any) -> Any:
    """The function inside partials, and of an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if hasattr(function, "__code__") else type(function).__call__


G = TypeVar("G", bound=_Gate)


def _using(gate: G, says: dict[str, Computed]) -> G:
    fresh = copy.copy(gate)
    fresh._terms = gate._terms.saying(says)
    return fresh
