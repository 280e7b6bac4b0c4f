"""`handrail export examples` and `handrail preferences`: what people said becomes rows, a ranking and a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.learning import openai_rows, trl
from handrail.learning.comparison import comparison
from handrail.learning.example import Example
from handrail.proposal import Proposal

from .scene import read, run

POLICY = """
escalation_policies:
  - {action_type: answer, autonomy: confirm, undo_seconds: 0}
  - {action_type: compare, autonomy: confirm, undo_seconds: 0}
"""


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Twelve answers approved, edited or refused, and eighty comparisons that `careful` mostly wins."""
    path = tmp_path / "judged.db"
    with handrail.open(path, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for n in range(12):
            asked = None if n == 11 else f"Where is order {n}? 🙂"
            told = hr.propose(Proposal(action="answer", kind="output", arguments={"output": f"Soon {n}"}, prompt=asked))
            if n % 3 == 0:
                desk.answer(told.case_id, "edit", arguments={"output": f"On day {n}"})
            elif n % 3 == 1:
                desk.answer(told.case_id, "reject", reason="wrong")
            else:
                desk.answer(told.case_id, "approve")
        for n in range(80):
            pair = hr.propose(comparison(f"Q{n}?", [f"Thanks {n}.", f"No {n}!"], options=("careful", "blunt")))
            shown = hr.plane.proposal("default", pair.case_id).record()["arguments"]["options"]
            liked = "blunt" if n % 6 == 0 else "careful"
            desk.answer(pair.case_id, "respond", value="tie" if n % 10 == 9 else "a" if shown["a"] == liked else "b")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_export_examples_writes_rows_that_read_back_and_says_what_was_left_out(judged: Path, tmp_path: Path) -> None:
    done = run("export", "examples", "sft", "--output", tmp_path / "sft.jsonl", "--database", judged)
    rows = lines(tmp_path / "sft.jsonl")
    assert [row["completion"][0]["content"] for row in rows] == [
        "On day 0", "Soon 2", "On day 3", "Soon 5", "On day 6", "Soon 8", "On day 9",
    ]  # fmt: skip
    assert "🙂" in rows[0]["prompt"][0]["content"]
    assert all(row["origin"]["reviewers"] for row in rows)
    assert "left out 1: no prompt" in done.stderr
    assert [trl.row_of(trl.example_from(row, "sft"), "sft") for row in rows] == rows


def test_export_examples_for_openai_keeps_the_rest_beside_it(judged: Path, tmp_path: Path) -> None:
    run("export", "examples", "dpo", "--for", "openai", "--output", tmp_path / "dpo.jsonl", "--database", judged)
    rows, kept = lines(tmp_path / "dpo.jsonl"), lines(tmp_path / "dpo.lossless.jsonl")
    assert len(rows) == len(kept) > 50
    for row, whole in zip(rows, kept, strict=True):
        number = whole.pop("row")
        assert rows[number] == row == openai_rows.row_of(Example.from_json(whole), "dpo")
        assert set(row) == {"input", "preferred_output", "non_preferred_output"}


def test_export_examples_of_one_split_are_a_part_of_all(judged: Path, tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        run("export", "examples", "preference", "--split", split, "--output", tmp_path / f"{split}.jsonl",
            "--database", judged)  # fmt: skip
    run("export", "examples", "preference", "--output", tmp_path / "all.jsonl", "--database", judged)
    parts = [lines(tmp_path / f"{split}.jsonl") for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(lines(tmp_path / "all.jsonl"))


@pytest.mark.parametrize(
    ("given", "says"),
    [(("dpo",), "trl reads no 'dpo'"), (("sft", "--for", "nobody"), "nobody called 'nobody'"),
     (("sft", "--split", "half"), "no split is called"), (("sft", "--output", "x.csv"), "tells no format")],
)  # fmt: skip
def test_export_examples_of_a_wrong_kind_says_what_to_choose(judged: Path, given: tuple[str, ...], says: str) -> None:
    more = () if "--output" in given else ("--output", "-")
    done = run("export", "examples", *given, *more, "--database", judged, code=1)
    assert says in done.stderr


def test_rank_answers_finds_who_wins_and_tells_ties(judged: Path) -> None:
    made = read("preferences", "rank", "--database", judged)
    assert [one["option"] for one in made["options"]] == ["careful", "blunt"]
    assert (made["n"], made["tied"]) == (80, 8)
    assert "careful" in run("preferences", "rank", "--database", judged).stdout


def test_fit_a_reward_model_prefers_what_people_prefer(judged: Path, tmp_path: Path) -> None:
    model = tmp_path / "reward.json"
    made = read("preferences", "reward", model, "--database", judged)
    assert made["accuracy"] > 0.6
    told = read("preferences", "prefer", model, "Q99?", "Thanks 99.", "No 99!")
    assert told["first"] > 0.5
    assert told["model"] == made["digest"]


def test_rank_without_names_says_how_to_name_them(tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    with handrail.open(path, policy=POLICY) as hr:
        pair = hr.propose(comparison("Q?", ["x", "y"]))
        hr.desk("Asha").answer(pair.case_id, "respond", value="a")
    assert "do not say who answered" in run("preferences", "rank", "--database", path, code=1).stderr
