"""From answers and outcomes to a fusion that is used; and the supervisor's figures from the same cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from handrail.cli.main import app
from handrail.errors import NotEnoughEvidence
from handrail.learning.export import render
from handrail.learning.supervision import LEAST, Read, supervision
from handrail.lifecycle import exporting, fitting, fusing, outcome, submit, supervising
from handrail.lifecycle.supervision import figures
from handrail.policy.evaluate import compile_text
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.testing.factories import person
from handrail.testing.rig import Rig

CHOICES = ["cat", "dog"]
POLICY = """
escalation_policies:
  - {action_type: name, deferral: evidence, sla_seconds: 3600, undo_seconds: 0, auto_approve_threshold: 1.0}
"""
SUPERVISED = (
    POLICY
    + """
supervisor: {endpoint: "https://judge.example.com/v1", model: judge-1, constitution: [No cats.], on_failure: nothing}
"""
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "db", tmp_path, policy=POLICY)
    yield made
    assert made.problems() == []
    made.close()


def judged(rig: Rig, n: int, *, by: tuple[str, ...] = ("Ann",), truth: bool = True, seed: int = 0) -> None:
    """Cases answered by people who are right in 9 of 10, with what turned out."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        right = CHOICES[i % 2]
        arguments = {"n": i, "choices": CHOICES, "suggestion": "cat"}
        case = rig.gated("name", kind="annotation", arguments=arguments, scores=[0.6, 0.4])
        for name in by:
            said = right if rng.random() < 0.9 else CHOICES[1 - i % 2]
            rig.answer(person(name), case, "respond", value=said)
        if truth:
            rig.run(outcome.record, outcome.Record(actor=rig.agent, case_id=case, value=right, source="audit"))


@pytest.fixture
def each(url: str, tmp_path: Path) -> Iterator[Rig]:
    """A control plane on each engine."""
    made = Rig(url, tmp_path, policy=POLICY)
    yield made
    assert made.problems() == []
    made.close()


def test_a_fusion_is_fitted_from_outcomes_and_then_used(each: Rig) -> None:
    rig = each
    assert rig.plane.fusions.step() == 0
    judged(rig, 60)
    assert rig.plane.fusions.step() == 1
    assert rig.plane.fusions.step() == 0
    found = rig.plane.store.read_hot(statements.calibrator_newest, workspace=rig.workspace, name=f"{fusing.PREFIX}name")
    made = fusing.read(bytes(found[0][1]))
    assert made is not None
    assert (made.classes, made.answers, made.weights) == (("cat", "dog"), 60, ())
    assert made.people["p_ann"][0, 0] == pytest.approx(0.9, abs=0.08)
    case = rig.gated("name", kind="annotation", arguments={"choices": CHOICES, "suggestion": "cat"}, scores=[0.6, 0.4])
    decided = rig.answer(person("Ann"), case, "respond", value="dog").decision
    assert decided is not None
    assert decided.fused["answer"] == "dog"
    labels = exporting.label_rows(rig.plane.store, rig.workspace)
    lines = b"".join(render(labels, exporting.LABELS, "csv")).decode().splitlines()
    assert any('""answer"": ""dog""' in line for line in lines)


def test_too_little_evidence_says_how_much_is_missing(rig: Rig) -> None:
    judged(rig, 4)
    with pytest.raises(NotEnoughEvidence, match="4 of 30"):
        fitting.fit(rig.plane.store, rig.workspace, "name", fitted_at=0)
    with pytest.raises(NotEnoughEvidence, match="0 of 30"):
        fitting.fit(rig.plane.store, rig.workspace, "other", fitted_at=0)


def test_nobody_is_measured_by_his_own_word() -> None:
    chances = {"cat": 0.5, "dog": 0.5}
    alone = fitting.Judged(chances=chances, answers=(("a", "cat"), ("b", "cat")), truth=None)
    three = replace(alone, answers=(("a", "cat"), ("b", "cat"), ("c", "dog")))
    assert fitting._settled(alone) == []
    assert fitting._settled(three) == [("cat", "dog", "c")]


def test_the_fusion_command_fits_shows_and_says_what_is_missing(rig: Rig, tmp_path: Path) -> None:
    runner = CliRunner()
    where = ["--database", str(tmp_path / "db")]
    empty = runner.invoke(app, ["fusion", *where])
    assert "nothing is fused yet" in empty.output
    judged(rig, 40)
    made = runner.invoke(app, ["fusion", "--fit", "name", "--json", *where])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["items"][0]["fusion"]["answers"] == 40
    shown = runner.invoke(app, ["fusion", *where])
    assert "40 of 200 labelled cases" in shown.output


def test_the_supervisors_figures_count_what_its_words_cannot_have_swayed(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "db", tmp_path, policy=SUPERVISED)
    entry = supervising.supervisor_for(compile_text(SUPERVISED), "name")
    assert entry is not None
    for i in range(80):
        wrong = i % 2 == 0
        verdict = "concern" if wrong and i % 8 else "fine"
        reading = supervising.read_answer(entry, json.dumps({"verdict": verdict, "rules": [1]}))
        proposal = Proposal(
            action="name", kind="annotation", arguments={"n": i, "choices": CHOICES, "suggestion": "cat"}
        )
        command = submit.prepare(rig.agent, proposal, draw=0.5)
        made = rig.run(submit.submit, replace(command, reading=reading))
        # what a person said after seeing its words counts for nothing
        rig.answer(person("Ann"), made.case_id, "respond", value="cat")
        if i < 70:
            value = "dog" if wrong else "cat"
            rig.run(outcome.record, outcome.Record(actor=rig.agent, case_id=made.case_id, value=value, source="audit"))
    found = figures(rig.plane.store, rig.workspace)["judge-1"]
    assert found.counts == ((35, 0), (9, 26))
    assert found.catches.value == pytest.approx(26 / 35)
    assert found.catches.low is not None
    assert found.catches.low < 0.65
    assert found.false_alarms.value == 0.0
    result = CliRunner().invoke(app, ["supervisor", "--json", "--database", str(tmp_path / "db")])
    assert json.loads(result.output)["models"][0]["wrong"] == {"fine": 9, "concern": 26}
    few = CliRunner().invoke(app, ["supervisor", "--action", "other", "--database", str(tmp_path / "db")])
    assert "not enough evidence yet (0 of 30)" in few.output
    rig.close()


def test_shares_wait_for_their_cases_and_weigh_spot_checks() -> None:
    def interval(hits: float, n: int) -> tuple[float, float]:
        return 0.0, float(n)

    few = supervision([Read(verdict="concern", right=False)] * (LEAST - 1), interval)
    assert few.catches.value is None
    assert few.to_json()["catches"] == {
        "have": 29,
        "need": 30,
        "not_enough_evidence": "not enough evidence yet (29 of 30)",
    }
    gated = [Read(verdict="concern", right=False)] * 30
    missed = [Read(verdict="fine", right=False, inclusion=0.1)] * 3
    found = supervision([*gated, *missed, Read(verdict="unread", right=False)], interval)
    assert found.catches.value == pytest.approx(30 / 60)
    assert found.catches.high == int(60 * 60 / (30 + 300))
    assert found.unread == 1
