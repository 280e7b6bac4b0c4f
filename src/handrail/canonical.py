"""Canonical bytes: strict JSON in, RFC 8785 out, and the digests bound to them.

What cannot be written canonically, or what two parsers could read differently, is refused
here, once, before anything else sees it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import orjson
import rfc8785

from handrail.errors import MalformedJSON

JSON = Any
"""None, bool, int, float, str, list or dict with string keys."""

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_PLAIN = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def parse(text: str | bytes) -> JSON:
    """Read JSON strictly.

    Raises `MalformedJSON` for anything that is not JSON, and for what JSON readers disagree on:
    duplicate keys, NaN and infinities (also `1e400`), integers outside ±(2^53−1), lone
    surrogates, nesting deeper than 64.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = _strict.decode(text)
    except MalformedJSON:
        raise
    except RecursionError:
        raise MalformedJSON(f"nested deeper than {MAX_DEPTH}") from None
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise not_json(error) from None
    except ValueError as error:  # an integer of more digits than Python will read
        raise MalformedJSON(str(error)) from None
    _inspect(value, 0)
    return value


def not_json(error: json.JSONDecodeError) -> MalformedJSON:
    """What is wrong with a text, and where."""
    # some of the reader's messages end with an "at" of their own
    return MalformedJSON(f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}")


def dumps(value: JSON) -> bytes:
    """The RFC 8785 bytes of a value. Raises `MalformedJSON` for what has none.

    Tuples are written as arrays. `-0.0` becomes `0`, `1.0` becomes `1`.
    """
    try:
        if _inspect(value, 0):
            value = _whole(value)
            if _inspect(value, 0):
                return rfc8785.dumps(value)
        return orjson.dumps(value, option=_PLAIN)
    except TypeError as error:
        raise MalformedJSON(str(error)) from None
    except rfc8785.CanonicalizationError as error:
        raise MalformedJSON(str(error)) from None


def dumps_flat(value: JSON) -> bytes:
    """The same bytes for what we made ourselves: ASCII keys, no floats, integers in range. Nothing is inspected.

    Raises `MalformedJSON` for a lone surrogate or a value without a JSON form.
    """
    try:
        return orjson.dumps(value, option=_PLAIN)
    except TypeError as error:
        raise MalformedJSON(str(error)) from None


def loads_stored(data: bytes) -> JSON:
    """Read canonical bytes that we wrote: they were inspected then. Raises `MalformedJSON` if somebody altered them."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedJSON(f"stored bytes are not what was written: {error}") from None


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


_strict = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


def _inspect(value: JSON, depth: int) -> bool:
    """Refuse what has no canonical form; true if the plain encoder's bytes could differ from RFC 8785.

    Sorted compact output equals RFC 8785 when keys are ASCII and every float is one of `_same_digits`.
    Leaves are looked at where they stand: this runs for every value that comes in.
    """
    kind = type(value)
    if kind is dict:
        items = value.values()
        careful = False
        for key in value:
            if type(key) is not str:
                raise MalformedJSON(f"a key must be a string, not {type(key).__name__}")
            if not key.isascii():
                _check_text(key)
                careful = True
    elif kind is list or kind is tuple:
        items = value
        careful = False
    else:
        return _inspect_leaf(value)
    if depth >= MAX_DEPTH:
        raise MalformedJSON(f"nested deeper than {MAX_DEPTH}")
    for item in items:
        kind = type(item)
        if kind is str:
            if not item.isascii():
                _check_text(item)
        elif kind is int:
            if not -MAX_INTEGER <= item <= MAX_INTEGER:
                raise MalformedJSON("integers beyond ±(2^53−1) must travel as strings")
        elif item is None or kind is bool:
            continue
        elif kind is dict or kind is list or kind is tuple:
            if _inspect(item, depth + 1):
                careful = True
        elif _inspect_leaf(item):
            careful = True
    return careful


def _whole(value: JSON) -> JSON:
    """The value with each whole float as the integer that ECMAScript would print."""
    kind = type(value)
    if kind is float:
        return int(value) if value % 1.0 == 0.0 and abs(value) <= MAX_INTEGER else value
    if kind is dict:
        return {key: _whole(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_whole(item) for item in value]
    return value


def _inspect_leaf(value: JSON) -> bool:
    kind = type(value)
    if kind is float:
        if not math.isfinite(value):
            raise MalformedJSON("NaN and infinities are not JSON")
        if MAX_INTEGER < abs(value) < 1e21 and value % 1.0 == 0.0:
            # RFC 8785 writes it as an integer, which nobody may read back
            raise MalformedJSON("integers beyond ±(2^53−1) must travel as strings")
        return not _same_digits(value)
    if kind is str:
        _check_text(value)
        return False
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise MalformedJSON("integers beyond ±(2^53−1) must travel as strings")
        return False
    if value is None or kind is bool:
        return False
    raise MalformedJSON(f"{kind.__name__} has no JSON form; send it as a string")


def _same_digits(value: float) -> bool:
    """Here the shortest form and ECMAScript's are the same digits, without exponent or trailing point."""
    return 1e-4 <= abs(value) < 1e16 and value % 1.0 != 0.0


def _check_text(text: str) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise MalformedJSON("a string holds a lone surrogate")


_SURROGATE = re.compile("[\ud800-\udfff]")
