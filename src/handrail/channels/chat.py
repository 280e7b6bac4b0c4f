"""One question to an OpenAI-compatible chat endpoint: to a checked address, without redirects, within a time limit."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from handrail.channels.address import Destination, Resolver, destination, resolve
from handrail.errors import InvalidInput, Unavailable

MOST_ANSWER_BYTES = 64 * 1024
MOST_TOKENS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask, and whom."""

    # base address of the API, such as https://api.example.com/v1
    endpoint: str
    model: str
    system: str
    user: str
    # sent as a bearer token; empty: none
    key: str = ""


def ask(
    question: Question,
    *,
    seconds: float,
    ports: Sequence[int] = (443,),
    allow_http: bool = False,
    resolver: Resolver | None = None,
    context: ssl.SSLContext | None = None,
) -> str:
    """The words of the first choice. Raises `Unavailable` for whatever keeps an answer from coming whole and in time.

    Blocks; call it from a thread that has no event loop.
    """
    try:
        place = destination(f"{question.endpoint.rstrip('/')}/chat/completions", ports=ports, allow_http=allow_http)
        address = resolve(place, resolver)
    except (InvalidInput, OSError) as error:
        raise Unavailable(f"the endpoint may not be called: {error}") from None
    try:
        status, body = asyncio.run(_within(seconds, place, address, question, context))
    except (TimeoutError, httpx2.TimeoutException):
        raise Unavailable(f"no answer within {seconds:g} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}"[:300]) from None
    if status != 200:
        raise Unavailable(f"the endpoint answered {status}")
    return _words(body)


async def _within(seconds: float, *given: Any) -> tuple[int, bytes]:
    # the limit holds for all of it: one that drips a byte at a time is cut off too
    return await asyncio.wait_for(_post(*given), seconds)


async def _post(
    place: Destination, address: str, question: Question, context: ssl.SSLContext | None
) -> tuple[int, bytes]:
    host = f"[{address}]" if ":" in address else address
    url = f"{'https' if place.secure else 'http'}://{host}:{place.port}{place.target}"
    headers = {"Host": place.authority, "User-Agent": "handrail-supervisor/1"}
    if question.key:
        headers["Authorization"] = f"Bearer {question.key}"
    body = {
        "model": question.model, "temperature": 0, "max_tokens": MOST_TOKENS,
        "messages": [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}],
        "response_format": {"type": "json_object"},
    }  # fmt: skip
    # the connection goes to the address that was checked, and proves to be the host that was named
    options: dict[str, Any] = {"sni_hostname": place.host} if place.secure else {}
    verify = (context or ssl.create_default_context()) if place.secure else False
    async with (
        httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=None, verify=verify) as client,
        client.stream("POST", url, json=body, headers=headers, extensions=options) as answer,
    ):
        kept = bytearray()
        async for piece in answer.aiter_bytes(4096):
            kept += piece
            if len(kept) > MOST_ANSWER_BYTES:
                raise Unavailable(f"the answer is longer than {MOST_ANSWER_BYTES} bytes")
        return answer.status_code, bytes(kept)


def _words(body: bytes) -> str:
    try:
        words = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Unavailable("the endpoint's answer is no chat completion") from None
    if not isinstance(words, str):
        raise Unavailable("the endpoint's answer holds no words")
    return words
