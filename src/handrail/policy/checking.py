"""Judges a condition before it ever runs: names, types, nesting, patterns.

CEL answers `false` when a number is compared with text, so a rule could sleep for ever without an
error. Types that are known beforehand are therefore compared here, once, when the policy loads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.policy.problems import did_you_mean
from handrail.policy.syntax import (
    Binary,
    Call,
    Choice,
    Index,
    Literal,
    Macro,
    Name,
    Node,
    Select,
    Sequence,
    Unary,
    children,
    path_of,
)
from handrail.policy.syntax import Mapping as MapNode

MAX_LOOPS = 2

# What a condition may read. A set of types: `null` stands beside the rest where a value may be absent.
DYN = frozenset({"dyn"})
VARIABLES: dict[str, frozenset[str]] = {
    "action": frozenset({"string"}),
    "kind": frozenset({"string"}),
    "arguments": DYN,
    "target": DYN,
    "reach": DYN,
    "principal": frozenset({"string", "null"}),
    "owners": frozenset({"list"}),
    "agent": frozenset({"string", "null"}),
    "run": frozenset({"string", "null"}),
    "environment": frozenset({"string", "null"}),
    "confidence": frozenset({"double", "null"}),
    "amount": frozenset({"double", "null"}),
    "currency": frozenset({"string", "null"}),
    "severity": frozenset({"double"}),
    "categories": frozenset({"list"}),
    "harm_classes": frozenset({"list"}),
    "sum": frozenset({"map"}),
    "count": frozenset({"map"}),
    "prompts": frozenset({"map"}),
}
# of what the lists among them are made
ELEMENTS = {"owners": "string", "categories": "string", "harm_classes": "string"}
TALLIES = {"sum": frozenset({"double", "null"}), "count": frozenset({"int"}), "prompts": frozenset({"int"})}

_NUMBERS = frozenset({"int", "uint", "double"})
_TEXT_TESTS = frozenset({"startsWith", "endsWith", "contains", "matches"})
_MOMENT_PARTS = frozenset(
    f"get{part}"
    for part in ("FullYear Month Date DayOfMonth DayOfWeek DayOfYear Hours Minutes Seconds Milliseconds".split())
)
_CONVERSIONS = {"int": "int", "uint": "uint", "double": "double", "string": "string"}
_GLOBAL = frozenset({"size", "has", "timestamp", "duration", "matches", *_CONVERSIONS})
_METHODS = frozenset({"size", *_TEXT_TESTS, *_MOMENT_PARTS, "all", "exists", "exists_one", "map", "filter"})


@dataclass(slots=True)
class Findings:
    """What the check learned about one condition."""

    # sentences: what is wrong; empty when the condition may run
    mistakes: list[str] = field(default_factory=list)
    # names of the windows it reads
    windows: set[str] = field(default_factory=set)
    # loops inside loops; 0 without any
    loops: int = 0
    nodes: int = 0
    # JSON paths below `arguments` compared with constants, and the types those constants have
    expects: dict[tuple[str, ...], set[str]] = field(default_factory=dict)


def check(tree: Node, *, windows: frozenset[str], schema: Mapping[str, Any] | None = None) -> Findings:
    """Judge a tree. `windows`: the names that `sum.…` may read; `schema`: JSON Schema of the arguments, if known."""
    checker = _Checker(windows, schema)
    types = checker.visit(tree, {}, 0)
    if not types & {"bool", "dyn"}:
        checker.note(f"it yields {_spell(types)}, not true or false")
    return checker.findings


def _spell(types: frozenset[str]) -> str:
    words = {"int": "a whole number", "uint": "a whole number", "double": "a number", "string": "text"}
    words |= {"bool": "true/false", "list": "a list", "map": "a map", "timestamp": "a moment", "duration": "a duration"}
    return " or ".join(sorted({words.get(name, name) for name in types - {"null"}})) or "null"


class _Checker:
    def __init__(self, windows: frozenset[str], schema: Mapping[str, Any] | None):
        self.windows = windows
        self.schema = schema
        self.findings = Findings()

    def note(self, message: str) -> None:
        if message not in self.findings.mistakes:
            self.findings.mistakes.append(message)

    def visit(self, node: Node, bound: Mapping[str, frozenset[str]], loops: int) -> frozenset[str]:
        self.findings.nodes += 1
        match node:
            case Literal(kind, _):
                return frozenset({kind})
            case Name(name):
                return self.name(name, bound)
            case Select() | Index():
                return self.member(node, bound, loops)
            case Call():
                return self.call(node, bound, loops)
            case Macro():
                return self.macro(node, bound, loops)
            case Unary(operator, operand):
                return self.unary(operator, self.visit(operand, bound, loops))
            case Binary():
                return self.binary(node, bound, loops)
            case Choice(condition, yes, no):
                self.truth(self.visit(condition, bound, loops), "?")
                return self.visit(yes, bound, loops) | self.visit(no, bound, loops)
            case Sequence(items):
                for item in items:
                    self.visit(item, bound, loops)
                return frozenset({"list"})
            case MapNode():
                for part in children(node):
                    self.visit(part, bound, loops)
                return frozenset({"map"})

    def name(self, name: str, bound: Mapping[str, frozenset[str]]) -> frozenset[str]:
        if name in bound:
            return bound[name]
        if name not in VARIABLES:
            self.note(f"unknown name {name}. {did_you_mean(name, VARIABLES)}")
            return DYN
        return VARIABLES[name]

    def member(self, node: Select | Index, bound: Mapping[str, frozenset[str]], loops: int) -> frozenset[str]:
        path = path_of(node)
        if path and path[0] in TALLIES and path[0] not in bound:
            return self.tally(path)
        above = self.visit(node.operand, bound, loops)
        if isinstance(node, Index):
            self.visit(node.key, bound, loops)
        if not above & {"dyn", "map", "list"}:
            self.note(f"{_spell(above)} has no fields")
        if path and path[0] == "arguments" and "arguments" not in bound:
            return self.argument(path[1:])
        return DYN

    def tally(self, path: tuple[str, ...]) -> frozenset[str]:
        if len(path) != 2 or path[1] not in self.windows:
            name = ".".join(path[1:])
            self.note(f"no window is named {name}. {did_you_mean(name, self.windows)}")
            return DYN
        self.findings.windows.add(path[1])
        return TALLIES[path[0]]

    def argument(self, path: tuple[str, ...]) -> frozenset[str]:
        """The types a JSON Schema allows at this path; anything when it does not say."""
        part: Any = self.schema
        for step in path:
            properties = part.get("properties") if isinstance(part, Mapping) else None
            if not isinstance(properties, Mapping):
                return DYN
            if step not in properties:
                if part.get("additionalProperties") is False:
                    self.note(f"the action's schema has no argument {step}. {did_you_mean(step, properties)}")
                return DYN
            part = properties[step]
        given = part.get("type") if isinstance(part, Mapping) else None
        names = {"number": "double", "integer": "int", "string": "string", "boolean": "bool", "null": "null"}
        names |= {"array": "list", "object": "map"}
        listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        made = frozenset(names[name] for name in listed if name in names)
        return made or DYN

    def unary(self, operator: str, types: frozenset[str]) -> frozenset[str]:
        if operator == "!":
            self.truth(types, "!")
            return frozenset({"bool"})
        if not types & (_NUMBERS | {"dyn"}):
            self.note(f"- is for numbers, not {_spell(types)}")
        return types - {"null"}

    def truth(self, types: frozenset[str], operator: str) -> None:
        if not types & {"bool", "dyn"}:
            self.note(f"{operator} is for true/false, not {_spell(types)}")

    def binary(self, node: Binary, bound: Mapping[str, frozenset[str]], loops: int) -> frozenset[str]:
        left = self.visit(node.left, bound, loops)
        right = self.visit(node.right, bound, loops)
        operator = node.operator
        if operator in ("&&", "||"):
            self.truth(left, operator)
            self.truth(right, operator)
            return frozenset({"bool"})
        if operator in ("+", "-", "*", "/", "%"):
            return self.arithmetic(operator, left, right)
        if operator == "in":
            self.membership(node, left, right)
        else:
            self.comparison(operator, left, right)
            self.expect(node.left, right, node.right)
            self.expect(node.right, left, node.left)
        return frozenset({"bool"})

    def comparison(self, operator: str, left: frozenset[str], right: frozenset[str]) -> None:
        if "dyn" in left | right:
            return
        if operator in ("==", "!="):
            alike = left & right or (left & _NUMBERS and right & _NUMBERS)
            if not alike:
                self.note(f"{operator} compares {_spell(left)} with {_spell(right)}, which is never equal")
            return
        mine, other = left - {"null"}, right - {"null"}
        if not ((mine & _NUMBERS and other & _NUMBERS) or mine & other & {"string", "timestamp", "duration", "bool"}):
            self.note(f"{operator} cannot order {_spell(left)} and {_spell(right)}")

    def arithmetic(self, operator: str, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
        if "dyn" in left or "dyn" in right:
            return DYN
        mine, other = left - {"null"}, right - {"null"}
        moments = (mine | other) & {"timestamp", "duration"}
        same = mine & other
        allowed = same & (_NUMBERS | ({"string", "list"} if operator == "+" else set()))
        if moments and operator in "+-":
            return DYN
        if not allowed:
            hint = " Write whole numbers as 1.0 beside amounts and confidences." if mine | other <= _NUMBERS else ""
            self.note(f"{operator} needs the same type on both sides, not {_spell(left)} and {_spell(right)}.{hint}")
            return DYN
        return frozenset(allowed)

    def membership(self, node: Binary, left: frozenset[str], right: frozenset[str]) -> None:
        if not right & {"list", "map", "dyn"}:
            self.note(f"in looks inside a list or a map, not {_spell(right)}")
            return
        if isinstance(node.right, Name) and node.right.name in ELEMENTS and not left & {"string", "dyn"}:
            self.note(f"in looks for {_spell(left)} in a list of text")
        if isinstance(node.right, Sequence):
            for item in node.right.items:
                if isinstance(item, Literal):
                    self.comparison("==", left, frozenset({item.kind}))
                    self.expect(node.left, frozenset({item.kind}), item)

    def expect(self, node: Node, types: frozenset[str], other: Node) -> None:
        """Remember that an argument is compared with a constant of this type."""
        path = path_of(node)
        if path and path[0] == "arguments" and len(path) > 1 and isinstance(other, Literal):
            self.findings.expects.setdefault(path[1:], set()).update(types)

    def call(self, node: Call, bound: Mapping[str, frozenset[str]], loops: int) -> frozenset[str]:
        name, target, arguments = node.name, node.target, node.arguments
        known = _METHODS if target is not None else _GLOBAL
        if name not in known:
            self.note(f"unknown function {name}. {did_you_mean(name, known)}")
            return DYN
        if name == "has":
            if len(arguments) != 1 or not isinstance(arguments[0], Select):
                self.note("has is written has(arguments.name)")
            else:
                self.visit(arguments[0].operand, bound, loops)
                if path_of(arguments[0]) is None:
                    self.note("has looks at a plain path such as arguments.name")
            return frozenset({"bool"})
        given = ([self.visit(target, bound, loops)] if target is not None else []) + [
            self.visit(argument, bound, loops) for argument in arguments
        ]
        wanted = 2 if name in _TEXT_TESTS else 1
        if len(given) != wanted:
            self.note(f"{name} takes {wanted if target is None else wanted - 1} arguments")
            return DYN
        return self.result(name, given, arguments)

    def result(self, name: str, given: list[frozenset[str]], arguments: tuple[Node, ...]) -> frozenset[str]:
        if name == "size":
            if not given[0] & {"string", "list", "map", "dyn"}:
                self.note(f"size is for text, lists and maps, not {_spell(given[0])}")
            return frozenset({"int"})
        if name in _TEXT_TESTS:
            for types in given:
                if not types & {"string", "dyn"}:
                    self.note(f"{name} is for text, not {_spell(types)}")
            if name == "matches":
                self.pattern(arguments[-1])
            return frozenset({"bool"})
        if name in _MOMENT_PARTS:
            return frozenset({"int"})
        if name in ("timestamp", "duration"):
            return frozenset({name})
        return frozenset({_CONVERSIONS[name]})

    def pattern(self, node: Node) -> None:
        """A pattern is a constant: one that came with a proposal could be as dear as its author likes."""
        if not isinstance(node, Literal) or node.kind != "string":
            self.note("matches takes a pattern written in the policy, not a computed one")
        elif re.search(r"\{[0-9]{4,}|\{[0-9]*,[0-9]{4,}", node.value):
            self.note("the pattern repeats something more than 999 times")

    def macro(self, node: Macro, bound: Mapping[str, frozenset[str]], loops: int) -> frozenset[str]:
        over = self.visit(node.range, bound, loops)
        if not over & {"list", "map", "dyn"}:
            self.note(f"{node.name} goes over a list or a map, not {_spell(over)}")
        loops += 1
        self.findings.loops = max(self.findings.loops, loops)
        if loops > MAX_LOOPS:
            self.note(f"loops are nested deeper than {MAX_LOOPS}")
        element = DYN
        if isinstance(node.range, Name) and node.range.name in ELEMENTS:
            element = frozenset({ELEMENTS[node.range.name]})
        inner = {**bound, node.variable: element}
        results = [self.visit(body, inner, loops) for body in node.bodies]
        if node.name != "map" or len(results) == 2:
            self.truth(results[0], f".{node.name}(…)")
        return frozenset({"list"}) if node.name in ("map", "filter") else frozenset({"bool"})


def argument_keys(tree: Node) -> frozenset[str] | None:
    """The top-level arguments a condition can see; None when it could look at any of them."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        path = path_of(node)
        if path is not None and path[0] == "arguments":
            if len(path) == 1:
                return None
            found.add(path[1])
            continue
        if isinstance(node, Macro) and node.variable == "arguments":
            return None
        stack.extend(children(node))
    return frozenset(found)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)
