"""Canonical bytes: strict JSON in, RFC 8785 out, and the digests bound to them.

What cannot be written canonically, or what two parsers could read differently, is refused
here, once, before anything else sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NoReturn

import rfc8785

from handrail.errors import MalformedJSON

JSON = Any
"""None, bool, int, float, str, list or dict with string keys."""

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_encode_plain = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def parse(text: str | bytes) -> JSON:
    """Read JSON strictly.

    Raises `MalformedJSON` for anything that is not JSON, and for what JSON readers disagree on:
    duplicate keys, NaN and infinities (also `1e400`), integers outside ±(2^53−1), lone
    surrogates, nesting deeper than 64.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except MalformedJSON:
        raise
    except RecursionError:
        raise MalformedJSON(f"nested deeper than {MAX_DEPTH}") from None
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise MalformedJSON(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:  # an integer of more digits than Python will read
        raise MalformedJSON(str(error)) from None
    _inspect(value, 0)
    return value


def dumps(value: JSON) -> bytes:
    """The RFC 8785 bytes of a value. Raises `MalformedJSON` for what has none.

    Tuples are written as arrays. `-0.0` becomes `0`, `1.0` becomes `1`.
    """
    try:
        if _inspect(value, 0):
            return rfc8785.dumps(value)
        return _encode_plain(value).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedJSON("a string holds a lone surrogate") from None
    except rfc8785.CanonicalizationError as error:
        raise MalformedJSON(str(error)) from None


def digest(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def action_digest(
    *,
    workspace: str,
    principal: str | None,
    action: str,
    schema: str | None,
    arguments: JSON,
    target: JSON,
    case: str,
    revision: int,
) -> str:
    """What an approval binds to: SHA-256 over the canonical form of all that decides the effect.

    `schema` is the digest of the action's JSON Schema, `case` the case id, `revision` counts from 1.
    """
    return digest(
        dumps(
            {
                "v": "handrail/action/1",
                "workspace": workspace,
                "principal": principal,
                "action": action,
                "schema": schema,
                "arguments": arguments,
                "target": target,
                "case": case,
                "revision": revision,
            }
        )
    )


def _unique(pairs: Sequence[tuple[str, JSON]]) -> dict[str, JSON]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedJSON(f"duplicate key {key!r}")
            seen.add(key)
    return made


def _constant(name: str) -> NoReturn:
    raise MalformedJSON(f"{name} is not JSON")


def _inspect(value: JSON, depth: int) -> bool:
    """Refuse what has no canonical form; true if the plain encoder's bytes could differ from RFC 8785.

    Sorted compact `json` output equals RFC 8785 when keys are ASCII and there are no floats.
    """
    kind = type(value)
    if kind is str:
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise MalformedJSON("a string holds a lone surrogate")
        return False
    if kind is dict:
        if depth >= MAX_DEPTH:
            raise MalformedJSON(f"nested deeper than {MAX_DEPTH}")
        careful = False
        for key, item in value.items():
            if type(key) is not str:
                raise MalformedJSON(f"a key must be a string, not {type(key).__name__}")
            if not key.isascii():
                _inspect(key, depth)
                careful = True
            if _inspect(item, depth + 1):
                careful = True
        return careful
    if value is None or kind is bool:
        return False
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise MalformedJSON("integers beyond ±(2^53−1) must travel as strings")
        return False
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise MalformedJSON("NaN and infinities are not JSON")
        # here Python's shortest form and ECMAScript's are the same digits, without exponent
        return not (1e-4 <= abs(value) < 1e16 and value % 1.0)
    if kind is list or kind is tuple:
        if depth >= MAX_DEPTH:
            raise MalformedJSON(f"nested deeper than {MAX_DEPTH}")
        careful = False
        for item in value:
            if _inspect(item, depth + 1):
                careful = True
        return careful
    raise MalformedJSON(f"{kind.__name__} has no JSON form; send it as a string")
