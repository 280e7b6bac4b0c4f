"""JSON Schemas that others bring, checked in bounded time: none can hold up whoever waits behind it.

Patterns run on an engine that is linear in the text; those that look around or back (Pydantic's of a Decimal does)
get so many steps and no more. What references and alternatives multiply is reckoned
before a value is held against a schema, and refused above a limit. Nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import jsonschema_rs
import orjson

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput, MalformedJSON

MAX_BYTES = 128 * 1024
MAX_PATTERNS = 200
# of a schema's patterns together, in characters after counted repeats are written out
MAX_PATTERN_LENGTH = 10_000
# steps back that one match of a pattern with look-around or back-references may take, and what they are reckoned at,
# in characters of patterns
MAX_BACKTRACKS = 1_000
BACKTRACKING = 250
# steps that checking a value may take; a million take well under a second
MAX_STEPS = 5_000_000
# characters of patterns times bytes of a value; 100 million take about a second at worst
MAX_MATCHED = 50_000_000
# steps for each entry times bytes, up to which the place of an error is looked for: that copies what did not fit
MAX_EXPLAINED = 2_000_000
# subschemas, at each depth of a value, whose steps are reckoned
MAX_RECKONED = 30_000

_DEFAULT_DRAFT = jsonschema_rs.Draft202012Validator
_DRAFTS = {
    "json-schema.org/draft-04/schema": jsonschema_rs.Draft4Validator,
    "json-schema.org/draft-06/schema": jsonschema_rs.Draft6Validator,
    "json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
    "json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    "json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# applied to the same value
_HERE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_HERE_BY_NAME = ("dependentSchemas", "dependencies")
# applied to what is in the value: at most one of the first to each, all of the others
_BELOW_ONE = ("items", "prefixItems", "additionalItems", "additionalProperties")
_BELOW_EACH = ("contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties")
NOT_REGEX = ' is not a "regex"'
# look-around, atomic and possessive groups, back-references
_BACKTRACKS = re.compile(r"\(\?[=!<>]|\\[1-9k]|[*+?}]\+")
_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
# a character of these takes several states
_WIDE = {"p": 60, "P": 60, "S": 4, "D": 4, "W": 4}


def checker(schema: JSON, what: str = "the schema") -> Checker:
    """The schema made ready. Raises `InvalidInput` unless values can be held against it in bounded time."""
    try:
        data = dumps(schema)
    except MalformedJSON as error:
        raise InvalidInput(f"{what} is broken: {error}") from None
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            f"{what} has {len(data)} bytes; at most {MAX_BYTES} are taken", remedy="Leave out what edits need not meet."
        )
    try:
        return _known(data)
    except _Broken as error:
        raise InvalidInput(f"{what} {error}", remedy="Correct the schema, or leave it out.") from None


def misfit(schema: JSON, value: JSON, what: str = "the schema") -> Misfit | None:
    """Where and why the value does not fit; None when it does.

    Raises `InvalidInput` for a broken schema, and for a value that would take too long to be held against it.
    """
    return checker(schema, what).misfit(value)


class Misfit(NamedTuple):
    """What of a value does not fit: its place, the reason in words, and the keyword it breaks."""

    where: str
    why: str
    keyword: str


# what breaking a keyword means, for who does not read JSON Schema
_MEANS = {
    "type": "it is of another type", "required": "something is missing", "enum": "it is none of the values allowed",
    "const": "it is not the value required", "pattern": "it is not of the form required",
    "format": "it is not of the form required", "anyOf": "it has none of the forms allowed",
    "oneOf": "it has not exactly one of the forms allowed", "not": "it has a form that is not allowed",
    "additionalProperties": "it has a field that is not allowed", "minimum": "it is too small",
    "exclusiveMinimum": "it is too small", "maximum": "it is too large", "exclusiveMaximum": "it is too large",
    "multipleOf": "it is not a multiple of what it must be", "minLength": "it is too short",
    "maxLength": "it is too long", "minItems": "it has too few items", "maxItems": "it has too many items",
    "uniqueItems": "it has the same item twice",
}  # fmt: skip


def meaning(keyword: str) -> str:
    """What breaking this keyword means, in words and without the value."""
    return _MEANS.get(keyword, f"it breaks {keyword}")


def _said(error: Any) -> str:
    """The reason in words; of alternatives, why each does not fit."""
    if error.kind.name not in ("anyOf", "oneOf", "not"):
        return str(error.message)
    branches = [branch[0].message for branch in getattr(error.kind, "context", ()) if branch]
    if len(branches) < 2:
        return meaning(error.kind.name)
    return f"{meaning(error.kind.name)}: {'; and '.join(branches)}"


class _Broken(Exception):
    """Why a schema is not taken, as the end of a sentence that begins with its name."""


@lru_cache(maxsize=32)
def _known(data: bytes) -> Checker:
    return Checker(orjson.loads(data))


class Checker:
    """A schema made ready."""

    def __init__(self, schema: JSON) -> None:
        if not isinstance(schema, dict | bool):
            raise _Broken("is broken: a JSON Schema is an object, true or false")
        self.schema = schema
        # each alternative that fails is told of with a copy of what failed
        self._branches = any(name in dumps(schema) for name in (b'"anyOf"', b'"oneOf"'))
        self._reckoned: dict[tuple[int, int], tuple[int, int]] = {}
        _refuse_patterns(schema)
        try:
            self._compiled = _draft(schema)(
                schema, offline=True, validate_formats=False,
                pattern_options=jsonschema_rs.FancyRegexOptions(
                    backtrack_limit=MAX_BACKTRACKS, size_limit=1 << 20, dfa_size_limit=1 << 16
                ),
            )  # fmt: skip
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            raise _Broken(_why(error)) from None
        try:
            self._refuse_loops()
        except RecursionError:
            raise _Broken("is broken: its references form too long a chain") from None

    def misfit(self, value: JSON) -> Misfit | None:
        """Where and why the value does not fit; None when it does. Raises `InvalidInput` where it would take long."""
        size = len(dumps(value))
        entries, depth, width = _measure(value)
        try:
            steps, matched = self._reckon(self.schema, depth, width)
        except (_TooMuch, RecursionError):
            steps, matched = MAX_STEPS + 1, 0
        if steps * entries > MAX_STEPS or matched * size > MAX_MATCHED:
            raise InvalidInput(
                "holding this value against its JSON Schema would take too long",
                remedy="Send a smaller value, or give a schema with fewer alternatives, patterns and references.",
            )
        if self._compiled.is_valid(value):
            return None
        if not self._branches or steps * size <= MAX_EXPLAINED:
            try:
                self._compiled.validate(value)
            except jsonschema_rs.ValidationError as error:
                path = "/" + "/".join(map(str, error.instance_path))
                if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded):
                    return Misfit(path, "matching its pattern takes too many steps", "pattern")
                return Misfit(path, _said(error)[:300], error.kind.name)
        return Misfit("/", "it does not fit, and is too large to say where", "schema")

    def _reckon(self, node: Any, depth: int, width: int) -> tuple[int, int]:
        """Most steps, and most characters of patterns, that one entry of a value and the path to it cost."""
        if not isinstance(node, dict):
            return 1, 0
        # a dictionary of the schema lives as long as the schema
        key = (id(node), depth)
        found = self._reckoned.get(key)
        if found is not None:
            return found
        if len(self._reckoned) > MAX_RECKONED:
            raise _TooMuch
        steps, matched = _own(node)
        for inner in self._here(node):
            more = self._reckon(inner, depth, width)
            steps, matched = steps + more[0], matched + more[1]
        if depth:
            one, each = _below(node)
            reckoned = [self._reckon(inner, depth - 1, width) for inner in one]
            if reckoned:
                steps += max(more[0] for more in reckoned)
                matched += max(more[1] for more in reckoned)
            for inner in each:
                more = self._reckon(inner, depth - 1, width)
                steps, matched = steps + more[0], matched + more[1]
        if "unevaluatedProperties" in node or "unevaluatedItems" in node:
            # what was looked at already is found out anew for each entry
            steps, matched = steps * (1 + width), matched * (1 + width)
        if steps > MAX_STEPS or matched > MAX_MATCHED:
            raise _TooMuch
        self._reckoned[key] = steps, matched
        return steps, matched

    def _here(self, node: dict[str, Any]) -> Iterator[Any]:
        """What is applied to the same value as the node."""
        for name in _HERE:
            inner = node.get(name)
            yield from inner if isinstance(inner, list) else [inner]
        for name in _HERE_BY_NAME:
            if isinstance(node.get(name), dict):
                yield from node[name].values()
        for name in _REFERENCES:
            if isinstance(node.get(name), str):
                yield self._named(node[name])

    def _named(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise _Broken(f"refers to what is not in it: {reference[:100]!r}; references begin with #/")
        node: Any = self.schema
        for part in unquote(reference).split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(name)] if isinstance(node, list) else node[name]
            except (LookupError, TypeError, ValueError):
                raise _Broken(f"refers to what is not in it: {reference[:100]!r}") from None
        return node

    def _refuse_loops(self) -> None:
        """Raise `_Broken` for a schema that is applied to a value in order to be applied to it."""
        done: set[int] = set()
        under_way: set[int] = set()
        waiting: list[Any] = [self.schema]

        def look(node: Any) -> None:
            if not isinstance(node, dict) or id(node) in done:
                return
            if id(node) in under_way:
                raise _Broken("is broken: it refers to itself without an end")
            if node is not self.schema and isinstance(node.get("$id", node.get("id")), str):
                raise _Broken("holds another schema with its own $id; give one schema without")
            under_way.add(id(node))
            for inner in self._here(node):
                look(inner)
            under_way.remove(id(node))
            done.add(id(node))
            one, each = _below(node)
            waiting.extend((*one, *each))

        while waiting:
            look(waiting.pop())


class _TooMuch(Exception):
    """Reckoning passed its limits."""


def _below(node: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """What is applied to what is in the value: at most one of the first to each entry, and all of the others."""
    one: list[Any] = []
    for name in _BELOW_ONE:
        inner = node.get(name)
        one += inner if isinstance(inner, list) else [inner]
    each = [node.get(name) for name in _BELOW_EACH]
    if isinstance(node.get("properties"), dict):
        one += node["properties"].values()
    if isinstance(node.get("patternProperties"), dict):
        each += node["patternProperties"].values()
    return one, each


def _own(node: dict[str, Any]) -> tuple[int, int]:
    """Steps and characters of patterns of the keywords themselves."""
    steps, matched = 1, 0
    for name, value in node.items():
        steps += len(value) if isinstance(value, list | dict) else 1
        if name in ("enum", "const"):
            steps += len(dumps(value)) // 8
        elif name == "pattern" and isinstance(value, str):
            matched += _cost(value)
        elif name == "patternProperties" and isinstance(value, dict):
            matched += sum(map(_cost, value))
    return steps, matched


def _measure(value: JSON) -> tuple[int, int, int]:
    """How many entries a value has, how deep they lie, and how many the widest object or array has."""
    entries, depth, width, level = 0, -1, 0, [value]
    while level:
        entries += len(level)
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict | list | tuple):
                width = max(width, len(item))
                inner += item.values() if isinstance(item, dict) else item
        level = inner
    return entries, depth, width


def _draft(schema: JSON) -> Any:
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if named is None:
        return _DEFAULT_DRAFT
    draft = _DRAFTS.get(str(named).split("://", 1)[-1].rstrip("#"))
    if draft is None:
        raise _Broken(f"is of a kind that is not known here: $schema {str(named)[:100]!r}")
    return draft


def _why(error: Exception) -> str:
    text = str(getattr(error, "message", error)).split("\n", 1)[0][:300]
    if text.endswith(NOT_REGEX):
        return f"has a pattern that is not taken: {text.removesuffix(NOT_REGEX)}. It is broken, or too large"
    if "Retrieval is disabled" in text or "does not exist" in text:
        return f"refers to what is not in it: {text}"
    where = "/".join(map(str, getattr(error, "instance_path", ())))
    return f"is broken at /{where}: {text}"


def _refuse_patterns(schema: JSON) -> None:
    patterns = list(_patterns(schema))
    if len(patterns) > MAX_PATTERNS:
        raise _Broken(f"has {len(patterns)} patterns; at most {MAX_PATTERNS} are taken")
    if sum(map(_length, patterns)) > MAX_PATTERN_LENGTH:
        raise _Broken(
            f"has patterns of more than {MAX_PATTERN_LENGTH} characters, counted repeats written out: too large"
        )


def _patterns(node: JSON) -> Iterator[str]:
    """Every pattern of a schema, wherever it stands."""
    waiting: list[Any] = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield cast(str, node["pattern"])
            if isinstance(node.get("patternProperties"), dict):
                yield from node["patternProperties"]
            waiting += node.values()


def _cost(pattern: str) -> int:
    """What a match costs, in characters of patterns."""
    return _length(pattern) + (BACKTRACKING if _BACKTRACKS.search(pattern) else 0)


def _length(pattern: str) -> int:
    """How many characters a pattern has once its counted repeats are written out, at least."""
    # sizes of the open groups, and of what a repeat would apply to
    groups, last, at = [0], 0, 0
    while at < len(pattern):
        char = pattern[at]
        repeat = _REPEAT.match(pattern, at)
        if repeat is not None:
            most = max(int(repeat[1][:6]), int((repeat[2] or "0")[:6]))
            groups[-1] += last * max(most - 1, 0)
            last *= max(most, 1)
            at = repeat.end()
            continue
        if char == "(":
            groups.append(0)
            last = 0
        elif char == ")" and len(groups) > 1:
            last = groups.pop() + 1
            groups[-1] += last
        else:
            width = 1
            if char == "\\":
                at += 1
                width = _WIDE.get(pattern[at : at + 1], 1)
            elif char == ".":
                width = 4
            elif char == "[":
                end = _end_of_class(pattern, at)
                inside = pattern[at + 1 : end]
                width = max([4 if inside[:1] == "^" else 1, *(w for c, w in _WIDE.items() if "\\" + c in inside)])
                at = end
            last = width
            groups[-1] += width
        at += 1
    return max(1, sum(groups))


def _end_of_class(pattern: str, at: int) -> int:
    """Where the class that opens here closes."""
    at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at
