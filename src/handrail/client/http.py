"""Over HTTP: steps become requests. A lost reply is safe to repeat: every step names what it is about, or has a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from handrail import errors
from handrail.canonical import JSON, dumps, parse
from handrail.client.calls import CALLS, refuse_odd
from handrail.client.flows import new_nonce
from handrail.client.steps import Answered, Await, AwaitEnd, Call, Finish, Start, Submit, TakeWake
from handrail.client.transport import Sent
from handrail.client.watch import Watch
from handrail.clock import SECOND, uuid7
from handrail.intake import proposal_checked
from handrail.wire import decision_from_json, execution_from_json, reason_from_json, woken_from_json

LONG_POLL_SECONDS = 30.0
HANDOFF_SECONDS = 5.0
TRIES = 6
FIRST_PAUSE = 0.2

_BY_CODE = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.HandrailError)
}
# a code that only the server knows is one of these, or else the request is not acceptable
_BY_STATUS: dict[int, type[errors.HandrailError]] = {
    401: errors.Unauthenticated, 403: errors.Forbidden, 404: errors.NotFound, 409: errors.Conflict,
    429: errors.Unavailable,
}  # fmt: skip


class Request(NamedTuple):
    """One request. `key`: what its repeats are known by, where the request itself does not say."""

    method: str
    path: str
    body: JSON = None
    key: str | None = None


class HttpTransport:
    """Speaks to a server with an API key. `transport` and `async_transport` replace the network in tests."""

    def __init__(
        self, url: str, key: str, *, transport: httpx2.BaseTransport | None = None,
        async_transport: httpx2.AsyncBaseTransport | None = None,
    ):  # fmt: skip
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        timeout = httpx2.Timeout(10.0, read=LONG_POLL_SECONDS + 15.0)
        self._url = url.rstrip("/")
        self._sync = httpx2.Client(base_url=self._url, headers=headers, timeout=timeout, transport=transport)
        self._make_async: Callable[[], httpx2.AsyncClient] = lambda: httpx2.AsyncClient(
            base_url=self._url, headers=headers, timeout=timeout, transport=async_transport
        )
        # an async client belongs to the loop it was first used on
        self._async: dict[asyncio.AbstractEventLoop, httpx2.AsyncClient] = {}

    def send(self, step: Sent) -> Any:
        refuse_odd(step)
        step = _repeatable(step)
        if isinstance(step, Await):
            end = _end(step.timeout)
            while True:
                status, body = self._exchange(_poll(step.case_id, end))
                if status == 200:
                    return decision_from_json(body["decision"])
                if end is not None and time.monotonic() >= end:
                    return None
        if isinstance(step, AwaitEnd):
            while step.until > _now() and self._exchange(_poll_end(step))[0] == 202:
                pass
            return None
        if isinstance(step, TakeWake):
            end = _end(step.timeout)
            while True:
                status, body = self._exchange(_poll_wake(step, end))
                if status == 200:
                    return woken_from_json(body)
                if end is None or time.monotonic() >= end:
                    return None
        return _answer(step, self._exchange(_request(step))[1])

    async def asend(self, step: Sent) -> Any:
        refuse_odd(step)
        step = _repeatable(step)
        if isinstance(step, Await):
            end = _end(step.timeout)
            while True:
                status, body = await self._aexchange(_poll(step.case_id, end))
                if status == 200:
                    return decision_from_json(body["decision"])
                if end is not None and time.monotonic() >= end:
                    return None
        if isinstance(step, AwaitEnd):
            while step.until > _now() and (await self._aexchange(_poll_end(step)))[0] == 202:
                pass
            return None
        if isinstance(step, TakeWake):
            end = _end(step.timeout)
            while True:
                status, body = await self._aexchange(_poll_wake(step, end))
                if status == 200:
                    return woken_from_json(body)
                if end is None or time.monotonic() >= end:
                    return None
        return _answer(step, (await self._aexchange(_request(step)))[1])

    def get(self, path: str) -> Any:
        """Read something by its path; the body as JSON."""
        return self._exchange(Request("GET", path))[1]

    def watch(self, actions: tuple[str, ...]) -> Watch:
        """Polls the server for approved actions that wait for a worker."""

        query = "&".join(f"action={quote(action, safe='')}" for action in actions)

        def look(after: str) -> list[str]:
            # at the end of the list there is nothing to wait for: what comes may stand before it
            rest = f"after={quote(after, safe='')}" if after else f"wait={HANDOFF_SECONDS}"
            _, body = self._exchange(Request("GET", f"/v1/handoffs?{query}&{rest}"))
            return [item["case_id"] for item in body["items"]]

        # the server holds the question until there is something
        return Watch(look, interval=0.05)

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        for client in self._async.values():
            await client.aclose()
        self._async.clear()
        self._sync.close()

    # --- one exchange, repeated while it is safe and useful -----------------------------------

    def _exchange(self, request: Request) -> tuple[int, Any]:
        method, path, content, headers = _sent(request)
        for attempt in range(TRIES):
            try:
                response = self._sync.request(method, path, content=content, headers=headers)
            except httpx2.TransportError as error:
                if attempt == TRIES - 1:
                    raise _unreachable(self._url, error) from error
            else:
                if response.status_code not in (429, 503) or attempt == TRIES - 1:
                    return _read(response)
            time.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    async def _aexchange(self, request: Request) -> tuple[int, Any]:
        method, path, content, headers = _sent(request)
        loop = asyncio.get_running_loop()
        client = self._async.get(loop)
        if client is None:
            client = self._async[loop] = self._make_async()
        for attempt in range(TRIES):
            try:
                response = await client.request(method, path, content=content, headers=headers)
            except httpx2.TransportError as error:
                if attempt == TRIES - 1:
                    raise _unreachable(self._url, error) from error
            else:
                if response.status_code not in (429, 503) or attempt == TRIES - 1:
                    return _read(response)
            await asyncio.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")


def _repeatable(step: Sent) -> Sent:
    """Give what has no identity one of its own, so that a lost reply cannot make it twice."""
    if isinstance(step, Submit) and step.proposal.key is None and step.proposal.call_id is None:
        return replace(step, proposal=replace(step.proposal, key=f"once:{new_nonce()}"))
    if isinstance(step, Call) and CALLS[step.verb].own_id and step.arguments.get("id") is None:
        return replace(step, arguments={**step.arguments, "id": uuid7(_now())})
    return step


def _request(step: Sent) -> Request:
    if isinstance(step, Submit):
        started = "" if step.nonce is None else f"?nonce={step.nonce}&lasting={step.lasting}"
        return Request("POST", f"/v1/proposals{started}", proposal_checked(step.proposal).record())
    if isinstance(step, Start):
        body = {"nonce": step.nonce, "lasting": step.lasting}
        if step.action_digest is not None:
            body["action_digest"] = step.action_digest
        if step.action is not None:
            body["action"] = step.action
        return Request("POST", f"/v1/executions/{quote(step.case_id, safe='')}/start", body)
    if isinstance(step, Finish):
        return Request("POST", f"/v1/executions/{quote(step.case_id, safe='')}/finish", {
            "fence": step.fence, "ok": step.ok, "result": step.result, "uncertain": step.uncertain,
        })  # fmt: skip
    assert isinstance(step, Call)
    named = CALLS[step.verb]
    inside = {name for name in step.arguments if "{" + name + "}" in named.path}
    rest = {
        named.renamed.get(name, name): value
        for name, value in step.arguments.items()
        if name not in inside and value is not None
    }
    return Request(
        named.method,
        named.path.format(**{name: quote(str(step.arguments[name]), safe="") for name in inside}),
        None if named.method in ("DELETE", "GET") else rest,
        None if named.method == "GET" else new_nonce(),
    )


def _sent(request: Request) -> tuple[str, str, bytes | None, dict[str, str]]:
    content = None if request.body is None else dumps(request.body)
    return request.method, request.path, content, {} if request.key is None else {"Idempotency-Key": request.key}


def _answer(step: Sent, body: Any) -> Any:
    if isinstance(step, Submit):
        return _answered(body)
    if isinstance(step, Start | Finish):
        return execution_from_json(body)
    return body


def _answered(body: Mapping[str, Any]) -> Answered:
    decision, execution = body.get("decision"), body.get("execution")
    return Answered(
        case_id=body["case_id"], tier=body["tier"], reasons=tuple(reason_from_json(r) for r in body["reasons"]),
        decision=None if decision is None else decision_from_json(decision),
        execution=None if execution is None else execution_from_json(execution),
        action_digest=body["action_digest"], replayed=body["replayed"],
    )  # fmt: skip


def _poll(case_id: str, end: float | None) -> Request:
    wait = LONG_POLL_SECONDS if end is None else min(LONG_POLL_SECONDS, max(0.0, end - time.monotonic()))
    return Request("GET", f"/v1/proposals/{quote(case_id, safe='')}/decision?wait={wait:.1f}")


def _poll_end(step: AwaitEnd) -> Request:
    wait = min(LONG_POLL_SECONDS, max(0.1, (step.until - _now()) / SECOND))
    return Request("GET", f"/v1/executions/{quote(step.case_id, safe='')}?wait={wait:.1f}")


def _poll_wake(step: TakeWake, end: float | None) -> Request:
    wait = 0.0 if end is None else min(LONG_POLL_SECONDS, max(0.0, end - time.monotonic()))
    body: dict[str, JSON] = {"nonce": step.nonce, "lasting": step.lasting}
    if step.id is not None:
        return Request("POST", f"/v1/parks/{quote(step.id, safe='')}/wake?wait={wait:.1f}", body)
    if step.frameworks is not None:
        body["frameworks"] = list(step.frameworks)
    if step.run is not None:
        body["run"] = step.run
    return Request("POST", f"/v1/parks/next/wake?wait={wait:.1f}", body)


def _end(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _now() -> int:
    return int(time.time() * SECOND)


def _read(response: httpx2.Response) -> tuple[int, Any]:
    """Status and body, or the error the server means. An answer that is not ours is an error, never an approval."""
    if response.status_code == 204:
        return 204, None
    try:
        body = parse(response.content)
    except errors.MalformedJSON:
        raise errors.Unavailable(
            f"the server answered {response.status_code} with something that is not JSON"
        ) from None
    if response.status_code < 400:
        return response.status_code, body
    problem = body if isinstance(body, dict) else {}
    said = str(problem.get("detail") or f"the server answered {response.status_code}")
    kind = _BY_CODE.get(str(problem.get("code")))
    if kind is None:
        fallback = errors.InvalidInput if response.status_code < 500 else errors.HandrailError
        kind = _BY_STATUS.get(response.status_code, fallback)
        said += f" ({problem['code']})" if problem.get("code") else ""
    raise kind(said, remedy=problem.get("remedy"), **(problem.get("context") or {}))


def _unreachable(url: str, error: Exception) -> errors.Unavailable:
    return errors.Unavailable(
        f"{url} cannot be reached: {error}",
        remedy="No answer came, so the request may or may not have been carried out. Check the address and the server, "
        "then repeat the call with the same key; without a key it is a new request.",
    )
