"""A run: identity, correlation and limits for everything proposed inside it."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace

from handrail.errors import InvalidInput
from handrail.proposal import Proposal


@dataclass(slots=True, kw_only=True)
class Run:
    """Use as `with hr.run(id=…):`. Proposals made inside carry its run, agent and user.

    Calls are numbered in order, so that a run replayed after a crash names each call as before.
    """

    id: str
    agent: str | None = None
    # the end principal on whose behalf the run acts; may not approve what it asks
    user: str | None = None
    # most proposals this run may make; None: as many as policy allows
    budget: int | None = None
    calls: int = 0
    _token: Token[Run | None] | None = field(default=None, repr=False)

    def __enter__(self) -> Run:
        self._token = _current.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._token is not None
        _current.reset(self._token)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        self.__exit__(*exc)

    def place(self, proposal: Proposal) -> Proposal:
        """The proposal as the next call of this run, under the call id it has, if any.

        Raises `InvalidInput` beyond the budget.
        """
        if self.budget is not None and self.calls >= self.budget:
            raise InvalidInput(f"run {self.id} has used its budget of {self.budget} calls", remedy="Begin another run.")
        return replace(
            proposal, run=self.id, call_id=proposal.call_id or self.next_call(), agent=self.agent or proposal.agent,
            principal=proposal.principal or self.user,
        )  # fmt: skip

    def next_call(self) -> str:
        """The id of the next call in this run."""
        self.calls += 1
        return f"call-{self.calls}"


_current: ContextVar[Run | None] = ContextVar("handrail_run", default=None)


def current_run() -> Run | None:
    """The run this code is in, if any."""
    return _current.get()
