"""What an entry says: parsed, canonical, and of its type's shape. The step between bytes and replay."""

from __future__ import annotations

import json
from typing import Any

from handrail.audit.schemas import check
from handrail.audit.shapes import plain
from handrail.canonical import dumps, parse
from handrail.entry import MAX_ENTRY_BYTES
from handrail.errors import MalformedJSON

_loads = json.JSONDecoder().decode


def read_entry(data: bytes) -> dict[str, Any]:
    """The entry these bytes hold. Raises `MalformedJSON` unless they are its one canonical form (RFC 8785),
    at most 16 KiB, and as the schema of its type says.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise MalformedJSON(f"an entry of {len(data)} bytes is over {MAX_ENTRY_BYTES}")
    if plain(data):
        return _loads(data.decode("ascii"))  # type: ignore[no-any-return]
    entry = parse(data)
    if dumps(entry) != data:
        raise MalformedJSON("an entry is not in canonical form (RFC 8785)")
    wrong = check(entry)
    if wrong:
        raise MalformedJSON(f"an entry does not fit its schema: {wrong}")
    assert isinstance(entry, dict)
    return entry
