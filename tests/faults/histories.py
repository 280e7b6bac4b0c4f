"""I8, I11 and I12 of trust.md section 6, from the callers' journals alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.faults.payment_tool import Lines


def judge_histories(folder: Path, heard_until: int) -> list[str]:
    """What callers were told that cannot all be true."""
    told = [line for path in sorted(folder.glob("journal-*.jsonl")) for line in Lines(path).read()]
    return _events(told, heard_until) + _strangers(told) + _looks(told)


def _events(told: list[dict[str, Any]], heard_until: int) -> list[str]:
    """I8: every entry from the second on, each once, in order."""
    heard = [line["id"] for line in told if line["told"] == "event"]
    wanted = list(range(1, heard_until + 1))
    if heard[: len(wanted)] == wanted:
        return []
    at = next((n for n, (a, b) in enumerate(zip(heard, wanted, strict=False)) if a != b), min(len(heard), len(wanted)))
    return [f"I8 event {at + 1} of {heard_until} came as {heard[at : at + 3]}"]


def _strangers(told: list[dict[str, Any]]) -> list[str]:
    """I11: no case was told to two workspaces."""
    owners: dict[str, set[str]] = {}
    for line in told:
        if "workspace" in line:
            owners.setdefault(line["case"], set()).add(line["workspace"])
    return [f"I11 {case} was told to {sorted(seen)}" for case, seen in owners.items() if len(seen) > 1]


def _looks(told: list[dict[str, Any]]) -> list[str]:
    """I12: a decision is set once. Whoever looks after somebody saw it sees that one."""
    looks: dict[str, list[dict[str, Any]]] = {}
    for line in told:
        if line["told"] == "look":
            looks.setdefault(line["case"], []).append(line)
    return [
        f"I12 {case}: {late['seen']} after {early['seen']} had been seen"
        for case, each in looks.items()
        for early in each
        for late in each
        if early["seen"] is not None and early["ended"] < late["began"] and late["seen"] != early["seen"]
    ]
