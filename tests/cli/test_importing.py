"""`handrail import` of files whose answers fit no question or no choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import handrail
from tests.cli.scene import run

CONFIG = """<View><Text name="text" value="$text"/><Choices name="answer" toName="text"><Choice value="ham"/>
<Choice value="spam"/></Choices><Rating name="sure" toName="text"/></View>"""


def result(name: str, said: str = "spam") -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": [said]}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with handrail.open(tmp_path / "handrail.db"):
        pass
    (tmp_path / "tasks.xml").write_text(CONFIG)
    return tmp_path


def bring_in(place: Path, *more: str, **task: Any) -> str:
    (place / "tasks.json").write_text(json.dumps([{"data": {"text": "Zoë"}, "meta": {"case": "c1"}, **task}]))
    given: list[Any] = ["--database", place / "handrail.db", "--action", "message", "--format", "label-studio", *more]
    return run("import", place / "tasks.json", *given, code=1).output


@pytest.mark.parametrize("part", ["annotations", "predictions"])
def test_import_of_an_unknown_from_name_names_the_known_ones(place: Path, part: str) -> None:
    said = bring_in(place, **{part: [{"result": [result("label")]}]})
    assert "from_name 'label'" in said
    assert "asks 'answer', 'sure'" in said


def test_import_of_answers_beyond_the_choices_names_them_and_brings_nothing_in(place: Path) -> None:
    said = bring_in(place, "--choices", "ham,eggs", annotations=[{"result": [result("answer")]}])
    assert "answers that --choices does not name: 'spam'" in said
    assert bring_in(place, annotations=[{"result": [result("label")]}])
    with handrail.open(place / "handrail.db") as hr:
        assert hr.desk("Ann").next() is None
