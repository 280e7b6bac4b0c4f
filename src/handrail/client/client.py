"""The client: the same object in process (`open`) and over HTTP (`connect`)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, Unpack

from handrail.canonical import JSON
from handrail.client import asking, flows
from handrail.client.desk import Desk
from handrail.client.drive import adrive, drive
from handrail.client.gate import Gated, P, make_gate
from handrail.client.http import HttpTransport
from handrail.client.learn import loop as learning
from handrail.client.learn.pool import pool_of
from handrail.client.learn.terms import Wishes, terms_of
from handrail.client.learn.trainers import trainer_of
from handrail.client.local import UNNAMED, LocalTransport
from handrail.client.pending import Pending
from handrail.client.run import Run
from handrail.client.signature import Signature
from handrail.client.steps import Call
from handrail.client.taken import Taken
from handrail.client.terms import Terms
from handrail.client.transport import Transport
from handrail.client.waker import Wake, Waker
from handrail.client.worker import Worker
from handrail.decision import Decision
from handrail.errors import Conflict, InvalidInput
from handrail.learning.guidance import Correction, correction_from_json
from handrail.lifecycle import access, policies
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane, policy_from
from handrail.parked import Parked, Wakes
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.wire import parked_from_json

R = TypeVar("R")
T = TypeVar("T")


def open(
    path: str | Path = "handrail.db", *, policy: str | Path | None = None, agent: str = UNNAMED,
    allow_unsafe: bool = False,
) -> Client:  # fmt: skip
    """A control plane in this process, on a SQLite file beside you or a `postgresql://` URL.

    `policy` is a file or the YAML text itself; it is put in force if it differs from the present one.
    Without one, the built-in policy gates every action. `agent` is the name this program acts under:
    its proposals carry it, and a halt of it stops them.
    """
    text = _policy_text(policy)
    plane = Plane(path, policy=text, allow_unsafe=allow_unsafe)
    client = Client(LocalTransport(plane, _local_agent(agent)))
    if text is not None:
        client.set_policy(text)
    return client


def connect(url: str, *, key: str) -> Client:
    """A control plane behind HTTP: the same client, with an API key."""
    return Client(HttpTransport(url, key))


class Client:
    """Gates functions, asks people, runs approved actions. Close it, or use it as a context manager.

    Blocking methods have asynchronous twins under `aio`; gated coroutine functions are asynchronous by themselves.
    """

    def __init__(self, transport: Transport):
        self.transport = transport
        self.aio = AsyncClient(transport, self.desk)
        self._undo_worker: Worker | None = None

    # --- gates --------------------------------------------------------------------------------

    def gate(
        self, action: str | None = None, *, undo: Callable[..., Any] | None = None,
        preview: Callable[..., Any] | None = None, tool_class: str = "unsafe",
        probe: Callable[[str], bool | None] | None = None, key_parameter: str | None = None, agent: str | None = None,
        lasting: float = 300.0, **says: Any,
    ) -> GateMaker:  # fmt: skip
        """Make a function ask before it acts.

        `action` is the name policy knows it by (default: the function's own). `undo(arguments, result)`
        takes it back; `preview(**arguments)` shows what it would do; `tool_class` says what a crash means
        (`unsafe`, `idempotent`, `queryable` with `probe(key)`, `transactional`); `key_parameter` names the
        parameter that receives the idempotency key; after `lasting` seconds (1 to 86,400) a caller that has not
        reported its end counts as gone. Anything else describes the proposal (`confidence`,
        `amount`, `key`, `categories`, `principal`, …) as a value or a function of the arguments.
        """

        def terms(function: Callable[..., Any]) -> Terms:
            name = action or function.__name__
            if undo is not None:
                self.serve_undo(f"{name}.undo", undo)
            return Terms(action=name, agent=agent, tool_class=tool_class, undo=undo, preview=preview, probe=probe,
                         key_parameter=key_parameter, lasting=lasting, says=says)  # fmt: skip

        return GateMaker(terms, self.transport)

    def worker(self, handlers: Mapping[str, Callable[..., Any]]) -> Worker:
        """A worker that runs approved actions proposed elsewhere, by action name. Call `run` or `start`."""
        return Worker(self.transport, {name: _tool(function) for name, function in handlers.items()})

    def waker(
        self, framework: str | Sequence[str], wake: Wake, *, run: str | None = None, lasting: float = 300.0
    ) -> Waker:  # fmt: skip
        """A waker: calls `wake(woken)` for each parked run whose cases are decided, once. Call `run` or `start`.

        `lasting` is how many seconds after its death another waker may take the run it held.
        """
        return Waker(self.transport, framework, wake, run=run, lasting=lasting)

    @property
    def undo_worker(self) -> Worker | None:
        """What runs the reverses declared by `gate(undo=…)`; None while there are none."""
        return self._undo_worker

    def serve_undo(self, name: str, undo: Callable[..., Any]) -> None:
        tool = _tool(undo)
        if self._undo_worker is None:
            self._undo_worker = Worker(self.transport, {name: tool}).start()
        else:
            self._undo_worker.add(name, tool)

    # --- asking -------------------------------------------------------------------------------

    def propose(self, proposal: Proposal) -> Pending[Decision]:
        """Hand over any proposal and get a durable handle; `result()` is its decision."""
        return Pending(self.transport, drive(asking.submit(proposal), self.transport), asking.as_it_is)

    def ask(
        self, question: str, *, schema: Any = str, to: str | None = None, within: str | float | None = None,
        choices: Sequence[JSON] | None = None, timeout: float | None = None, key: str | None = None,
    ) -> Any:  # fmt: skip
        """Ask people a question and wait for the answer, validated as `schema`.

        `to` is a role (`role:finance`), `within` a time such as `2h`. Raises `Rejected`, `Expired`, `Redirected`.
        """
        return drive(asking.ask(question, schema, to, within, choices, timeout, key), self.transport)

    def review(
        self, plan: T, *, schema: Any = None, action: str | None = None, kind: asking.Reviewed = "plan",
        timeout: float | None = None, key: str | None = None,
    ) -> T:  # fmt: skip
        """Put a plan, or what is about to be delivered (`kind="output"`), before people; back comes what they left.

        `action` is the name policy knows it by (default: its kind). Raises `Rejected`, `Redirected`, `Expired`.
        """
        return drive(asking.review(plan, schema, action, kind, timeout, key), self.transport)  # type: ignore[no-any-return]

    def predict(
        self, action: str, x: JSON, scores: Mapping[str, float] | Sequence[Any], *,
        labels: Sequence[str] | None = None, timeout: float | None = None, **says: Any,
    ) -> Any:  # fmt: skip
        """Send a model's answer through the same door; returns the label that stands.

        `scores` are the model's probabilities by label (or in the order of `labels`), or a list of such vectors, one a
        member of an ensemble; the best, on average, is proposed. `model=` says which version of the model made them.
        """
        return drive(asking.predict(action, x, scores, labels, timeout, says), self.transport)

    def guidance(self, action: str, arguments: JSON = None, *, limit: int = 5) -> list[Correction]:
        """What people changed, refused or redirected about this action before, most like these arguments first.

        Material for the program, and no permission: whatever it proposes next is judged anew. Needs the scope `read`.
        """
        return _corrections(self.call("guidance", action=action, arguments=arguments, limit=limit))

    # --- parked runs ------------------------------------------------------------------------------

    def park(
        self, *, run: str, framework: str, cases: Sequence[str], state: bytes | None = None, wakes: Wakes = "all",
        abandon: bool = True, join: bool = False,
    ) -> str:  # fmt: skip
        """Keep a paused run until its cases are decided; the park's id. Ends the park that the run had before.

        `state` is what it takes to wake it (at most 1 MiB). `abandon`: what the run waited for before and does not
        wait for now is taken back, unless it is decided. `join`: the calls of one pause park one after another; these
        cases are added to those of its present park, if that has the same state.
        """
        return str(self.call("park", **_parked(run, framework, cases, state, wakes, abandon, join))["id"])

    def parks(self) -> list[Parked]:
        """The parked runs that are not over, oldest first."""
        return [parked_from_json(item) for item in self.call("parks")["items"]]

    def abandon(self, run: str, framework: str, *, reason: str = "abandoned") -> list[str]:
        """The run will not go on from its pause: end its park; the ids of the cases that were taken back."""
        return list(self.call("abandon", run=run, framework=framework, reason=reason)["cancelled"])

    # --- control ------------------------------------------------------------------------------

    def run(self, id: str, *, agent: str | None = None, user: str | None = None, budget: int | None = None) -> Run:
        """Identity, correlation and limits for what is proposed inside `with`."""
        return Run(id=id, agent=agent, user=user, budget=budget)

    def halt(
        self, *, agent: str | None = None, action: str | None = None, run: str | None = None, reason: str = ""
    ) -> str:
        """Stop an agent, an action or a run, or with none of them everything. Returns the halt's id."""
        return str(self.call("halt", **_halted(agent, action, run), reason=reason)["id"])

    def lift(self, halt_id: str) -> None:
        """Lift a halt."""
        self.call("lift", id=halt_id)

    def undo(self, case_id: str, *, reason: str = "") -> str | None:
        """Take an executed action back. None: it had not begun and never will; else the case id of the reverse."""
        made = self.call("undo", case_id=case_id, reason=reason)["case_id"]
        return None if made is None else str(made)

    def cancel(self, case_id: str, *, reason: str = "withdrawn") -> None:
        """Take a proposal back before it is decided."""
        self.call("cancel", case_id=case_id, reason=reason)

    def take_over(self, case_id: str, *, by: str | None = None, seconds: int = 900) -> Taken:
        """A person does this step himself, and hands back its result, or gives it back undone.

        Meanwhile nobody answers the case, and what is approved is not begun by a program. The person is the key's over
        HTTP; in process `by` names him (added as a reviewer if unknown).
        """
        return self.desk(by).take_over(case_id, seconds=seconds)

    def outcome(
        self, case_id: str, *, correct: bool | None = None, value: JSON = None, source: str = "outcome",
        severe: bool = False,
    ) -> None:  # fmt: skip
        """Report how it turned out in the end. A `severe` miss takes back the autonomy that let it through."""
        self.call("outcome", case_id=case_id, correct=correct, value=value, source=source, severe=severe)

    def decision(self, case_id: str, timeout: float | None = 0) -> Decision | None:
        """The decision of a case, waiting up to `timeout` seconds for it (None: for ever)."""
        return drive(asking.decision(case_id, timeout), self.transport)

    def call(self, verb: str, **arguments: Any) -> Any:
        """Any other verb by name."""
        return self.transport.send(Call(verb=verb, arguments=arguments))

    # --- in process only ----------------------------------------------------------------------

    @property
    def plane(self) -> Plane:
        """The control plane of this process. Raises `InvalidInput` for a client over HTTP."""
        if not isinstance(self.transport, LocalTransport):
            raise InvalidInput("this client speaks to a server", remedy="Use the server's own tools for that.")
        return self.transport.plane

    def set_policy(self, policy: str | Path) -> str:
        """Put a policy in force; its digest. In process only."""
        text = _policy_text(policy) or ""
        actor = self.transport.actor  # type: ignore[attr-defined]
        return self.plane.run(policies.change, (actor, "policy", text))[0]

    def desk(
        self, name: str | None = None, *, roles: Sequence[str] = ("reviewer",), skills: Sequence[str] = ()
    ) -> Desk:
        """A reviewer's desk: `name`'s in process (added if unknown), that of the key's person over HTTP."""
        if not isinstance(self.transport, LocalTransport):
            return Desk(self.transport)
        if name is None:
            raise InvalidInput("a desk in process needs the reviewer's name")
        return Desk(LocalTransport(self.plane, _person(self.plane, name, roles, skills), owns_plane=False))

    def learn(
        self, action: str, pool: Any, trainer: Any, *, choices: Sequence[str], features: Any = None,
        reviewers: learning.Reviewers | None = None, wait: float | None = None, poll: float = 2.0,
        progress: learning.Progress = learning.no_progress, **terms: Unpack[Wishes],
    ) -> learning.Outcome:  # fmt: skip
        """Ask people about the cases of `pool` that teach most, train on their answers, and again, until it stops.

        `pool` are texts or objects, `trainer` is a model with `fit` and `predict_proba` on `features`, a function of a
        `Training`, `"module:function"`, or a command as a list of words. `wait` is how many seconds to wait for people
        in all (None: for ever); called again with the same terms it goes on where it was. `terms` are those of
        `learn.terms.Terms`: batch, rounds, budget, sampler, reserve, stop, folds, calibrator, … In process only.

        Raises `InvalidInput` for a name that is no term, and for an action that the policy does not declare (unless
        `undeclared` is true).
        """
        if not isinstance(self.transport, LocalTransport):
            raise InvalidInput("learning keeps its place in the database", remedy="Open the database itself.")
        loop = learning.Loop(
            self.transport, pool_of(pool, features), trainer_of(trainer), terms_of(action, choices, terms),
            reviewers=reviewers, poll=poll, progress=progress,
        )  # fmt: skip
        return loop.run(wait)

    def close(self) -> None:
        """Finish and let go of everything."""
        if self._undo_worker is not None:
            self._undo_worker.stop()
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncClient:
    """The asynchronous twins of the client's blocking methods."""

    def __init__(self, transport: Transport, desk: Callable[[str | None], Desk]):
        self.transport = transport
        self._desk = desk

    async def propose(self, proposal: Proposal) -> Pending[Decision]:
        """Hand over any proposal and get a durable handle."""
        return Pending(self.transport, await adrive(asking.submit(proposal), self.transport), asking.as_it_is)

    async def ask(
        self, question: str, *, schema: Any = str, to: str | None = None, within: str | float | None = None,
        choices: Sequence[JSON] | None = None, timeout: float | None = None, key: str | None = None,
    ) -> Any:  # fmt: skip
        """Ask people a question and await the answer."""
        return await adrive(asking.ask(question, schema, to, within, choices, timeout, key), self.transport)

    async def review(
        self, plan: T, *, schema: Any = None, action: str | None = None, kind: asking.Reviewed = "plan",
        timeout: float | None = None, key: str | None = None,
    ) -> T:  # fmt: skip
        """Put a plan or an output before people and get it back as they left it."""
        return await adrive(asking.review(plan, schema, action, kind, timeout, key), self.transport)

    async def predict(
        self, action: str, x: JSON, scores: Mapping[str, float] | Sequence[Any], *,
        labels: Sequence[str] | None = None, timeout: float | None = None, **says: Any,
    ) -> Any:  # fmt: skip
        """Send a model's answer through the same door."""
        return await adrive(asking.predict(action, x, scores, labels, timeout, says), self.transport)

    async def park(
        self, *, run: str, framework: str, cases: Sequence[str], state: bytes | None = None, wakes: Wakes = "all",
        abandon: bool = True, join: bool = False,
    ) -> str:  # fmt: skip
        """Keep a paused run until its cases are decided; the park's id."""
        made = await self.call("park", **_parked(run, framework, cases, state, wakes, abandon, join))
        return str(made["id"])

    async def parks(self) -> list[Parked]:
        """The parked runs that are not over, oldest first."""
        return [parked_from_json(item) for item in (await self.call("parks"))["items"]]

    async def abandon(self, run: str, framework: str, *, reason: str = "abandoned") -> list[str]:
        """The run will not go on from its pause; the ids of the cases that were taken back."""
        return list((await self.call("abandon", run=run, framework=framework, reason=reason))["cancelled"])

    async def guidance(self, action: str, arguments: JSON = None, *, limit: int = 5) -> list[Correction]:
        """What people corrected about this action before."""
        return _corrections(await self.call("guidance", action=action, arguments=arguments, limit=limit))

    async def take_over(self, case_id: str, *, by: str | None = None, seconds: int = 900) -> Taken:
        """A person does this step himself."""
        return await self._desk(by).atake_over(case_id, seconds=seconds)

    async def decision(self, case_id: str, timeout: float | None = 0) -> Decision | None:
        """The decision of a case."""
        return await adrive(asking.decision(case_id, timeout), self.transport)

    async def call(self, verb: str, **arguments: Any) -> Any:
        """Any verb by name."""
        return await self.transport.asend(Call(verb=verb, arguments=arguments))


class GateMaker:
    """Decorates: blocking functions become `Gated`, coroutine functions `AsyncGated`."""

    def __init__(self, terms: Callable[[Callable[..., Any]], Terms], transport: Transport):
        self._terms = terms
        self._transport = transport

    def __call__(self, function: Callable[P, R]) -> Gated[P, R]:
        made: Gated[P, R] = make_gate(function, self._terms(function), self._transport)
        return made


# --- steps ----------------------------------------------------------------------------------------


def _corrections(made: JSON) -> list[Correction]:
    return [correction_from_json(item) for item in made["items"]]


def _tool(function: Callable[..., Any]) -> flows.Tool:
    signature = Signature(function)
    return flows.Tool(function=function, load=signature.load, dump_result=signature.dump_result,
                      load_result=signature.load_result)  # fmt: skip


def _parked(
    run: str, framework: str, cases: Sequence[str], state: bytes | None, wakes: Wakes, abandon: bool, join: bool
) -> dict[str, JSON]:
    return {
        "run": run, "framework": framework, "cases": list(cases), "wakes": wakes, "abandon": abandon, "join": join,
        "state": None if state is None else base64.b64encode(state).decode(),
    }  # fmt: skip


def _halted(agent: str | None, action: str | None, run: str | None) -> dict[str, str]:
    given = {scope: value for scope, value in (("agent", agent), ("action", action), ("run", run)) if value is not None}
    if len(given) > 1:
        raise InvalidInput("halt one thing at a time", remedy="Call halt once for each.")
    for scope, value in given.items():
        return {"scope": scope, "value": value}
    return {"scope": "workspace"}


def _policy_text(policy: str | Path | None) -> str | None:
    """The text of a file, or the one given, found to be a policy."""
    if policy is None:
        return None
    if isinstance(policy, str) and "\n" in policy:
        policies.compiled(policy)
        return policy
    path = Path(policy)
    if not path.is_file():
        raise InvalidInput(f"there is no policy file {path}", remedy="Name a file, or give the YAML text itself.")
    return policy_from(path)


def _local_agent(name: str) -> Actor:
    return Actor(kind="agent", pid=name, name=name, scopes=ALL_SCOPES, auth="local")


def _person(plane: Plane, name: str, roles: Sequence[str], skills: Sequence[str]) -> Actor:
    email = f"{re.sub(r'[^a-z0-9]+', '.', name.casefold()).strip('.') or 'person'}@local"
    found = plane.store.read_hot(statements.person_by_email, workspace=plane.workspace_id, email=email)
    if not found:
        wanted = access.AddPerson(
            actor=_local_agent(UNNAMED), name=name, email=email, password=None, roles=tuple(roles), skills=tuple(skills)
        )
        # another thread may have been first
        with suppress(Conflict):
            plane.run(access.add_person, wanted)
        found = plane.store.read_hot(statements.person_by_email, workspace=plane.workspace_id, email=email)
    return access.person_actor(found[0][:7], auth="local")
