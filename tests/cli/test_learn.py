"""`handrail learn`, `handrail import` and `handrail export annotations`, as their users type them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.learning.annotations.annotated import beyond_of
from handrail.learning.annotations.label_studio import read_tasks
from handrail.learning.annotations.labelling import labelling_from
from tests.cli.scene import read, run
from tests.learning.people import POLICY

TRAIN = """
import json, sys
given = json.load(sys.stdin)
labels = [json.loads(line) for line in open(given["labels_path"])]
words = {}
for one in labels:
    for word in one["input"]["text"].split():
        words.setdefault(word, []).append(one["answer"])
with open(given["folder"] + "/scores.jsonl", "w") as out:
    for line in open(given["pool_path"]):
        seen = [a for w in json.loads(line)["input"]["text"].split() for a in words.get(w, [])]
        p = (seen.count("spam") + 1) / (len(seen) + 2)
        out.write(json.dumps({"ham": 1 - p, "spam": p}) + "\\n")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A database, a pool of forty messages, and a program that trains."""
    with handrail.open(tmp_path / "handrail.db", policy=POLICY.replace("digit", "message")):
        pass
    texts = [f"{'buy gold' if n % 3 == 0 else 'see you'} {n}" for n in range(40)]
    lines = [json.dumps({"id": f"m{n}", "text": text}) for n, text in enumerate(texts)]
    (tmp_path / "pool.jsonl").write_text("\n".join(lines))
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def words(place: Path, *more: str) -> list[str]:
    return [
        "learn", "--database", str(place / "handrail.db"), "--action", "message", "--pool", str(place / "pool.jsonl"),
        "--choices", "ham,spam", "--command", f"{sys.executable} {place / 'train.py'}", "--batch", "10",
        "--rounds", "3", *more,
    ]  # fmt: skip


def answer_all(place: Path) -> int:
    """Somebody at the desk."""
    done = 0
    with handrail.open(place / "handrail.db") as hr:
        desk = hr.desk("Asha")
        while (held := desk.next()) is not None:
            record = hr.plane.proposal("default", held.case_id).record()
            held.respond("spam" if "gold" in record["arguments"]["text"] else "ham")
            done += 1
    return done


def test_learn_by_a_command_asks_leaves_and_goes_on(place: Path) -> None:
    made = read(*words(place, "--wait", "0"))
    assert (made["state"], made["open"]) == ("waiting", 10)
    for left in (10, 10):
        assert answer_all(place) == 10
        made = read(*words(place, "--wait", "0"))
        assert (made["state"], made["open"]) == ("waiting", left)
    assert answer_all(place) == 10
    ended = run(*words(place, "--wait", "0", "--picture", str(place / "curve.svg")))
    assert "round 2: 30 asked" in ended.stdout
    assert "ended: 3 rounds" in ended.stdout
    assert "<svg" in (place / "curve.svg").read_text()
    assert answer_all(place) == 0


def test_learn_dry_run_shows_the_first_round_and_asks_nobody(place: Path) -> None:
    made = read(*words(place, "--dry-run"))
    assert len(made["first"]) == 10
    assert sum(one["picked"] == "reserve" for one in made["first"]) == 2
    assert answer_all(place) == 0


def test_learn_ended_by_hand_begins_anew_on_other_terms(place: Path) -> None:
    read(*words(place, "--wait", "0"))
    refused = run(*words(place, "--wait", "0", "--sampler", "margin"), code=1)
    assert "another sampler" in refused.output
    assert read(*words(place, "--end"))["ok"] is True
    assert read(*words(place, "--wait", "0", "--sampler", "margin"))["state"] == "waiting"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--pool", "none.jsonl"], "none.jsonl"), (["--choices", "ham"], "two choices"),
        (["--function", "a:b"], "one of them"), (["--sampler", "guess"], "no sampler"),
        (["--annotator", "nobody"], "nobody annotates"), (["--annotator", "label-studio"], "needs --url and a token"),
        (["--stop-at", "2"], "cannot agree"), (["--picture", "curve.txt"], ".svg or .png"),
        (["--batch", "0"], "at least 1"),
        (["--features", "none.npy"], "none.npy"),
    ],
)  # fmt: skip
def test_learn_with_wrong_words_says_what_is_wrong(place: Path, more: list[str], text: str) -> None:
    found = run(*words(place, "--wait", "0", *more), code=2 if "none" in text else 1)
    assert text in found.output
    assert answer_all(place) == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_learn_an_undeclared_action_is_refused_unless_meant(place: Path, more: tuple[str, ...]) -> None:
    typed = ["mesage" if word == "message" else word for word in words(place, *more)]
    found = run(*typed, "--wait", "0", code=1)
    assert "does not declare the action 'mesage'" in found.output
    assert "Did you mean message?" in found.output
    assert answer_all(place) == 0
    run(*typed, "--wait", "0", "--undeclared")


def test_learn_by_a_command_that_fails_keeps_every_answer(place: Path) -> None:
    read(*words(place, "--wait", "0"))
    answer_all(place)
    (place / "train.py").write_text("raise SystemExit('out of memory')")
    found = run(*words(place, "--wait", "0"), code=1)
    assert "training_failed: the training command ended with 1. out of memory" in found.output
    (place / "train.py").write_text(TRAIN)
    assert read(*words(place, "--wait", "0"))["rounds"][0]["asked"] == 10


CONFIG = """<View><Text name="text" value="$text"/><Choices name="answer" toName="text"><Choice value="ham"/>
<Choice value="spam"/></Choices><Labels name="who" toName="text"><Label value="PER"/></Labels></View>"""


def task(n: int, **more: Any) -> dict[str, Any]:
    result = [{"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": ["spam"]}}]
    annotation = {"result": result, "was_cancelled": False, "ground_truth": False, "unique_id": f"u{n}",
                  "completed_by": "ann@example.com", "lead_time": 12.5}  # fmt: skip
    return {
        "data": {"text": f"😀 Zoë {n}"},
        "meta": {"case": f"c{n}"},
        "predictions": [],
        "annotations": [annotation | more],
    }


def test_import_and_export_of_label_studio_comes_back_equal(place: Path) -> None:
    spans = [{"id": "a2", "from_name": "who", "to_name": "text", "type": "labels",
              "value": {"start": 3, "end": 6, "text": "Zoë", "labels": ["PER"]}}]  # fmt: skip
    tasks = [task(1), task(2, result=[], was_cancelled=True), task(3, result=spans)]
    (place / "tasks.json").write_text(json.dumps(tasks))
    (place / "tasks.xml").write_text(CONFIG)
    given = ["--database", place / "handrail.db", "--action", "message", "--format", "label-studio"]
    made = read("import", place / "tasks.json", *given)
    assert (made["cases"], made["answers"]) == (3, 3)
    assert read("import", place / "tasks.json", *given)["answers"] == 0
    run("export", "annotations", "--output", place / "back.json", "--config", place / "tasks.xml", *given)
    labelling = labelling_from(CONFIG)
    before = read_tasks(tasks, labelling)
    after = read_tasks(json.loads((place / "back.json").read_text()), labelling_from((place / "back.xml").read_text()))
    assert [one.case for one in after.cases] == [one.case for one in before.cases]
    assert [one.given[0].abstained for one in after.cases] == [False, True, False]
    assert after.cases[2].digest == before.cases[2].digest
    assert [one.given[0].reviewer for one in after.cases] == ["ann@example.com"] * 3


@pytest.mark.parametrize(("form", "beside"), [("argilla", ".settings.json"), ("coco", ".lossless.jsonl")])
def test_export_of_other_forms_writes_what_lies_beside_them(place: Path, form: str, beside: str) -> None:
    box = [{"from_name": "box", "to_name": "image", "type": "rectanglelabels", "original_width": 640,
            "original_height": 480,
            "value": {"x": 10, "y": 20, "width": 25, "height": 12.5, "rectanglelabels": ["car"]}}]  # fmt: skip
    tasks = [task(1), task(2)]
    if form == "coco":
        for one in tasks:
            one["data"] = {"image": "a.png"}
            one["annotations"][0]["result"] = box
    else:
        tasks[1]["annotations"][0]["result"][0]["value"]["choices"] = ["ham"]
    (place / "tasks.json").write_text(json.dumps(tasks))
    asks = '<Image name="image" value="$image"/><RectangleLabels name="box" toName="image"/></View>'
    (place / "tasks.xml").write_text(CONFIG.replace("</View>", asks))
    given = ["--database", place / "handrail.db", "--action", "message"]
    run("import", place / "tasks.json", "--format", "label-studio", *given)
    run("export", "annotations", "--output", place / "out.json", "--format", form, *given)
    written = json.loads((place / "out.json").read_text())
    if form == "coco":
        assert written["annotations"][0]["bbox"] == [64.0, 96.0, 160.0, 60.0]
        lines = [json.loads(line) for line in (place / f"out{beside}").read_text().splitlines()]
        assert beyond_of(lines)
    else:
        assert written[0]["answer.responses"] == ["spam"]
        assert json.loads((place / f"out{beside}").read_text())["questions"][0]["name"] == "answer"


def test_import_without_its_configuration_says_so(place: Path) -> None:
    (place / "alone.json").write_text(json.dumps([task(1)]))
    given = ["--database", str(place / "handrail.db"), "--action", "message"]
    found = run("import", place / "alone.json", "--format", "label-studio", *given, code=1)
    assert "labelling configuration is not there" in found.output
    assert "no form" in run("import", place / "alone.json", "--format", "xls", *given, code=1).output
    (place / "bad.json").write_text("{")
    run("import", place / "bad.json", "--format", "coco", *given, code=2)
