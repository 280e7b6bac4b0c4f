"""What a policy declares of an action becomes part of its proposals: stored, shown and bound with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handrail.policy.document import ActionEntry
from handrail.proposal import Proposal


def declared(entry: ActionEntry | None, proposal: Proposal) -> Proposal:
    """The proposal with the undo and the tool class of its action's entry: a policy's word goes before a program's."""
    if entry is None:
        return proposal
    said: dict[str, Any] = {"undo": entry.undo, "tool_class": entry.tool_class}
    new = {name: value for name, value in said.items() if value is not None and value != getattr(proposal, name)}
    return replace(proposal, **new) if new else proposal
