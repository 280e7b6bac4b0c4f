"""The shape of a condition: a parser for the part of CEL that policies may use.

Evaluation is the CEL library's. This parser exists because a policy is judged before it runs: types,
unknown names, nesting, and cost are read off the tree. What it cannot parse is refused.
Grammar: the CEL language definition, "Syntax". Left out on purpose: bytes, messages, optionals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_NESTING = 32

MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|//[^\n]*)
  | (?P<float>[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
  | (?P<uint>[0-9]+[uU])
  | (?P<int>[0-9]+)
  | (?P<string>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
  | (?P<raw>[rR]"[^"\n\r]*"|[rR]'[^'\n\r]*')
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"} | dict(
    zip("\\\"'`?", "\\\"'`?", strict=True)
)
_BINARY = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
_RESERVED = frozenset(
    "as break const continue else for function if import let loop package namespace return var void while".split()
)


class SyntaxProblem(ValueError):
    """The text is not a condition we read; the message says where."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `kind` is int, uint, double, string, bool or null."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`."""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[key]`."""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`, or `target.name(arguments)`."""

    name: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """`range.name(variable, body…)`: a loop over a list or the keys of a map."""

    name: str
    range: Node
    variable: str
    bodies: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`!operand` or `-operand`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Sequence:
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """`{a: b}`."""

    entries: tuple[tuple[Node, Node], ...]


Node = Literal | Name | Select | Index | Call | Macro | Unary | Binary | Choice | Sequence | Mapping


def parse(text: str) -> Node:
    """The tree of a condition. Raises `SyntaxProblem`."""
    parser = _Parser(_tokens(text))
    node = parser.expression()
    if parser.kind != "end":
        parser.fail("the end")
    return node


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Literal() | Name():
            return ()
        case Select(operand):
            return (operand,)
        case Index(operand, key):
            return (operand, key)
        case Call(_, target, arguments):
            return arguments if target is None else (target, *arguments)
        case Macro(_, range_, _, bodies):
            return (range_, *bodies)
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Choice(condition, yes, no):
            return (condition, yes, no)
        case Sequence(items):
            return items
        case Mapping(entries):
            return tuple(part for entry in entries for part in entry)


def path_of(node: Node) -> tuple[str, ...] | None:
    """`arguments.a["b"]` as `("arguments", "a", "b")`; None for anything computed."""
    match node:
        case Name(name):
            return (name,)
        case Select(operand, field):
            above = path_of(operand)
            return None if above is None else (*above, field)
        case Index(operand, Literal("string", key)):
            above = path_of(operand)
            return None if above is None else (*above, key)
    return None


def _tokens(text: str) -> list[tuple[str, str, int]]:
    made: list[tuple[str, str, int]] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SyntaxProblem(f"unexpected {text[at]!r} at character {at + 1}")
        kind = found.lastgroup or ""
        if kind != "space":
            made.append((kind, found[0], at))
        at = found.end()
    made.append(("end", "", at))
    return made


class _Parser:
    def __init__(self, tokens: list[tuple[str, str, int]]):
        self.tokens = tokens
        self.position = 0
        self.nesting = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.position][0]

    @property
    def text(self) -> str:
        return self.tokens[self.position][1]

    def fail(self, wanted: str) -> NoReturn:
        _, text, at = self.tokens[self.position]
        found = repr(text) if text else "the end"
        raise SyntaxProblem(f"expected {wanted}, found {found} at character {at + 1}")

    def accept(self, *marks: str) -> str | None:
        if self.kind in ("mark", "name") and self.text in marks:
            text = self.text
            self.position += 1
            return text
        return None

    def expect(self, mark: str) -> None:
        if self.accept(mark) is None:
            self.fail(repr(mark))

    def expression(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise SyntaxProblem(f"nested deeper than {MAX_NESTING}")
        node = self.binary(0)
        if self.accept("?"):
            yes = self.binary(0)
            self.expect(":")
            node = Choice(node, yes, self.expression())
        self.nesting -= 1
        return node

    def binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self.unary()
        node = self.binary(level + 1)
        while operator := self.accept(*_BINARY[level]):
            node = Binary(operator, node, self.binary(level + 1))
        return node

    def unary(self) -> Node:
        marks = 0
        operator = self.text if self.kind == "mark" and self.text in "!-" else None
        while operator and self.accept(operator):
            marks += 1
        if operator and self.kind == "mark" and self.text in "!-":
            self.fail("a value")
        node = self.member()
        if operator == "-" and marks == 1 and isinstance(node, Literal) and node.kind in ("int", "double"):
            return Literal(node.kind, -node.value)
        for _ in range(min(marks, MAX_NESTING)):
            node = Unary(operator or "", node)
        return node

    def member(self) -> Node:
        node = self.primary()
        steps = 0
        while True:
            steps += 1
            if steps > MAX_NESTING:
                raise SyntaxProblem(f"a chain longer than {MAX_NESTING}")
            if self.accept("."):
                name = self.name()
                node = self.call(name, node) if self.accept("(") else Select(node, name)
            elif self.accept("["):
                node = Index(node, self.expression())
                self.expect("]")
            else:
                return node

    def call(self, name: str, target: Node | None) -> Node:
        arguments = self.items(")")
        if target is None or name not in MACROS:
            return Call(name, target, arguments)
        if len(arguments) < 2 or len(arguments) > (3 if name == "map" else 2) or not isinstance(arguments[0], Name):
            raise SyntaxProblem(f"{name} is written .{name}(x, condition on x)")
        return Macro(name, target, arguments[0].name, arguments[1:])

    def items(self, closing: str) -> tuple[Node, ...]:
        made: list[Node] = []
        while self.accept(closing) is None:
            made.append(self.expression())
            if self.accept(",") is None:
                self.expect(closing)
                break
        return tuple(made)

    def primary(self) -> Node:
        kind, text = self.kind, self.text
        if kind == "name":
            return self.named()
        if kind == "mark":
            return self.bracketed()
        if kind == "end":
            self.fail("a value")
        self.position += 1
        if kind in ("int", "uint"):
            return Literal(kind, int(text.rstrip("uU")))
        if kind == "float":
            return Literal("double", float(text))
        return Literal("string", _unescape(text[1:-1]) if kind == "string" else text[2:-1])

    def named(self) -> Node:
        text = self.text
        if text in ("true", "false"):
            self.position += 1
            return Literal("bool", text == "true")
        if text == "null":
            self.position += 1
            return Literal("null", None)
        name = self.name()
        return self.call(name, None) if self.accept("(") else Name(name)

    def bracketed(self) -> Node:
        if self.accept("("):
            node = self.expression()
            self.expect(")")
            return node
        if self.accept("["):
            return Sequence(self.items("]"))
        if not self.accept("{"):
            self.fail("a value")
        entries: list[tuple[Node, Node]] = []
        while self.accept("}") is None:
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
            if self.accept(",") is None:
                self.expect("}")
                break
        return Mapping(tuple(entries))

    def name(self) -> str:
        if self.kind != "name" or self.text in _RESERVED or self.text in ("in", "true", "false", "null"):
            self.fail("a name")
        text = self.text
        self.position += 1
        return text


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        digits = found[1] or found[2] or found[3]
        if digits:
            return chr(int(digits, 16))
        if found[4]:
            return chr(int(found[4], 8))
        if found[5] not in _ESCAPES:
            raise SyntaxProblem(f"unknown escape \\{found[5]}")
        return _ESCAPES[found[5]]

    try:
        return _ESCAPE.sub(one, text)
    except (ValueError, OverflowError) as error:
        raise SyntaxProblem(str(error)) from None
