"""Change fields of one action in a policy's text, and nothing else: comments and layout stay as they are.

The text is edited where the parser says a field stands, then read again: the change is refused unless the new text says
exactly what the old one said, with those fields changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from handrail.errors import InvalidPolicy
from handrail.policy.loader import document_of

MARK = "# evidence: "
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ENTRY = "escalation_policies"

Value = str | float | int | bool
Fields = Mapping[str, Value | Mapping[str, Value]]


def amended(text: str, action: str, fields: Fields, *, evidence: Sequence[str] = ()) -> str:
    """The policy text with these fields of an action set; `evidence` stands above the entry as comments.

    An action that the policy does not declare is added at the end of its list. Earlier evidence of the same entry is
    replaced. Raises `InvalidPolicy` when the text is no policy, or the changed one would not be.
    """
    before, _ = document_of(text, "policy")
    made = text if text.endswith("\n") or not text else text + "\n"
    if all(entry.action_type != action for entry in before.escalation_policies):
        made = _declared(made, action)
    for name, value in fields.items():
        each = value.items() if isinstance(value, Mapping) else [(None, value)]
        for below, scalar in each:
            made = _put(made, action, (name,) if below is None else (name, below), scalar)
    if evidence:
        made = _remarked(made, action, evidence)
    _refuse_other_changes(text, made, action, fields)
    return made


def _put(text: str, action: str, path: tuple[str, ...], value: Value) -> str:
    node = _entry(text, action)
    for name in path[:-1]:
        child = _child(node, name)
        if child is None:
            return _added(text, node, name, f"{{{path[-1]}: {_spelled(value)}}}")
        if not isinstance(child, yaml.MappingNode):
            raise InvalidPolicy(f"{name} of {action} holds no fields")
        node = child
    known = _child(node, path[-1])
    if known is None:
        return _added(text, node, path[-1], _spelled(value))
    start, end = known.start_mark.index, known.end_mark.index
    if isinstance(known, yaml.ScalarNode):
        return text[:start] + _spelled(value) + text[end:]
    raise InvalidPolicy(f"{path[-1]} of {action} is no plain value, so it cannot be replaced by one")


def _added(text: str, node: Any, name: str, spelled: str) -> str:
    """A new field below the first one of a mapping, or at the end of one that stands on one line."""
    if node.flow_style:
        at = node.value[-1][1].end_mark.index
        return f"{text[:at]}, {name}: {spelled}{text[at:]}"
    indent = " " * node.value[0][0].start_mark.column
    key, first = node.value[0]
    if not isinstance(first, yaml.ScalarNode) or _block(first):
        at = key.start_mark.index
        return f"{text[:at]}{name}: {spelled}\n{indent}{text[at:]}"
    at = text.find("\n", first.end_mark.index)
    at = len(text) if at < 0 else at + 1
    return f"{text[:at]}{indent}{name}: {spelled}\n{text[at:]}"


def _declared(text: str, action: str) -> str:
    root = _root(text)
    entry = f"action_type: {_spelled(action)}"
    listed = None if root is None else _child(root, _ENTRY)
    if listed is None or not isinstance(listed, yaml.SequenceNode):
        if root is not None and root.flow_style:
            raise InvalidPolicy("the policy is one line of JSON-like text; add the action to it by hand")
        return f"{text}{_ENTRY}:\n  - {entry}\n"
    if listed.flow_style:
        at = text.rindex("]", listed.start_mark.index, listed.end_mark.index)
        comma = ", " if listed.value else ""
        return f"{text[:at]}{comma}{{{entry}}}{text[at:]}"
    indent = " " * listed.start_mark.column
    at = _end_of(text, listed.value[-1])
    return f"{text[:at]}{indent}- {entry}\n{text[at:]}"


def _end_of(text: str, node: Any) -> int:
    """Just after the line on which a node's last scalar ends: a block's own mark lies behind later comments."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    at = text.find("\n", max(node.end_mark.index - 1, 0) if _block(node) else node.end_mark.index)
    return len(text) if at < 0 else at + 1


def _block(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")


def _remarked(text: str, action: str, evidence: Sequence[str]) -> str:
    """Comments above the entry; those of an earlier change go."""
    line = _entry(text, action).start_mark.line
    lines = text.splitlines(keepends=True)
    start = line
    while start > 0 and lines[start - 1].lstrip().startswith(MARK):
        start -= 1
    indent = re.match(r"\s*", lines[line])
    space = indent[0].rstrip("\n") if indent else ""
    remarks = [f"{space}{MARK}{_one_line(said)}\n" for said in evidence]
    return "".join((*lines[:start], *remarks, *lines[line:]))


def _one_line(said: str) -> str:
    return " ".join(said.split())


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(float(value)) if isinstance(value, float) else str(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)


def _digits(value: float) -> str:
    """Every digit that the float holds; YAML takes `1.0e-09` for a number and `1e-09` for text."""
    mantissa, mark, power = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{mark}{power}"


def _root(text: str) -> Any:
    return yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None


def _entry(text: str, action: str) -> Any:
    listed = _child(_root(text), _ENTRY)
    for node in listed.value if listed is not None else ():
        name = _child(node, "action_type")
        if name is not None and name.value == action:
            return node
    raise InvalidPolicy(f"{action} is not declared in this policy")


def _child(node: Any, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _refuse_other_changes(old: str, new: str, action: str, fields: Fields) -> None:
    """Read both again: only these fields of this action may differ."""
    before, after = _plain(old), _plain(new)
    wanted = before[_ENTRY].setdefault(action, {"action_type": action})
    for name, value in fields.items():
        if isinstance(value, Mapping):
            wanted[name] = {**(wanted.get(name) or {}), **value}
        else:
            wanted[name] = value
    if before != after:
        raise InvalidPolicy("the policy's text could not be changed without changing more; write the fields by hand")
    document_of(new, "the changed policy")


def _plain(text: str) -> dict[str, Any]:
    value = dict(yaml.safe_load(text) or {})
    listed = value.get(_ENTRY) or []
    value[_ENTRY] = {str(entry["action_type"]): dict(entry) for entry in listed}
    return value
