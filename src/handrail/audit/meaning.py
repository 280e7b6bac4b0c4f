"""What an entry says: parsed, canonical, and of its type's shape. The step between bytes and replay."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from handrail.audit.schemas import check
from handrail.canonical import MAX_DEPTH, dumps, parse
from handrail.entry import MAX_ENTRY_BYTES
from handrail.errors import MalformedJSON

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class NotPlain(Exception):
    """Something the quick reader does not judge."""


def read_entry(data: bytes) -> dict[str, Any]:
    """The entry these bytes hold. Raises `MalformedJSON` unless they are its one canonical form (RFC 8785),
    at most 16 KiB, and as the schema of its type says.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise MalformedJSON(f"an entry of {len(data)} bytes is over {MAX_ENTRY_BYTES}")
    entry = _quick(data)
    if entry is None:
        entry = parse(data)
        if dumps(entry) != data:
            raise MalformedJSON("an entry is not in canonical form (RFC 8785)")
    wrong = check(entry)
    if wrong:
        raise MalformedJSON(f"an entry does not fit its schema: {wrong}")
    assert isinstance(entry, dict)
    return entry


def _quick(data: bytes) -> Any:
    """The value, if plain compact JSON round-trips to these bytes (which also shows that no key is doubled).

    None where that says nothing: numbers that are not small integers, keys that are not ASCII, depth.
    """
    if not data.isascii() or data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        return None
    try:
        value = _decode(data.decode("ascii"))
        return value if _encode(value).encode("utf-8") == data else None
    except (ValueError, RecursionError, NotPlain):
        return None


def _refuse(text: str) -> NoReturn:
    raise NotPlain(text)


def _small(text: str) -> int:
    """An integer of at most 15 digits is within ±(2^53−1)."""
    return int(text) if len(text) < 16 else _refuse(text)


_decode = json.JSONDecoder(parse_float=_refuse, parse_int=_small, parse_constant=_refuse).decode
