"""From people's answers to the retraining command, with every loop running."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

import handrail
from handrail.proposal import Proposal
from handrail.store import training

POLICY = """
escalation_policies:
  - action_type: sort
    undo_seconds: 0
feedback_pipeline: {batch_size: 3, retrain_trigger: every_3_annotations}
"""
TRAIN = (
    "import json, os, shutil, sys; shutil.copy(json.load(sys.stdin)['labels_path'], 'part'); os.rename('part', 'seen')"
)
SECONDS = 30


def test_answers_of_people_reach_the_hook_command_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDRAIL_RETRAIN_HOOK", json.dumps([sys.executable, "-c", TRAIN]))
    with handrail.open("handrail.db", policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for n, verdict in enumerate(("approve", "reject", "edit")):
            case = hr.propose(Proposal(action="sort", arguments={"n": n}))
            more = {"reject": {"reason": "wrong"}, "edit": {"arguments": {"n": 9}}}.get(verdict, {})
            desk.answer(case.case_id, verdict, **more)
        until = threading.Event()
        for _ in range(SECONDS * 20):
            found = training.trainings(hr.plane.store, "default")
            if found and found[0].state == "done":
                break
            until.wait(0.05)
        assert found[0].state == "done", found
    rows = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert [(row["verdict"], row["correct"], row["answer"]) for row in rows] == [
        ("approve", True, {"n": 0}),
        ("reject", False, None),
        ("edit", False, {"n": 9}),
    ]
