"""Conditions: CEL behind a small interface of our own.

CEL has no cost budget. So length, nesting and types are judged when a policy loads (`checking`), and a
condition that loops over what a proposal brings runs only while its worst case stays within `MAX_STEPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handrail.canonical import MAX_DEPTH
from handrail.policy.checking import argument_keys, check, walk
from handrail.policy.engine import compiled_cel
from handrail.policy.syntax import Call, Literal, SyntaxProblem, children, parse

if TYPE_CHECKING:
    import cel
else:
    cel = compiled_cel()

MAX_LENGTH = 1000
# a step took 0.33 µs when measured, so a condition ends within some 20 ms
MAX_STEPS = 50_000

# variables that may hold anything
_NESTED = frozenset({"arguments", "target", "reach"})

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int, float),
    "uint": (int, float),
    "double": (int, float),
    "string": (str,),
    "bool": (bool,),
    "null": (type(None),),
}


class ConditionProblem(ValueError):
    """The text is not an acceptable condition; `mistakes` says why, a sentence each."""

    def __init__(self, mistakes: list[str]):
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class Undecided(Exception):
    """The condition gave no true or false. Whoever asked must take the strictest answer."""


class Scope:
    """The variables of one proposal, converted once and read by every condition."""

    __slots__ = ("context", "keys", "reads", "variables", "widths")

    def __init__(self, variables: dict[str, Any], reads: frozenset[str], keys: frozenset[str] | None = None):
        self.variables = variables
        # only these variables, and of `arguments` only these keys (None: all), are converted: that is what costs
        self.reads = reads
        self.keys = keys
        self.context: cel.Context | None = None
        self.widths: dict[str, int] = {}

    def converted(self) -> cel.Context:
        """The library's form. It converts by recursion, without a limit of its own, so depth is checked first."""
        if self.context is None:
            given = {name: self.variables[name] for name in self.reads if name in self.variables}
            whole = given.get("arguments")
            if self.keys is not None and type(whole) is dict:
                given["arguments"] = {key: whole[key] for key in self.keys if key in whole}
            for name in _NESTED & given.keys():
                if _deeper(given[name], MAX_DEPTH):
                    raise Undecided(f"{name} is nested deeper than {MAX_DEPTH}")
            self.context = cel.Context(given)
        return self.context

    def widest(self, names: frozenset[str]) -> int:
        """Items in the largest list or map below these variables: what a loop could go over."""
        most = 0
        for name in names:
            if name not in self.widths:
                value = self.variables.get(name)
                self.widths[name] = _widest([value]) if isinstance(value, dict | list) else 0
            most = max(most, self.widths[name])
        return most


class Condition:
    """A compiled condition. `windows` names the tallies it reads."""

    __slots__ = ("expects", "keys", "literal", "loops", "nodes", "program", "reads", "text", "windows")

    def __init__(
        self, text: str, *, windows: frozenset[str] = frozenset(), schema: Mapping[str, Any] | None = None
    ) -> None:
        """Compile. Raises `ConditionProblem`."""
        if len(text) > MAX_LENGTH:
            raise ConditionProblem([f"longer than {MAX_LENGTH} characters"])
        try:
            tree = parse(text)
        except (SyntaxProblem, RecursionError) as error:
            raise ConditionProblem([str(error)]) from None
        findings = check(tree, windows=windows, schema=schema)
        if not findings.mistakes:
            findings.mistakes += _bad_patterns(tree)
        if findings.mistakes:
            raise ConditionProblem(findings.mistakes)
        try:
            self.program = cel.compile(text)
        except ValueError as error:
            raise ConditionProblem([str(error).splitlines()[0]]) from None
        self.text = text
        # variables it reads, loop variables among them
        self.reads = frozenset(self.program.variables())
        self.windows = frozenset(findings.windows)
        self.loops = findings.loops
        self.keys = argument_keys(tree)
        self.literal = max((len(children(node)) for node in walk(tree)), default=0)
        self.nodes = findings.nodes
        self.expects = tuple(
            (path, tuple(kind for name in sorted(names) for kind in _PYTHON_TYPES.get(name, ())))
            for path, names in sorted(findings.expects.items())
            if names <= _PYTHON_TYPES.keys()
        )

    def holds(self, scope: Scope) -> bool:
        """True or false. Raises `Undecided`, saying why, when it fails, is too dear, or compares unlike types."""
        if self.loops:
            steps = self.nodes * max(scope.widest(self.reads), self.literal) ** self.loops
            if steps > MAX_STEPS:
                raise Undecided(f"would take up to {steps} steps, {MAX_STEPS} are allowed")
        for path, allowed in self.expects:
            _require(scope.variables["arguments"], path, allowed)
        try:
            answer = self.program.execute(scope.converted())
        except Exception as error:  # whatever the library raises: the answer is not known
            raise Undecided(_reason(error)) from None
        if answer is True or answer is False:
            return answer
        raise Undecided(f"yielded {type(answer).__name__}, not true or false")


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0] if error.args else 'such field'}"
    return (str(error).splitlines() or [type(error).__name__])[0].split(": the operation")[0][:200]


def _require(arguments: Any, path: tuple[str, ...], allowed: tuple[type, ...]) -> None:
    """CEL calls `5 == "5"` false; a proposal must not slip past a rule by sending text for a number."""
    value = arguments
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return
        value = value[step]
    if value is None or (isinstance(value, allowed) and (type(value) is not bool or bool in allowed)):
        return
    raise Undecided(f"arguments.{'.'.join(path)} is {type(value).__name__}, compared with another type")


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            item
            for part in level
            if isinstance(part, dict | list | tuple)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return True


def _widest(values: list[Any]) -> int:
    most = 0
    while values:
        value = values.pop()
        if isinstance(value, dict):
            most = max(most, len(value))
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            most = max(most, len(value))
            values.extend(value)
    return most


def _bad_patterns(tree: Any) -> list[str]:
    """Patterns that the library's own engine (linear time) does not take."""
    made = []
    for node in walk(tree):
        if isinstance(node, Call) and node.name == "matches" and isinstance(node.arguments[-1], Literal):
            pattern = node.arguments[-1].value
            try:
                cel.compile("text.matches(pattern)").execute({"text": "", "pattern": pattern})
            except Exception as error:
                made.append(f"the pattern {pattern!r} is not accepted: {(str(error).splitlines() or ['?'])[-1]}")
    return made
