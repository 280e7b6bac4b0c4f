"""Calibrators that are out of date: told on screen, and spot checks doubled until they are fitted again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.staleness import DAY, since, staleness
from handrail.canonical import JSON, parse
from handrail.lifecycle import watching
from handrail.lifecycle.calibrators import REVIEWERS, intact
from handrail.lifecycle.fed import id_at
from handrail.policy.evaluate import Policy
from handrail.store import monitors as tables
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Tx

# proposals looked at for scores outside the calibrator's range: the newest of the last day
NEWEST = 1000


def found(store: Store, workspace: str, policy: Policy, now: int) -> Iterator[tuple[str, str]]:
    """(action, why) of each calibrator in use that is out of date."""
    for entry in policy.document.escalation_policies:
        if entry.calibrator is None:
            continue
        rows = store.read_hot(statements.calibrator_newest, workspace=workspace, name=entry.calibrator)
        data = intact(rows[0][1], rows[0][2]) if rows else None
        if data is None or REVIEWERS in data:
            continue
        fitted = Calibrator.from_json(parse(data))
        begin = id_at(max(fitted.fitted_at, now - DAY))
        newest = store.read_hot(
            tables.proposals_since, workspace=workspace, action=entry.action_type, since=begin, limit=NEWEST
        )
        reasons = staleness(fitted, now=now, met=since(fitted, _met(bytes(row[0]) for row in newest)))
        if reasons:
            text = f"calibrator {entry.calibrator}: " + "; ".join(reason.text for reason in reasons)
            yield entry.action_type, text


def note(tx: Tx, command: tuple[str, dict[str, str]]) -> bool:
    """Carry what was found to the router. Command: workspace, why by action. Whether anything changed."""
    workspace, why = command
    watch = watching.of(tx, workspace)
    if watch.stale == why:
        return False
    watching.put(tx, workspace, replace(watch, stale=why))
    return True


def _met(stored: Iterable[bytes]) -> Iterator[tuple[JSON, str | None]]:
    for data in stored:
        record = parse(data)
        raw = record.get("scores", record.get("confidence"))
        if raw is not None:
            yield raw, record.get("model")
