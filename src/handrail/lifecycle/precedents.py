"""Precedents: how proposals of an action were decided, as the material of a proposed grant."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from handrail.canonical import parse
from handrail.intake import proposal_from
from handrail.learning.permits import Past
from handrail.policy.evaluate import Policy
from handrail.store import statements

LOOKED_AT = 5000


def precedents(read: Callable[..., list[Any]], policy: Policy, workspace: str, action: str) -> list[Past]:
    """Up to `LOOKED_AT` decided proposals, the newest ones, without known-answer cases and personal values.

    Right is what was approved as proposed; the newest outcome overrides people.
    """
    found: dict[str, Past] = {}
    judged_by_outcome: set[str] = set()
    rows = read(statements.label_history, workspace=workspace, action=action, limit=LOOKED_AT)
    for case_id, source, correct, data, proposed, _decision in rows:
        if case_id in judged_by_outcome or (case_id in found and source != "outcome"):
            # newest first: a case that one person found wrong is not saved by another
            if case_id not in judged_by_outcome and not correct:
                found[case_id] = _past(policy, parse(bytes(proposed)), parse(bytes(data)), right=False)
            continue
        found[case_id] = _past(policy, parse(bytes(proposed)), parse(bytes(data)), right=bool(correct))
        if source == "outcome":
            judged_by_outcome.add(case_id)
    return list(found.values())


def _past(policy: Policy, record: dict[str, Any], label: dict[str, Any], *, right: bool) -> Past:
    personal = {path.split("/")[1].replace("~1", "/").replace("~0", "~") for path in record.get("personal_data", ())}
    # what was proposed, not what people made of it
    first = label.get("predicted") if isinstance(label.get("predicted"), dict) else record.get("arguments", {})
    money = policy.money(proposal_from({**record, "arguments": first or {}}))
    confidence = record.get("confidence")
    usable = money.problem is None and money.value is not None and "amount" not in personal
    return Past(
        arguments={name: value for name, value in (first or {}).items() if name not in personal}, right=right,
        amount=Decimal(money.value) if usable and money.value is not None else None,
        currency=money.currency if usable else None,
        confidence=confidence if isinstance(confidence, float) else None,
    )  # fmt: skip
