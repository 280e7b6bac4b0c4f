"""What a policy declares of an action becomes part of its proposals: stored, shown and bound with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handrail.policy.document import ActionEntry
from handrail.proposal import Proposal


def declared(entry: ActionEntry | None, proposal: Proposal) -> Proposal:
    """The proposal with what its action's entry says: of undo and tool class it goes before what the program says.

    Its schema stands in for a missing one; where the program brings its own, an edit is held to both.
    """
    if entry is None:
        return proposal
    said: dict[str, Any] = {"undo": entry.undo, "tool_class": entry.tool_class}
    if proposal.schema is None and proposal.kind != "question":
        # a question's schema is that of its answer
        said["schema"] = entry.arguments_schema
    new = {name: value for name, value in said.items() if value is not None and value != getattr(proposal, name)}
    return replace(proposal, **new) if new else proposal
