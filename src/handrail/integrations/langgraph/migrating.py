"""From `HumanInTheLoopMiddleware` to a policy: which tools ask, and which answers are allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handrail.errors import InvalidInput

_VERDICTS = ("approve", "edit", "reject", "respond")


def from_interrupt_on(interrupt_on: Mapping[str, Any]) -> str:
    """The text of a policy that asks as `HumanInTheLoopMiddleware(interrupt_on=…)` did.

    A tool with True or a config is put before a person, with the answers that were allowed; one with False goes
    through by itself. A `when` predicate cannot stand in a policy: such a tool always asks, until a rule says when
    it need not. Tools that are not named ran unasked before; under handrail an action that no policy names asks.

    Raises `InvalidInput` for what is no such mapping.
    """
    # an entry in JSON is an entry in YAML
    entries = [f"  - {json.dumps(_entry(name, asked))}\n" for name, asked in interrupt_on.items()]
    return "".join(("escalation_policies:\n", *entries))


def _entry(name: str, asked: Any) -> dict[str, Any]:
    if asked is True or asked is False:
        return {"action_type": name, "autonomy": "confirm"} if asked else {"action_type": name, "autonomy": "full"}
    if not isinstance(asked, Mapping):
        raise InvalidInput(f"interrupt_on of {name} is {asked!r}", remedy="It is True, False or an InterruptOnConfig.")
    allowed = asked.get("allowed_decisions")
    unknown = sorted(set(allowed or ()) - set(_VERDICTS))
    if not allowed or unknown:
        raise InvalidInput(f"allowed_decisions of {name} are {allowed!r}", remedy=f"There are {', '.join(_VERDICTS)}.")
    entry = {"action_type": name, "autonomy": "confirm", "verdicts": [each for each in _VERDICTS if each in allowed]}
    described = asked.get("description")
    return entry | ({"description": described} if isinstance(described, str) else {})
