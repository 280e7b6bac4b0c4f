"""A policy file's text to plain values, with the line of every field.

The reader is stricter than YAML: no duplicate keys, no anchors or aliases, no tags, one document,
and none of the number forms that readers disagree on (`010` is eight to some, `1:30` ninety).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

import yaml
from yaml.constructor import ConstructorError

from handrail.policy.problems import Problem, refuse

MAX_BYTES = 1 << 20
MAX_DEPTH = 40

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", re.ASCII)
_POWER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", re.ASCII)
_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR: Any = yaml.constructor.SafeConstructor()


def spell(path: Path) -> str:
    """`("rules", 2, "route", "tier")` as `rules[2].route.tier`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class Source:
    """What was read: `value` in plain types, `lines` the 1-based line of each path."""

    name: str
    text: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def problem(self, path: Path, message: str, remedy: str) -> Problem:
        """A mistake at `path`, or at its nearest parent that stands in the file."""
        near = path
        while near and near not in self.lines:
            near = near[:-1]
        line = self.lines.get(near, 1)
        return Problem(source=self.name, line=line, field=spell(path), message=message, remedy=remedy)


def read(text: str, name: str) -> Source:
    """Parse the YAML text. Raises `InvalidPolicy` with file, line and field for anything not acceptable."""
    source = Source(name=name, text=text)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise refuse([source.problem((), f"the file is larger than {MAX_BYTES} bytes", "Split or shorten it.")])
    reading = _Reading(source)
    try:
        reading.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = f"not YAML: {error.problem or error.context}"
        raise refuse([_at(source, line, message, "Correct the syntax at or just before this line.")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"a character that may not stand in YAML: {error.reason}"
        raise refuse([_at(source, line, message, "Remove the character.")]) from None
    if reading.problems:
        raise refuse(reading.problems)
    return source


def _at(source: Source, line: int, message: str, remedy: str, path: Path = ()) -> Problem:
    return Problem(source=source.name, line=line, field=spell(path), message=message, remedy=remedy)


class _Reading:
    """Builds values from parse events; the parser is iterative, so depth is ours to limit."""

    def __init__(self, source: Source):
        self.source = source
        self.problems: list[Problem] = []

    def document(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, (), "a second document", "Keep one document in a file.")
            elif isinstance(event, yaml.NodeEvent):
                self.source.value = self._node(event, events, (), 0)
        if not documents:
            self.problems.append(
                _at(self.source, 1, "the file is empty", "Start with escalation_policies: and one action.")
            )

    def _node(self, event: Any, events: Iterator[Any], path: Path, depth: int) -> Any:
        line = event.start_mark.line + 1
        self.source.lines.setdefault(path, line)
        if depth > MAX_DEPTH:
            self._stop(event, path, f"nested deeper than {MAX_DEPTH}", "Make it flatter.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._stop(event, path, "anchors and aliases are not taken", "Write the value out where it is needed.")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if getattr(event, "tag", None) not in (None, "!"):
            self._stop(event, path, f"the tag {event.tag} is not taken", "Remove the tag.")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path, depth)
        return self._mapping(events, path, depth)

    def _sequence(self, events: Iterator[Any], path: Path, depth: int) -> list[Any]:
        made: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            made.append(self._node(event, events, (*path, len(made)), depth + 1))
        return made

    def _mapping(self, events: Iterator[Any], path: Path, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.anchor:
                self._stop(event, path, "a field's name must be plain text", "Write a plain name before the colon.")
            key = event.value
            if event.value == "<<" and event.style is None:
                self._stop(event, path, "merge keys are not taken", "Write the fields out.")
            if key in made:
                first = self.source.lines[(*path, key)]
                self.problems.append(
                    _at(self.source, line, f"written twice, first on line {first}", "Keep one of them.", (*path, key))
                )
                self._node(next(events), events, (*path, key), depth + 1)
                continue
            self.source.lines[(*path, key)] = line
            made[key] = self._node(next(events), events, (*path, key), depth + 1)
        return made

    def _scalar(self, event: Any, path: Path) -> Any:
        if event.tag not in (None, "!"):
            self._stop(event, path, f"the tag {event.tag} is not taken", "Remove the tag.")
        text: str = event.value
        if not event.implicit[0]:
            return text
        tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
        kind = tag.rpartition(":")[2]
        if kind in ("str", "value"):
            if _POWER.fullmatch(text):
                # text to YAML 1.1, a number to YAML 1.2
                self._note(event, path, f"{text} is a number to some programs and text to others", _WRITE_NUMBER)
            return text
        if kind == "int":
            return self._integer(event, text, path)
        if kind == "float":
            return self._float(event, text, path)
        try:
            value = _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, text, event.start_mark, event.end_mark))
        except (ConstructorError, ValueError) as error:
            self._note(event, path, f"{text!r} cannot be read: {error}", "Put quotation marks around text.")
            return None
        return value if isinstance(value, bool | date | None) else text

    def _integer(self, event: Any, text: str, path: Path) -> int:
        if not _INTEGER.fullmatch(text) or len(text) > 32:
            self._note(event, path, f"{text} is read as different numbers by different programs", _WRITE_NUMBER)
            return 0
        return int(text)

    def _float(self, event: Any, text: str, path: Path) -> float:
        if not _FLOAT.fullmatch(text) or len(text) > 64 or not _exact(text):
            self._note(event, path, f"{text} is not a plain number, or has more digits than are kept", _WRITE_NUMBER)
            return 0.0
        return float(text)

    def _note(self, event: Any, path: Path, message: str, remedy: str) -> None:
        self.problems.append(_at(self.source, event.start_mark.line + 1, message, remedy, path))

    def _stop(self, event: Any, path: Path, message: str, remedy: str) -> NoReturn:
        self._note(event, path, message, remedy)
        raise refuse(self.problems)


_WRITE_NUMBER = "Write plain digits, such as 10000 or 0.95, or put quotation marks around it."


def _exact(text: str) -> bool:
    """Whether the float keeps every digit that was written."""
    return Decimal(repr(float(text))) == Decimal(text)
