"""One regular expression a type, that matches only entries in canonical form that fit their schema.

A verifier reads a million entries; the plain ones (ASCII, no escapes, no map of commitments) are judged by one
match instead of being written again and walked. What does not match is not wrong: it is read the careful way.
"""

from __future__ import annotations

import json
import re
from typing import Any

from handrail.audit.schemas import SCHEMAS, Schema

# where a schema's pattern allows what JSON would escape, the plain form leaves it out
_PLAIN = {
    "^[^\\u0000-\\u001f\\u007f]{1,256}$": r'[^"\\\x00-\x1f\x7f]{1,256}',
    "^(/[^\\u0000-\\u001f]{0,256})?$": r'(?:/[^"\\\x00-\x1f]{0,256})?',
}
# at most 15 digits: within ±(2^53−1) whatever they are
_NUMBER = {0: "(?:0|[1-9][0-9]{0,14})", 1: "[1-9][0-9]{0,14}"}


def plain(data: bytes) -> bool:
    """True if these bytes are surely a canonical entry that fits its schema; False says nothing."""
    at = data.rfind(b'"type":"') + 8
    shape = _SHAPES.get(data[at : data.find(b'"', at)])
    return shape is not None and data.isascii() and shape(data) is not None


def _pattern(schema: Schema) -> str:
    if "const" in schema:
        return re.escape(_json(schema["const"]))
    if "enum" in schema:
        return f"(?:{'|'.join(re.escape(_json(value)) for value in schema['enum'])})"
    match schema["type"]:
        case "string":
            text = schema["pattern"]
            return f'"{_PLAIN.get(text) or text.removeprefix("^").removesuffix("$")}"'
        case "integer":
            return _NUMBER[schema["minimum"]]
        case "boolean":
            return "(?:true|false)"
        case "array":
            item = _pattern(schema["items"])
            return rf"\[(?:{item}(?:,{item}){{0,{schema['maxItems'] - 1}}})?\]"
    return _object(schema)


def _object(schema: Schema) -> str:
    """Members in canonical order. Those before the first that must stand carry their comma behind them."""
    members = ""
    behind = True
    for name in sorted(schema["properties"]):
        if "properties" not in schema["properties"][name] and schema["properties"][name].get("type") == "object":
            continue  # a map: its keys must be sorted, which no regular expression can tell
        member = f"{re.escape(_json(name))}:{_pattern(schema['properties'][name])}"
        required = name in schema["required"]
        if behind:
            members += member if required else f"(?:{member},)?"
            behind = not required
        else:
            members += f",{member}" if required else f"(?:,{member})?"
    return rf"\{{{members}\}}"


def _json(value: Any) -> str:
    return json.dumps(value)


_SHAPES = {type.encode(): re.compile(_pattern(schema).encode("ascii")).fullmatch for type, schema in SCHEMAS.items()}
