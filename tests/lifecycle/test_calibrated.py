"""A calibrator from labels to routes: true classes, versions of a model, ensembles, few labels that borrow."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handrail
from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.canonical import dumps
from handrail.cli import pictures
from handrail.errors import InvalidInput
from handrail.intake import proposal_from
from handrail.lifecycle import rows
from handrail.lifecycle.reliability import reliability
from handrail.proposal import Proposal
from tests.cli.scene import read, run

CLASSES = ["bird", "cat", "dog"]
POLICY = """
escalation_policies:
  - {action_type: sort, auto_approve_threshold: 0.9, soft_review_threshold: 0.6, undo_seconds: 0, calibrator: sort}
  - {action_type: other, auto_approve_threshold: 1.0, undo_seconds: 0}
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "handrail.db"


def draw(rng: np.random.Generator) -> tuple[list[float], str]:
    """A model that says "cat" far too readily, and what was true."""
    z = rng.normal(0, 1.5, 3)
    honest = np.exp(z) / np.exp(z).sum()
    said = np.exp(z + np.array([0.0, 1.5, 0.0]))
    truth = CLASSES[int((honest.cumsum() > rng.random()).argmax())]
    return (said / said.sum()).round(6).tolist(), truth


def answer(hr: handrail.Client, n: int, *, action: str = "sort", model: str | None = None, seed: int = 0) -> None:
    """n proposals of answers that people approve or correct."""
    rng, desk = np.random.default_rng(seed), hr.desk("Asha")
    for k in range(n):
        p, truth = draw(rng)
        best = CLASSES[int(np.argmax(p))]
        made = hr.propose(
            Proposal(
                action=action, kind="prediction", scores=p, model=model,
                arguments={"input": f"{seed}/{k}", "suggestion": best, "choices": CLASSES},
            )
        )  # fmt: skip
        if made.status == "open":
            desk.answer(made.case_id, *(["approve"] if truth == best else ["respond"]), value=truth)


def proposed(hr: handrail.Client, **more: Any) -> tuple[str, float | None]:
    """How one proposal of an answer is routed, and the calibrated confidence that it is kept with."""
    made = hr.propose(Proposal(action="sort", kind="prediction", **more))
    return made.status, hr.plane.run(_kept, made.case_id).confidence


def _kept(tx: Any, case_id: str) -> Proposal:
    return proposal_from(rows.proposal(tx, "default", case_id).record())


def says(best: str, **scores: float) -> dict[str, Any]:
    return {"scores": scores, "arguments": {"suggestion": best, "choices": CLASSES}}


def test_vector_scaling_fitted_from_answers_routes_by_the_chance_of_the_suggestion(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        answer(hr, 205)
    made = read("calibrate", "--action", "sort", "--install", "--database", database)
    assert (made["method"], made["installed"], made["calibrator"]["classes"]) == ("vector", 1, CLASSES)
    assert made["calibrator"]["from"] < made["calibrator"]["to"]
    fitted = Calibrator.from_json(made["calibrator"])
    with handrail.open(database, policy=POLICY) as hr:
        # the model's favourite is trusted less than another class with the same score
        scores = {"bird": 0.1, "cat": 0.8, "dog": 0.1}
        status, confidence = proposed(hr, **says("cat", **scores))
        assert (status, confidence) == ("open", pytest.approx(fitted.chances(scores)["cat"]))
        turned = {"bird": 0.1, "cat": 0.1, "dog": 0.8}
        _, other = proposed(hr, **says("dog", **turned))
        assert other is not None
        assert confidence is not None
        assert other > confidence + 0.05
        # a list in the order of the choices is the same as an object
        assert proposed(hr, scores=[0.1, 0.1, 0.8], arguments={"suggestion": "dog", "choices": CLASSES})[1] == other
        backwards = {"suggestion": "dog", "choices": CLASSES[::-1]}
        assert proposed(hr, scores=[0.8, 0.1, 0.1], arguments=backwards)[1] == other
        # what is proposed counts, not what the score puts first
        assert proposed(hr, **says("bird", **turned))[1] == pytest.approx(fitted.chances(turned)["bird"])


@pytest.mark.parametrize(
    "given",
    [
        says("whale", bird=0.1, cat=0.1, dog=0.8), says("dog", bird=0.1, cat=0.1, whale=0.8), says("dog", dog=1.0),
        {"scores": 0.99, "arguments": {"suggestion": "dog"}}, {"scores": "high", "arguments": {"suggestion": "dog"}},
        {"scores": [0.5, 0.5, 0.5], "arguments": {"suggestion": "dog", "choices": CLASSES}},
    ],
)  # fmt: skip
def test_scores_the_calibrator_cannot_read_leave_no_confidence(database: Path, given: dict[str, Any]) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        hr.call("calibrator", name="sort", calibrator=MADE.to_json())
        assert proposed(hr, **given) == ("open", None)


def test_another_version_of_the_model_voids_the_calibrator_at_once(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        answer(hr, 5, model="v1")
        answer(hr, 40, model="v2", seed=1)
    made = read("calibrate", "--action", "sort", "--install", "--database", database)
    assert (made["calibrator"]["model"], made["n"]) == ("v2", 40)
    assert made["left_out"]["another version of the model"] == 5
    sure = says("dog", bird=0.005, cat=0.005, dog=0.99)
    with handrail.open(database, policy=POLICY) as hr:
        assert proposed(hr, **sure, model="v2")[1] is not None
        for other in ("v3", "v1", None):
            assert proposed(hr, **sure, model=other) == ("open", None)


def test_predict_with_an_ensemble_is_calibrated_on_its_members(database: Path) -> None:
    rng = np.random.default_rng(4)
    members = rng.dirichlet([1, 1, 1], (300, 4))
    truth = [CLASSES[int(row.mean(axis=0).argmax())] if rng.random() < 0.8 else "bird" for row in members]
    made = fit("temperature", members.tolist(), truth=truth, names=CLASSES, source="members", fitted_at=1)
    with handrail.open(database, policy=POLICY.replace("0.9, soft_review_threshold: 0.6", "0.01")) as hr:
        hr.call("calibrator", name="sort", calibrator=made.to_json())
        said = members[0].tolist()
        best = CLASSES[int(members[0].mean(axis=0).argmax())]
        assert hr.predict("sort", "a picture", said, labels=CLASSES) == best
        assert proposed(hr, scores=said, arguments={"suggestion": best, "choices": CLASSES})[1] == pytest.approx(
            made.apply(said), abs=1e-9
        )


def test_calibrate_few_labels_borrows_when_asked_and_says_so(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        answer(hr, 12)
        answer(hr, 45, action="other", seed=2)
    assert "12 of 30 labels" in run("calibrate", "--action", "sort", "--database", database, code=1).output
    made = read("calibrate", "--action", "sort", "--borrow", "--database", database)
    assert (made["method"], made["n"], made["borrowed"]) == ("platt", 12, 45)
    assert made["calibrator"]["borrowed"] == 45
    text = run("calibrate", "--action", "sort", "--borrow", "--database", database).stdout
    assert "it leans on 45 labels of other actions" in text
    with handrail.open(database, policy=POLICY.replace("0.9, soft_review_threshold: 0.6", "1.0")) as hr:
        hr.call("calibrator", name="sort", calibrator=made["calibrator"])
        store, now = hr.plane.store, hr.plane.clock.now()
        assert reliability(store, "default", "sort", now=now)["since"] == {"n": 0}
        answer(hr, 5, seed=3)
        assert reliability(store, "default", "sort", now=now)["since"] == {"n": 5, "need": 30}
        answer(hr, 27, seed=4)
        judged = reliability(store, "default", "sort", now=now)
        assert (judged["borrowed"], judged["stale"], judged["after"]) == (45, [], None)
        assert judged["since"]["n"] == sum(row["n"] for row in judged["since"]["bins"]) == 32
    run("calibrate", "--action", "other", "--borrow", "--csv", database, "--database", database, code=1)


def test_calibrate_counts_approvals_of_predictions_that_suggest_nothing(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for k in range(40):
            made = hr.propose(Proposal(action="other", kind="prediction", arguments={"n": k}, scores=0.3 + k / 100))
            desk.answer(made.case_id, "approve" if k % 2 else "reject", reason="off")
    made = read("calibrate", "--action", "other", "--database", database)
    assert (made["n"], made["right"], made["left_out"], made["warning"]) == (40, 20, {}, None)


def test_calibrate_on_answers_of_one_kind_warns_with_a_remedy(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for k in range(40):
            made = hr.propose(Proposal(action="other", kind="prediction", arguments={"n": k}, scores=0.3 + k / 100))
            desk.answer(made.case_id, "respond" if k < 4 else "reject", value=k, reason="off")
    told = run("calibrate", "--action", "other", "--database", database)
    assert "platt on 36 cases, 0 of them right" in told.stdout
    assert "warning: all 36 labels say wrong" in told.stderr
    assert "The 4 labels left out might: send `arguments.suggestion`" in told.stderr


def test_calibrate_from_csv_with_a_column_a_class_finds_vector_scaling(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{','.join(map(str, p))},{truth}" for p, truth in (draw(rng) for _ in range(400))]
    path = tmp_path / "scored.csv"
    path.write_text("\n".join([",".join([*CLASSES, "truth"]), *lines]) + "\n")
    words = ("calibrate", "--csv", path, "--score-column", "bird,cat,dog", "--truth-column", "truth")
    made = read(*words)
    assert (made["method"], made["calibrator"]["classes"]) == ("vector", CLASSES)
    assert sum(row["n"] for row in made["metrics"]["after"]["bins"]) == 400
    assert made["metrics"]["after"]["log_loss"] < made["metrics"]["before"]["log_loss"]
    assert "not tried: isotonic (400 of 1000 labels)" in run(*words).stdout
    run(*words, "--source", "tea", code=1)
    run(*words, "--method", "magic", code=1)
    run("calibrate", "--csv", path, "--score-column", "bird,owl", "--truth-column", "truth", code=1)


@pytest.mark.skipif(pictures.mpl is None, reason="matplotlib is not installed")
def test_calibrate_draws_the_reliability_diagram(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path, picture = tmp_path / "scored.csv", tmp_path / "reliability.svg"
    s = rng.random(300).round(3)
    path.write_text("score,correct\n" + "".join(f"{x},{str(rng.random() < x * x).lower()}\n" for x in s))
    run("calibrate", "--csv", path, "--picture", picture)
    assert "Reliability of the scores" in picture.read_text()
    run("calibrate", "--csv", path, "--picture", tmp_path / "reliability.doc", code=1)


def _made() -> Calibrator:
    rng = np.random.default_rng(0)
    scored = [draw(rng) for _ in range(300)]
    return fit("vector", [p for p, _ in scored], truth=[truth for _, truth in scored], names=CLASSES, fitted_at=1)


MADE = _made()


CERTIFIED = """
escalation_policies:
  - action_type: sort
    auto_approve_threshold: 0.5
    target_error: 0.05
    calibrator: sort
    certified_calibrator: {digest}
    undo_seconds: 0
"""


def test_a_threshold_counts_only_with_the_calibrator_it_was_certified_for(database: Path) -> None:
    rng = np.random.default_rng(3)
    score = rng.random(300)
    right = rng.random(300) < score
    first, second = (fit("platt", score[part], right[part], fitted_at=0) for part in (slice(150), slice(150, None)))
    sure = Proposal(action="sort", kind="prediction", arguments={"suggestion": "dog"}, confidence=0.99)
    with handrail.open(database, policy=CERTIFIED.format(digest=first.digest)) as hr:
        missing = hr.propose(sure)
        assert (missing.status, missing.reasons[0].text) == (
            "open",
            "how sure the model is cannot be told: the calibrator sort, which reads its scores, is missing or was "
            "changed",
        )  # fmt: skip
        hr.call("calibrator", name="sort", calibrator=first.to_json())
        assert hr.propose(sure).status == "approved"
        hr.call("calibrator", name="sort", calibrator=second.to_json())
        other = hr.propose(sure)
        assert (other.status, other.tier) == ("open", "hard_gate")
        assert other.reasons[0].text == (
            f"the threshold was certified for calibrator {first.digest[:12]}, and {second.digest[:12]} is installed"
        )
        # what was sent stays, so that a calibrator can be fitted on it
        kept = hr.plane.run(_kept, other.case_id)
        assert (kept.confidence, kept.scores) == (None, 0.99)
        hr.call("calibrator", name="sort", calibrator=first.to_json())
        assert hr.propose(sure).status == "approved"


def test_a_calibrator_whose_bytes_were_altered_lets_nothing_through(database: Path) -> None:
    rng = np.random.default_rng(3)
    score = rng.random(300)
    right = rng.random(300) < score
    honest, kind = (fit("platt", score, given, fitted_at=0) for given in (right, np.ones(300, dtype=bool)))
    doubtful = Proposal(action="sort", kind="prediction", arguments={"suggestion": "dog"}, confidence=0.2)
    with handrail.open(database, policy=POLICY) as hr:
        hr.call("calibrator", name="sort", calibrator=honest.to_json())
        assert hr.propose(doubtful).status == "open"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE calibrator SET bytes = ?", (dumps(kind.to_json()),))
    connection.close()
    with handrail.open(database) as hr:
        made = hr.propose(doubtful)
        assert (made.status, made.tier) == ("open", "hard_gate")
        assert "was changed" in made.reasons[0].text


def test_a_case_that_says_it_was_picked_in_no_known_way_is_refused_before_it_is_kept(database: Path) -> None:
    odd: Any = "margin"
    with handrail.open(database, policy=POLICY) as hr, pytest.raises(InvalidInput, match="picked cannot be 'margin'"):
        hr.propose(Proposal(action="sort", kind="prediction", arguments={"suggestion": "dog"}, picked=odd))
