"""Proposals as they come in: JSON to the noun, strictly, and without losing what was wrong.

A wrong type or an unknown field is refused. A confidence that is no number from 0 to 1 is not: such a
proposal must reach a person, so it is taken with `confidence=None` and what was given is kept in
`scores`, where the router finds it and says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import partial
from operator import attrgetter
from typing import Any

import orjson

from handrail.canonical import JSON, MAX_DEPTH, MAX_INTEGER, dumps, not_json
from handrail.errors import InvalidInput, MalformedJSON
from handrail.proposal import KINDS, PICKED, Proposal

# where a confidence that is no number is kept, below `scores`
CONFIDENCE_GIVEN = "confidence_given"

ALIASES = {"action_type": "action"}
TOOL_CLASSES = ("unsafe", "idempotent", "queryable", "transactional")

_FIELDS = frozenset(field.name for field in fields(Proposal))
_TEXT = (
    "environment", "principal", "agent", "model", "run", "call_id", "key", "agent_says", "undo", "undoes", "currency",
)  # fmt: skip
_TEXT_LISTS = ("categories", "owners", "harm_classes", "personal_data", "to")
# what a name may hold before it is not a name any more
_LONGEST = dict.fromkeys(("action", "principal", "agent", "model", "run", "call_id", "key"), 200) | {"environment": 100}


def proposal_from(given: Mapping[str, Any]) -> Proposal:
    """A proposal from parsed JSON.

    `action_type` is read as `action`, one category may stand without its list, amounts may be numbers
    (write `Decimal` or text for more digits than a float keeps), and `amount_inr` gives amount and
    currency at once. Raises `InvalidInput` for unknown fields and wrong types.
    """
    return _proposal(given, canonical=False)


def proposal_stored(given: Mapping[str, Any]) -> Proposal:
    """A proposal from a record that was made of one: it was looked through then."""
    return _proposal(given, canonical=True)


def _proposal(given: Mapping[str, Any], *, canonical: bool) -> Proposal:
    """`canonical`: everything in it is known to have a canonical form."""
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f"a proposal is a JSON object, not {_kind(given)}", remedy='Send {"action": …, "arguments": …}.'
        )
    values = given if given.keys() <= _FIELDS else _renamed(given)
    if "action" not in values:
        raise InvalidInput("a proposal needs an action", remedy='Add "action": the name that policy knows it by.')
    made: dict[str, Any] = {}
    for name, value in values.items():
        if value is None and name not in ("action", "kind"):
            continue
        read = _READERS.get(name)
        if read is not None:
            made[name] = read(name, value)
        elif name != "confidence":
            if not canonical:
                dumps(value)  # refuses what has no canonical form
            made[name] = value
    made |= confidence_fields(values.get("confidence"), made.get("scores"))
    return Proposal(**made)


def proposal_checked(proposal: Proposal) -> Proposal:
    """One that a program made, as its JSON would be read; itself where nothing differs. Raises `InvalidInput`."""
    if type(proposal.arguments) is not dict and not isinstance(proposal.arguments, Mapping):
        raise InvalidInput("arguments must be an object")
    changed: dict[str, Any] = {}
    for (name, read, usual), value in zip(_CHECKED, _VALUES(proposal), strict=True):
        if value is usual:
            continue
        made = usual if value is None and name not in ("action", "kind") else read(name, value)
        if made != value or type(made) is not type(value):
            changed[name] = made
    confidence = proposal.confidence
    if confidence is not None and (type(confidence) is not float or not math.isfinite(confidence)):
        changed |= confidence_fields(confidence, proposal.scores)
    return replace(proposal, **changed) if changed else proposal


def proposal_from_json(text: str | bytes) -> Proposal:
    """A proposal from JSON text; its top-level amount keeps every digit.

    Raises `MalformedJSON` for duplicate keys, bad UTF-8 and whatever has no canonical form, save a
    confidence of NaN or infinity: that one is taken, and sends the proposal to a person.
    """
    if isinstance(text, bytes) and (plain := _plain(text)) is not None:
        return _proposal(plain, canonical=True)
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        given = _exact.decode(text)
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise not_json(error) from None
    except RecursionError:
        raise MalformedJSON("nested too deep") from None
    except (ValueError, InvalidOperation) as error:
        raise MalformedJSON(str(error)) from None
    if not isinstance(given, dict):
        return proposal_from(given)
    return proposal_from({name: value if _is_amount(name) else _floats(value) for name, value in given.items()})


def _plain(text: bytes) -> dict[str, Any] | None:
    """The object, read several times faster, where no two readers could differ about it; None where they might.

    Without escapes every name stands once as `":`, and so does text that begins with a colon: as many of them as
    there are names means that no name stood twice. Amounts with a point are left to the reader that keeps digits.
    """
    # text that may hold a quotation mark, or a name that ends away from its colon
    if b"\\" in text or b" :" in text or b"\n:" in text or b"\t:" in text or b"\r:" in text:
        return None
    try:
        made = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(made) is not dict or _names(made, 0) != text.count(b'":'):
        return None
    for name, value in made.items():
        if type(value) is float and _is_amount(name):
            return None
    return made


def _names(value: dict[str, Any] | list[Any], depth: int) -> int:
    """How many names there are in it; below 0 where a number or the depth is a matter for the careful reader."""
    items: Iterable[Any] = value
    count = 0
    if type(value) is dict:
        count, items = len(value), value.values()
    if depth >= MAX_DEPTH:
        return -_MANY
    for item in items:
        kind = type(item)
        if kind is str:
            continue
        if kind is float or kind is int:
            if not -MAX_INTEGER < item < MAX_INTEGER:
                return -_MANY
        elif kind is dict or kind is list:
            count += _names(item, depth + 1)
    return count


# more than there are names in the largest body
_MANY = 1 << 40


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in given.items():
        field = ALIASES.get(name, name)
        if field not in _FIELDS:
            if _is_amount(field):
                _put(made, "amount", value, given)
                _put(made, "currency", field[7:].upper(), given)
                continue
            raise InvalidInput(f"a proposal has no field {name!r}", remedy=_nearest(str(name)))
        _put(made, field, value, given)
    return made


def _put(made: dict[str, Any], field: str, value: Any, given: Mapping[str, Any]) -> None:
    if made.get(field) not in (None, value):
        raise InvalidInput(f"{field} is given twice, differently", remedy=f"Keep one of: {', '.join(given)}.")
    made[field] = value


def _nearest(name: str) -> str:
    near = get_close_matches(name, (*_FIELDS, *ALIASES), n=1)
    return f"Did you mean {near[0]}?" if near else "Put what the action is called with below arguments."


def _is_amount(name: str) -> bool:
    return name == "amount" or (name.startswith("amount_") and len(name) == 10 and name[7:].isalpha())


def _seconds(name: str, value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise InvalidInput(f"{name} is a positive whole number of seconds, or absent")
    return value


def _chance(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0.0 < value <= 1.0:
        raise InvalidInput(f"{name} is a number above 0, at most 1: the share that was drawn")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is text, not {_kind(value)}", remedy="Put quotation marks around it.")
    if not value.isascii():
        dumps(value)
    if name in _LONGEST and (not value.strip() or len(value) > _LONGEST[name]):
        raise InvalidInput(f"{name} is empty or longer than {_LONGEST[name]} characters", remedy="Send a plain name.")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} is a list of text, not {_kind(value)}", remedy='Send ["…", "…"].')
    return tuple(_text(f"{name}[{number}]", item) for number, item in enumerate(value))


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise InvalidInput(f"{name} cannot be {value!r}"[:200], remedy=f"Use one of: {', '.join(allowed)}.")
    return value


def _categories(name: str, value: Any) -> tuple[str, ...]:
    return _texts(name, [value] if isinstance(value, str) else value)


def _amount(name: str, value: Any) -> str:
    """Kept as it was written; whether it is a sum of money is the router's to judge, and to say."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise InvalidInput(f"{name} is a number or a decimal string, not {_kind(value)}", remedy='Send "4999.50".')
    # a float reads like the digits it would be sent as
    text = str(Decimal(repr(value))) if isinstance(value, float) else str(value)
    if len(text) > 100:
        raise InvalidInput(f"{name} is longer than 100 characters", remedy='Send a plain number such as "4999.50".')
    return _text(name, text)


def _severity(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InvalidInput(
            f"{name} is a finite number from 0 upwards, not {value!r}"[:200], remedy="Send 1.0 or leave it out."
        )
    return float(value)


def _evidence(name: str, value: Any) -> tuple[JSON, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InvalidInput(f"{name} is a list of objects", remedy='Send [{"kind": "text", "title": …, "content": …}].')
    dumps(list(value))
    return tuple(value)


# what is not here is any JSON; `confidence` is read last
_READERS: dict[str, Callable[[str, Any], Any]] = {
    "action": _text,
    **dict.fromkeys(_TEXT, _text),
    **dict.fromkeys(_TEXT_LISTS, _texts),
    "categories": _categories,
    "kind": partial(_one_of, allowed=KINDS),
    "tool_class": partial(_one_of, allowed=TOOL_CLASSES),
    "executor": partial(_one_of, allowed=("caller", "worker")),
    "picked": partial(_one_of, allowed=PICKED),
    "within_seconds": _seconds,
    "amount": _amount,
    "severity": _severity,
    "chance": _chance,
    "evidence": _evidence,
}
# the same with what each field is where it was not given; an action must be
_CHECKED = tuple(
    (field.name, _READERS[field.name], field.default) for field in fields(Proposal) if field.name in _READERS
)
_VALUES = attrgetter(*(name for name, _, _ in _CHECKED))


def confidence_fields(value: Any, scores: JSON) -> dict[str, Any]:
    """`confidence`, and with what is no finite number `scores` that keep what was given, for the router to find."""
    number = _finite(value)
    if number is not None:
        return {"confidence": number}
    if value is None:
        return {"confidence": None}
    shown = json.dumps(str(value) if not isinstance(value, float) else repr(value))[1:-1][:80]
    kept = dict(scores) if isinstance(scores, Mapping) else {} if scores is None else {"raw": scores}
    return {"confidence": None, "scores": kept | {CONFIDENCE_GIVEN: shown}}


def _finite(value: Any) -> float | None:
    """The float nearest to a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise MalformedJSON(f"duplicate key {next(name for name in names if names.count(name) > 1)!r}")
    return made


_exact = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=float)


def _floats(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return value


def _kind(value: Any) -> str:
    names = {bool: "true/false", type(None): "null", str: "text", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "an object", Decimal: "a number"}
    return names.get(type(value), type(value).__name__)
