"""The JSON Schema of a policy file, for editors: completion, hints and red lines while typing."""

from __future__ import annotations

from typing import Any

from handrail.policy.document import MONEY_FIELDS, Document

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. `<field>_<ccy>` stands as a pattern, as in the file."""
    made = Document.model_json_schema(by_alias=True)
    for part in (made, *made.get("$defs", {}).values()):
        _spell_currencies(part)
    return {"$schema": ADDRESS, "title": "handrail policy"} | {k: v for k, v in made.items() if k != "title"}


def _spell_currencies(part: dict[str, Any]) -> None:
    properties = part.get("properties", {})
    for field in MONEY_FIELDS:
        if properties.pop(field, None) is not None:
            amount = {"type": ["number", "string"], "minimum": 0, "description": "an amount in that currency"}
            part.setdefault("patternProperties", {})[f"^{field}_[A-Za-z]{{3}}$"] = amount
