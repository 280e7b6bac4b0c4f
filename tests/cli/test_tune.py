"""`handrail tune`: labels become a threshold with a promise and a policy change; nothing is put in force by it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import handrail
from handrail.calibration.calibrator import Calibrator
from handrail.calibration.confusion import Confusion
from handrail.lifecycle.asking import gains
from handrail.policy.evaluate import compile_text
from handrail.policy.facts import Asking, Facts
from handrail.proposal import Proposal

from .scene import copied, read, run

TEXT = """# the shop's policy
name: shop
escalation_policies:
  - action_type: refund   # money back
    soft_review_threshold: 0.99
"""


def labelled(path: Path, n: int = 900, *, seed: int = 0, said: bool = False) -> Path:
    """Scores that are right with chance s^¼, and for half of them what a reviewer said."""
    rng = np.random.default_rng(seed)
    score = rng.beta(5, 1, n)
    right = rng.random(n) < score**0.25
    answer = np.where(right, rng.random(n) < 0.97, rng.random(n) < 0.2)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["score", "correct", *(["said"] if said else [])])
        for i in range(n):
            row = [round(float(score[i]), 6), str(bool(right[i])).lower()]
            table.writerow([*row, *([("approve" if answer[i] else "reject") if i % 2 else ""] if said else [])])
    return path


def tuned(folder: Path, *words: Any, **more: Any) -> Any:
    return read("tune", "--action", "refund", "--csv", folder / "labels.csv", *words, **more)


def test_threshold_comes_with_its_evidence_and_as_a_change_of_the_policy(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv")
    (tmp_path / "shop.yaml").write_text(TEXT)
    made = tuned(
        tmp_path, "--target-error", 0.05, "--confidence", 0.9, "--policy", tmp_path / "shop.yaml",
        "--output", tmp_path / "new.yaml", "--calibrator-output", tmp_path / "c.json",
    )  # fmt: skip
    assert (made["fitted_on"], made["held_out"], made["n"]) == (300, 600, 600)
    assert 0.0 < made["bound"] <= 0.05
    assert made["passed"] == round(made["automation"] * made["n"])
    assert made["curve"][0]["automation"] == 0.0
    assert made["curve"][-1]["automation"] == 1.0
    text = (tmp_path / "new.yaml").read_text()
    assert text.startswith("# the shop's policy\nname: shop\n")
    assert "# money back" in text
    for said in ("# evidence: ", "n = 600", f"k = {made['errors']:g}", "learn-then-test", "90%", "labels.csv"):
        assert said in text
    entry = compile_text(text).action("refund")
    assert entry is not None
    assert (entry.auto_approve_threshold, entry.target_error) == (made["threshold"], 0.05)
    # the old lower threshold stood above the new one; now nothing lies between the two
    assert entry.soft_review_threshold == made["threshold"]
    assert (entry.calibrator, entry.certified_calibrator) == ("refund", made["calibrator"])
    assert (tmp_path / "shop.yaml").read_text() == TEXT
    fitted = json.loads((tmp_path / "c.json").read_text())
    assert fitted["n"] == 300
    assert made["calibrator"] in text


def test_the_same_seed_gives_the_same_threshold(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv")
    one, two = (tuned(tmp_path, "--target-error", 0.05)["threshold"] for _ in range(2))
    assert one == two


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv")
    (tmp_path / "new.yaml").write_text("mine")
    words = ("tune", "--action", "refund", "--csv", tmp_path / "labels.csv", "--target-error", 0.05, "--output",
             tmp_path / "new.yaml")  # fmt: skip
    assert "nothing is overwritten" in run(*words, code=1).stderr
    assert (tmp_path / "new.yaml").read_text() == "mine"


@pytest.mark.parametrize(("n", "said"), [(20, "20 of 75"), (74, "74 of 75")])
def test_too_few_labels_say_how_many_are_missing(tmp_path: Path, n: int, said: str) -> None:
    labelled(tmp_path / "labels.csv", n)
    made = tuned(tmp_path, "--target-error", 0.05, "--output", tmp_path / "new.yaml", code=1)
    assert (made["ok"], made["code"], made["have"], made["need"]) == (False, "not_enough_evidence", n, 75)
    assert f"not enough evidence yet ({said}" in made["message"]
    assert not (tmp_path / "new.yaml").exists()


def test_a_promise_that_cannot_be_kept_writes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with (tmp_path / "labels.csv").open("w") as file:
        file.write("score,correct\n" + "".join(f"{rng.random():.4f},{bool(rng.random() < 0.6)}\n" for _ in range(600)))
    words = ("tune", "--action", "refund", "--csv", tmp_path / "labels.csv", "--target-error", 0.05, "--output",
             tmp_path / "new.yaml")  # fmt: skip
    assert "no threshold keeps an error of at most 0.05" in run(*words, code=1).stdout
    assert not (tmp_path / "new.yaml").exists()


def test_costs_become_a_gate_by_value_with_the_reviewers_measured(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 1500, said=True)
    made = tuned(
        tmp_path, "--method", "cost", "--answer-column", "said", "--review-price", 2, "--error-cost", 100,
        "--refused-cost", 5, "--currency", "EUR", "--output", tmp_path / "new.yaml",
        "--reviewers-output", tmp_path / "r.json",
    )  # fmt: skip
    table = Confusion.from_json(json.loads((tmp_path / "r.json").read_text()))
    assert table.n == 750
    assert table.matrix[1, 0] == pytest.approx(0.2, abs=0.08)
    assert table.slope_n > 300
    assert 0.5 < table.slope < 1.3
    policy = compile_text((tmp_path / "new.yaml").read_text())
    weighing = policy.plan("refund").weighing
    assert weighing is not None
    assert (weighing.review, weighing.matrix, weighing.reviewer) == (2.0, ((0, 100), (5, 0)), "refund-reviewers")
    assert sum(made["tiers"].values()) == pytest.approx(1.0)
    cheapest = made["costs"]["cheapest cuts"]
    assert all(cheapest <= cost + 1e-9 for cost in made["costs"].values())


def test_rows_nobody_answered_count_as_errors(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 900)
    before = tuned(tmp_path, "--target-error", 0.05, "--raw")
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    top = sorted(lines[1:], key=lambda line: -float(line.split(",")[0]))[:150]
    (tmp_path / "labels.csv").write_text(
        "\n".join(f"{line.split(',')[0]},expired" if line in top[::8] else line for line in lines)
    )
    after = tuned(tmp_path, "--target-error", 0.05, "--raw", code=1)
    assert before["threshold"] is not None
    assert after["threshold"] is None


def test_a_batch_is_selected_on_average(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 200)
    labelled(tmp_path / "batch.csv", 100, seed=5)
    made = tuned(tmp_path, "--method", "conformal", "--target-error", 0.05, "--raw", "--batch", tmp_path / "batch.csv")
    scores = [float(line.split(",")[0]) for line in (tmp_path / "batch.csv").read_text().splitlines()[1:]]
    assert made["chosen"] == [i + 1 for i, score in enumerate(scores) if score >= made["threshold"]]
    assert made["chosen"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("score,correct\nNaN,true\n" * 1 + "0.5,true\n" * 300, "NaN"), ("score,correct\n", "no rows"),
        ("score,right\n0.5,true\n", "no column 'correct'"), ("score,correct\n0.5,perhaps\n", "neither right nor wrong"),
        ("score,correct\n" + "0.5,true\n0.5,false\n" * 200, "the same"),
        ("score,correct\n" + "1.5,true\n" * 300, "outside"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_record_is_refused_with_its_reason(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    words = ("tune", "--action", "refund", "--csv", tmp_path / "labels.csv", "--target-error", 0.05)
    assert said in run(*words, code=1).stderr


def test_a_promise_is_never_rounded_up_to_certainty(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 900)
    words = ("tune", "--action", "refund", "--csv", tmp_path / "labels.csv", "--target-error", 0.3)
    made = run(*words, "--confidence", 0.9999, "--output", tmp_path / "new.yaml")
    assert "with 99.99% confidence" in made.stdout
    assert "with 99.99% confidence" in (tmp_path / "new.yaml").read_text()
    assert "with 90% confidence" in run(*words).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which error is still fine"), (("--method", "cost"), "which costs"), (("--method", "best"), "no method"),
        (("--target-error", 0.05, "--method", "conformal"), "one batch at a time"),
        (("--method", "cost", "--review-price", 0, "--error-cost", 9), "--review-price is 0"),
        (("--method", "cost", "--review-price", 1, "--error-cost", 0), "--error-cost is 0"),
        (("--method", "cost", "--review-price", 1, "--error-cost", 1e308), "--error-cost is 1e+308; a cost lies"),
        (("--target-error", 0.05, "--review-price", 1e16, "--error-cost", 1), "--review-price is 1e+16"),
        (("--target-error", 0.05, "--confidence", 0.99999999999), "nearer to 1 than any labels"),
        (("--target-error", 0.05, "--confidence", 1), "strictly between"),
        (("--method", "cost", "--review-price", 1, "--error-cost", "inf"), "--error-cost is inf"),
    ],
)  # fmt: skip
def test_unclear_wishes_are_refused(tmp_path: Path, words: tuple[Any, ...], said: str) -> None:
    labelled(tmp_path / "labels.csv", 300)
    made = run("tune", "--action", "refund", "--csv", tmp_path / "labels.csv", *words, code=1)
    assert said in made.stderr


def test_labels_of_the_database_certify_and_the_change_routes(pristine: Path, tmp_path: Path) -> None:
    database = copied(pristine, tmp_path)
    rng = np.random.default_rng(1)
    policy = """
escalation_policies:
  - {action_type: refund, undo_seconds: 0, sla_seconds: 6000, auto_approve_threshold: 0.9, spot_check_rate: 1.0}
"""
    with handrail.open(database, policy=policy) as hr:
        desk = hr.desk("Asha")
        for n in range(160):
            score = float(rng.beta(5, 1))
            made = hr.propose(Proposal(action="refund", arguments={"n": n}, confidence=round(score, 6)))
            right = rng.random() < score**0.3
            desk.answer(made.case_id, "approve" if right else "reject", reason=None if right else "wrong")
    output, fitted = tmp_path / "new.yaml", tmp_path / "c.json"
    words = ("--action", "refund", "--target-error", 0.1, "--database", database)
    made = read("tune", *words, "--output", output, "--calibrator-output", fitted)
    assert made["fitted_on"] + made["held_out"] == 160
    assert "each in the sample by chance 1" in made["labels"]
    assert run("install", fitted, "--name", "refund", "--database", database).stdout.startswith("installed as refund")
    sure, unsure = (Proposal(action="refund", arguments={"n": c}, confidence=c) for c in (0.999, 0.3))
    with handrail.open(database, policy=output.read_text()) as hr:
        assert hr.propose(sure).status == "approved"
        assert hr.propose(unsure).status == "open"
    # the installed calibrator has seen every label there is, so none can certify for it
    again = read("tune", *words, code=1)
    assert again["code"] == "not_enough_evidence"


def test_gate_by_value_routes_by_the_installed_table(pristine: Path, tmp_path: Path) -> None:
    database = copied(pristine, tmp_path)
    labelled(tmp_path / "labels.csv", 1500, said=True)
    output = tmp_path / "new.yaml"
    tuned(
        tmp_path, "--method", "cost", "--answer-column", "said", "--review-price", 2, "--error-cost", 100,
        "--output", output, "--reviewers-output", tmp_path / "r.json", "--calibrator-output", tmp_path / "c.json",
    )  # fmt: skip
    sure = Proposal(action="refund", arguments={}, confidence=0.9999)
    with handrail.open(database, policy=output.read_text()) as hr:
        # nothing is installed, so the value of asking is not known
        assert hr.propose(sure).status == "open"
    run("install", tmp_path / "c.json", "--name", "refund", "--database", database)
    with handrail.open(database) as hr:
        assert hr.propose(sure).status == "open"
    made = read("install", tmp_path / "r.json", "--name", "refund-reviewers", "--database", database)
    assert (made["kind"], made["version"]) == ("reviewer", 1)
    with handrail.open(database) as hr:
        assert hr.propose(sure).status == "approved"
        assert hr.propose(Proposal(action="refund", arguments={}, confidence=0.5)).status == "open"
    case = read("case", "list", "--database", database)["items"]
    reasons = [r for item in case if item["action"] == "refund" for r in item.get("reasons", [])]
    assert all("saves" in r["text"] or "not known" in r["text"] for r in reasons)


def test_install_of_what_is_no_fitted_file_is_refused(database: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"v": 1, "kind": "reviewer", "classes": ["a"], "counts": [[1]]}')
    (tmp_path / "y.json").write_text("[]")
    for name in ("x.json", "y.json"):
        run("install", tmp_path / name, "--name", "n", "--database", database, code=1)
    run("install", tmp_path / "none.json", "--name", "n", "--database", database, code=2)


PROMISED = """
name: shop
escalation_policies:
  - {action_type: refund, auto_approve_threshold: 0.99, target_error: 0.01}
"""


def test_the_cheapest_cut_never_lies_below_a_certified_threshold(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv")
    (tmp_path / "shop.yaml").write_text(PROMISED)
    made = tuned(
        tmp_path, "--method", "cost", "--raw", "--review-price", 1, "--error-cost", 2,
        "--policy", tmp_path / "shop.yaml", "--output", tmp_path / "new.yaml",
    )  # fmt: skip
    assert made["threshold"] < 0.99
    entry = compile_text((tmp_path / "new.yaml").read_text()).action("refund")
    assert entry is not None
    assert (entry.auto_approve_threshold, entry.target_error) == (0.99, 0.01)
    assert any("the certified threshold 0.99 stays" in note for note in made["change"]["notes"])


def test_a_threshold_for_raw_scores_is_refused_where_the_policy_calibrates_them(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv")
    (tmp_path / "shop.yaml").write_text("escalation_policies: [{action_type: refund, calibrator: refund-score}]")
    made = run(
        "tune", "--action", "refund", "--csv", tmp_path / "labels.csv", "--target-error", "0.05", "--raw",
        "--policy", tmp_path / "shop.yaml", "--output", tmp_path / "new.yaml", code=1,
    )  # fmt: skip
    assert "through calibrator refund-score" in made.output
    assert not (tmp_path / "new.yaml").exists()


CAPPED: tuple[Any, ...] = ("--method", "cost", "--review-price", 1, "--error-cost", 100, "--currency", "EUR")


def test_a_capacity_becomes_a_shadow_price_that_the_gate_keeps_to(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 1500)
    words: tuple[Any, ...] = (*CAPPED, "--capacity", 0.1, "--calibrator-output", tmp_path / "c.json")
    made = tuned(tmp_path, *words, "--output", tmp_path / "new.yaml")
    limit = made["capacity"]
    assert limit["price"] > 1.0
    assert limit["wanted"] > 0.2
    assert 0.05 < limit["asked"] <= 0.1
    text = (tmp_path / "new.yaml").read_text()
    assert "# evidence: shadow price" in text
    # as the router does it
    calibrator = Calibrator.from_json(json.loads((tmp_path / "c.json").read_text()))
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    confidence = calibrator.apply_many([float(row["score"]) for row in rows])
    policy = compile_text(text)
    worth = gains(policy, "refund", confidence, lambda name: None)
    routed = [
        policy.route(
            Proposal(action="refund", confidence=float(c)), Facts(asking=Asking(gain=float(gain))), now=0, draw=1.0
        ).tier for c, gain in zip(confidence, worth, strict=True)
    ]  # fmt: skip
    asked = sum(tier == "hard_gate" for tier in routed) / len(routed)
    assert asked == pytest.approx(0.1, abs=0.03)
    # the words, and with people enough no price
    assert "what one more reviewed case would save" in run(
        "tune", "--action", "refund", "--csv", tmp_path / "labels.csv", *words
    ).stdout  # fmt: skip
    assert tuned(tmp_path, *CAPPED, "--capacity", 1.0)["capacity"]["price"] is None


def test_a_capacity_lets_nothing_through_below_a_certified_threshold(tmp_path: Path) -> None:
    labelled(tmp_path / "labels.csv", 1500)
    (tmp_path / "shop.yaml").write_text(PROMISED)
    made = tuned(
        tmp_path, *CAPPED, "--capacity", 0.1, "--policy", tmp_path / "shop.yaml", "--output", tmp_path / "new.yaml"
    )
    limit = made["capacity"]
    assert limit["asked"] == limit["waiting"] > 0.1
    entry = compile_text((tmp_path / "new.yaml").read_text()).action("refund")
    assert entry is not None
    assert (entry.auto_approve_threshold, entry.target_error, entry.gate) == (0.99, 0.01, "value")


@pytest.mark.parametrize("more", [("--raw",), ("--method", "ltt", "--target-error", 0.05), ("--capacity", 0)])
def test_a_capacity_without_a_value_of_asking_is_refused(tmp_path: Path, more: tuple[Any, ...]) -> None:
    labelled(tmp_path / "labels.csv")
    made = run(
        "tune", "--action", "refund", "--csv", tmp_path / "labels.csv", *CAPPED, "--capacity", "0.1", *more, code=1
    )
    assert "--capacity is a share" in made.output
