"""`handrail calibrate` and `handrail export`: what people said becomes a calibrator that routes, and a file."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import handrail
from handrail.audit.replay import replay
from handrail.canonical import parse
from handrail.cli.material import open_database
from handrail.proposal import Proposal
from handrail.store.logbook import Logbook

from .scene import POLICY, program, read, run

PAIRS = 60
CALIBRATED = POLICY + "    calibrator: pay-score\n"


def answered(database: Path) -> None:
    """Sixty scored payments judged by Asha: a score of 0.9 is right three times in four only."""
    draw = random.Random(7)
    with handrail.open(database, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for item in read("case", "list", "--database", database)["items"]:
            desk.answer(item["id"], "reject", reason="not_needed")
        for n in range(PAIRS):
            high = n % 2 == 0
            score = round((0.85 if high else 0.3) + draw.random() / 10, 3)
            right = draw.random() < (0.75 if high else 0.2)
            made = hr.propose(Proposal(action="pay", arguments={"n": n}, scores=score, confidence=0.1))
            desk.answer(made.case_id, "approve" if right else "reject", reason=None if right else "wrong")


def test_calibrator_fitted_from_labels_and_installed_changes_a_route(database: Path) -> None:
    answered(database)
    sure = Proposal(action="pay", arguments={"n": 1000}, confidence=0.96)
    with handrail.open(database, policy=POLICY) as hr:
        assert hr.propose(sure).status == "approved"
    with handrail.open(database, policy=CALIBRATED) as hr:
        # what a program says of itself is no confidence while the calibrator is missing
        held = hr.propose(sure)
        assert (held.status, held.reasons[0].code) == ("open", "confidence_missing")
        assert "the calibrator pay-score, which reads its scores, is missing" in held.reasons[0].text
    made = read("calibrate", "--action", "pay", "--method", "platt", "--install", "--database", database)
    assert (made["ok"], made["installed"], made["name"], made["note"]) == (True, 1, "pay-score", None)
    assert made["n"] >= PAIRS
    before, after = made["metrics"]["log_loss"]
    assert after < before
    with handrail.open(database, policy=CALIBRATED) as hr:
        # people said that such scores are right three times in four: not enough to go by itself
        assert hr.propose(sure).status == "open"
    with open_database(str(database)) as store:
        entries = [parse(data) for data in Logbook(store, "handrail.local/default").entries()]
    assert [one["calibrator"]["name"] for one in entries if one["type"] == "calibrator.changed"] == ["pay-score"]
    assert replay(entries) == []


def test_calibrate_warns_that_a_certified_threshold_falls_with_its_calibrator(database: Path) -> None:
    answered(database)
    certified = CALIBRATED + "    certified_calibrator: " + "a" * 64 + "\n"
    with handrail.open(database, policy=certified):
        pass
    made = read("calibrate", "--action", "pay", "--method", "platt", "--install", "--database", database)
    assert "was certified for another calibrator" in made["note"]


def test_calibrate_with_too_few_labels_says_how_many_it_has_and_needs(database: Path) -> None:
    made = program("calibrate", "--action", "pay", "--database", database, code=1)
    assert made.stderr.startswith("not_enough_evidence: not enough evidence yet (1 of 30 labels)")
    told = json.loads(run("calibrate", "--action", "pay", "--database", database, "--json", code=1).stdout)
    assert (told["ok"], told["have"], told["need"]) == (False, 1, 30)


def test_calibrate_installed_under_a_name_the_policy_does_not_use_says_so(database: Path, tmp_path: Path) -> None:
    made = read(
        "calibrate",
        "--csv",
        scored(tmp_path),
        "--action",
        "pay",
        "--name",
        "other",
        "--install",
        "--database",
        database,
    )
    assert made["note"] == "the policy in force does not use it: add `calibrator: other` to pay"


@pytest.mark.parametrize("method", ["auto", "platt", "temperature"])
def test_calibrate_from_csv_writes_plain_json(tmp_path: Path, method: str) -> None:
    out = tmp_path / "calibrator.json"
    text = run("calibrate", "--csv", scored(tmp_path), "--method", method, "--output", out).stdout
    assert "200 cases" in text
    assert "before" in text
    held = json.loads(out.read_text())
    assert held["n"] == 200
    assert held["kind"] in ("platt", "temperature")


@pytest.mark.parametrize(
    ("row", "said"), [("0.4,maybe", "neither right nor wrong"), ("x,true", "no score"), ("1.7,true", "")]
)
def test_calibrate_from_csv_names_the_line_that_is_wrong(tmp_path: Path, row: str, said: str) -> None:
    path = scored(tmp_path)
    path.write_text(path.read_text() + row + "\n")
    assert said in run("calibrate", "--csv", path, code=1).output


def test_calibrate_from_csv_without_its_column_says_which(tmp_path: Path) -> None:
    output = run("calibrate", "--csv", scored(tmp_path), "--score-column", "p", code=1).output
    assert "has no column 'p'" in output
    run("calibrate", "--csv", tmp_path / "none.csv", code=2)
    run("calibrate", code=1)


def scored(folder: Path) -> Path:
    draw = random.Random(3)
    path = folder / "scored.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["score", "correct"])
        for _ in range(200):
            score = draw.random()
            table.writerow([score, str(draw.random() < score**2).lower()])
    return path


# --- export ---


def labels(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_export_of_labels_to_standard_output_is_jsonl_with_provenance(database: Path) -> None:
    made = program("export", "labels", "--output", "-", "--database", database)
    (row,) = labels(made.stdout)
    assert (row["action"], row["correct"], row["verdict"], row["blind"]) == ("pay", True, "approve", False)
    assert row["reviewer"]
    assert row["policy"]
    assert row["answer"] == {"n": 0, "to": "A0"}
    assert "1 labels" in made.stderr


def test_export_formats_hold_the_same_rows(database: Path, tmp_path: Path) -> None:
    answered(database)
    for suffix in ("jsonl", "csv", "parquet"):
        run("export", "labels", "--output", tmp_path / f"labels.{suffix}", "--database", database)
    rows = labels((tmp_path / "labels.jsonl").read_text())
    with (tmp_path / "labels.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [row["id"] for row in rows]
    assert pq.read_table(tmp_path / "labels.parquet").column("id").to_pylist() == [row["id"] for row in rows]
    assert len(rows) == PAIRS + 3
    assert not list(tmp_path.glob("*.part"))


def test_export_narrows_by_action_and_time(database: Path) -> None:
    for narrowed in (["--action", "other"], ["--since", "2100-01-01"], ["--ready"]):
        assert run("export", "labels", "--output", "-", *narrowed, "--database", database).stdout == ""
    assert run("export", "labels", "--output", "-", "--since", "2020-01-01", "--database", database).stdout != ""
    run("export", "labels", "--output", "-", "--since", "yesterday", "--database", database, code=1)
    run("export", "labels", "--output", "labels.xlsx", "--database", database, code=1)


def test_export_is_written_down_in_the_log(database: Path, tmp_path: Path) -> None:
    run("export", "labels", "--output", tmp_path / "labels.jsonl", "--database", database)
    with open_database(str(database)) as store:
        entries = [parse(data) for data in Logbook(store, "handrail.local/default").entries()]
    assert (entries[-1]["type"], entries[-1]["export"]["size"]) == ("export.made", 1)
    assert replay(entries) == []


def test_export_of_preferences_holds_edits_and_comparisons(database: Path) -> None:
    policy = POLICY + "  - action_type: answer\n    undo_seconds: 0\n"
    with handrail.open(database, policy=policy) as hr:
        desk = hr.desk("Asha")
        edited = hr.propose(Proposal(action="pay", arguments={"to": "A1", "n": 5}, confidence=0.2))
        desk.answer(edited.case_id, "edit", arguments={"to": "A1", "n": 4})
        compared = hr.propose(
            Proposal(action="answer", kind="comparison", arguments={"prompt": "2+2", "a": "4", "b": "5"})
        )
        desk.answer(compared.case_id, "respond", value="a")
    rows = labels(run("export", "preferences", "--output", "-", "--database", database).stdout)
    assert [(row["source"], row["chosen"], row["rejected"]) for row in rows] == [
        ("edit", {"n": 4, "to": "A1"}, {"n": 5, "to": "A1"}),
        ("comparison", "4", "5"),
    ]
    assert [row["case_id"] for row in rows] == [edited.case_id, compared.case_id]
    assert all(row["reviewers"] and row["policy"] for row in rows)
