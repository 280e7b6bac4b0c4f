"""Asking the client's user whether to keep waiting. He is never asked to decide: that is for whom the policy names.

Up to 2025-11-25 the server calls the client while the call is held. From 2026-07-28 it returns the question, and the
client repeats the call with the answer and our sealed state.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from handrail.canonical import digest
from handrail.errors import InvalidInput

QUESTION = "keep_waiting"
FIELD = "next"
KEEP = "Keep waiting"
LATER = "Come back later"
# clients give up after 10 rounds; the last is left for the ticket
MOST_ROUNDS = 8
Context = ServerRequestContext[Any, Any]


def is_modern(ctx: Context) -> bool:
    """Whether each request of this client stands for itself."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def can_be_asked(ctx: Context) -> bool:
    """Whether the client shows forms to its user."""
    can = ctx.session.client_capabilities
    asked = None if can is None else can.elicitation
    return asked is not None and (asked.form is not None or asked.url is None)


def question(case_id: str, tool: str) -> types.ElicitRequestFormParams:
    """What the user reads. Nothing of the arguments, no secrets, no way to approve."""
    return types.ElicitRequestFormParams(
        message=f"{tool} waits for a reviewer's decision (case {case_id}). You cannot decide it here.",
        requested_schema={
            "type": "object",
            "properties": {FIELD: {"type": "string", "title": "What now?", "enum": [KEEP, LATER], "default": KEEP}},
        },
    )


def keeps_waiting(answer: Any) -> bool:
    """Only an accepted form that says so; everything else, and every odd shape, means later."""
    if not isinstance(answer, types.ElicitResult) or answer.action != "accept":
        return False
    return (answer.content or {}).get(FIELD, KEEP) == KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where a call of a stateless client stands."""

    case_id: str
    number: int


class Seal:
    """Signs what a stateless client carries, bound to case, call and server. It is a wake-up, no decision."""

    def __init__(self, folder: Path, server: str):
        self._key = _key(folder / "key")
        self._server = server

    def close(self, made: Round, *, name: str, arguments: Any) -> str:
        """The state for the client to bring back."""
        body = json.dumps([made.case_id, made.number, self._call(name, arguments)]).encode()
        return _text(self._sign(body) + body)

    def open(self, state: str, *, name: str, arguments: Any) -> Round:
        """What we sealed. Raises `InvalidInput` for anything else, and for another call's state."""
        try:
            raw = base64.urlsafe_b64decode(state.encode("ascii") + b"=" * (-len(state) % 4))
            signed, body = raw[:32], raw[32:]
            if not hmac.compare_digest(signed, self._sign(body)):
                raise ValueError
            case_id, number, call = json.loads(body)
            if call != self._call(name, arguments):
                raise ValueError
        except (ValueError, TypeError, binascii.Error, UnicodeEncodeError):
            raise InvalidInput(
                "the call came with a state that is not ours", remedy="Issue the call without it."
            ) from None
        return Round(case_id=case_id, number=number)

    def _sign(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()

    def _call(self, name: str, arguments: Any) -> str:
        return digest(json.dumps([self._server, name, arguments], sort_keys=True).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _key(path: Path) -> bytes:
    """The key of this folder, made at its first use: a state outlives the gateway that made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".key.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, os.urandom(32))
    finally:
        os.close(file)
    try:
        # of several that start at once, one makes it
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    key = path.read_bytes()
    if len(key) != 32:
        raise InvalidInput(f"{path} is no key", remedy="Remove it; a new one is made.")
    return key
