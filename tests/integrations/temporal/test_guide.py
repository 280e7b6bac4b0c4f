"""The guide and the example, as far as they go without a server; all of the example with one."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import handrail
from handrail.integrations.temporal import gate
from tests.integrations.blocks import run_page
from tests.integrations.environments import ROOT
from tests.integrations.examples import run_example
from tests.integrations.temporal.engine import CONVERT, Engine
from tests.integrations.temporal.test_server import SERVER

EXAMPLE = ROOT / "examples" / "temporal_payments.py"


def test_run_the_guide_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page("docs/guides/temporal.md", "temporal", tmp_path, monkeypatch)


def test_run_the_example_pays_what_the_reviewer_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if SERVER:
        monkeypatch.setenv("TEMPORAL_SERVER", SERVER)
        shown = run_example("temporal_payments.py", tmp_path)
        assert "paid 450 to Bose Paper Mills" in shown
        return
    # its workflow, policy and tool, with the server's part played
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    example = importlib.import_module(EXAMPLE.stem)
    with handrail.open(tmp_path / "handrail.db", policy=example.POLICY) as hr:
        engine = Engine(tmp_path, example.Invoice, gate(hr, [example.pay]), workflow_id="invoice-1207")
        engine.start("Bose Paper Mills", 500)
        engine.work()
        held = hr.desk("Asha").next()
        assert held is not None
        held.edit({"to": "Bose Paper Mills", "amount": 450})
        engine.signal("handrail_wake", held.case_id)
        engine.work()
        closed = engine.replay(engine.events()).closed
    assert closed is not None
    result = CONVERT.payload_converter.from_payload(closed.complete_workflow_execution.result)
    assert result == "receipt for 450"
