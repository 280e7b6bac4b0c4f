"""A client in a folder, and a reviewer at her desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import set_tracing_disabled

import handrail

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: research, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: shell, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: apply_patch, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: sql, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: wiki.delete, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: add, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
  - {action_type: look, auto_approve_threshold: 0.5, undo_seconds: 0}
"""
set_tracing_disabled(True)


@pytest.fixture
def hr(tmp_path: Path) -> Iterator[handrail.Client]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as client:
        yield client


@pytest.fixture
def desk(hr: handrail.Client) -> handrail.Desk:
    return hr.desk("Ann")
