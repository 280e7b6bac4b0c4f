"""What the built-in tools take that change something: the reviewer's form, and the check of edits."""

from __future__ import annotations

from typing import Any

from handrail.canonical import JSON


def _object(required: dict[str, str], **optional: str) -> JSON:
    properties: dict[str, Any] = {name: {"type": kind} for name, kind in {**required, **optional}.items()}
    # other names are let be: a later Claude Code may know more of them
    return {"type": "object", "properties": properties, "required": list(required)}


BUILT_IN: dict[str, JSON] = {
    "Bash": _object(
        {"command": "string"}, timeout="number", description="string", run_in_background="boolean",
        dangerouslyDisableSandbox="boolean",
    ),
    "Write": _object({"file_path": "string", "content": "string"}),
    "Edit": _object({"file_path": "string", "old_string": "string", "new_string": "string"}, replace_all="boolean"),
    "NotebookEdit": _object(
        {"notebook_path": "string", "new_source": "string"}, cell_id="string", cell_type="string", edit_mode="string"
    ),
    "WebFetch": _object({"url": "string", "prompt": "string"}),
}  # fmt: skip
