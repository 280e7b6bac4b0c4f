"""Formats: what we write is taken by those who read it, and comes back as it was.

Trainers: the tests of tests/integrations/train, each a real trainer of TRL on a file that `handrail export examples`
wrote, run in the environment that `python -m tests.integrations.run train` makes. Round trips: random examples through
each form.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from figures import Figure, Options, share

from handrail.learning import openai_rows, trl
from handrail.learning.annotations.annotated import Annotated, Given, Mark, Suggested
from handrail.learning.annotations.argilla import read_records, settings_for, write_records
from handrail.learning.annotations.coco import read_coco, write_coco
from handrail.learning.annotations.label_studio import read_tasks, write_tasks
from handrail.learning.annotations.labelling import labelling_from
from handrail.learning.example import Example

NUMBER = 19
CLAIM = "Formats: accepted by their readers, and lossless"
ROOT = Path(__file__).resolve().parents[2]
TRAINERS = ("sft", "dpo", "kto", "reward", "prm")


def run(options: Options) -> Iterator[Figure]:
    yield trainers()
    draw = random.Random(0)
    for form in trl.FORMS:
        made = [example(draw, trl.LESSON_OF[form]) for _ in range(options.count(1000))]
        back = [trl.example_from(_wire(trl.row_of(one, form)), form) for one in made]
        yield _equal(f"TRL {form}", made, back)
    for kind in openai_rows.FORMS:
        made = [example(draw, openai_rows.LESSON_OF[kind], calls=kind == "sft") for _ in range(options.count(1000))]
        back = [openai_rows.example_from(_wire(openai_rows.row_of(one, kind)), kind, case_id="c") for one in made]
        yield _equal(f"OpenAI {kind}", made, back)
    yield from annotated_cases(options)


def annotated_cases(options: Options) -> Iterator[Figure]:
    """Annotated cases there and back; `tests/integrations/label_studio` does the same through the real server."""
    draw = random.Random(1)
    labelling = labelling_from(LABELLING)
    made = [annotated(draw, number) for number in range(options.count(1000))]
    tasks = _wire(write_tasks(made, labelling).rows)
    yield _equal("Label Studio", made, list(read_tasks(tasks, labelling).cases))
    settings = settings_for(["text"], "answer", ["a", "b", "漢"])
    asked = [Annotated(case=one.case, input={"text": one.input["text"]}, given=tuple(
        Given(id=None, reviewer=f"u{n}", abstained=person.abstained, marks=tuple(
            Mark(question="answer", kind="choice", value=[draw.choice(["a", "b", "漢"])]) for _ in range(1)
        )) for n, person in enumerate(one.given)
    )) for one in made]  # fmt: skip
    rows = _wire(write_records(asked, settings).rows)
    yield _equal("Argilla, flat records", asked, list(read_records(rows, settings).cases))
    boxed = [one for one in made if any(mark.kind == "box" for mark in one.marks)]
    written = write_coco(boxed)
    back = read_coco(_wire(written.rows), beyond=written.beyond)
    yield _equal("COCO with its side-car", boxed, list(back.cases))


LABELLING = """<View><Text name="text" value="$text"/><Image name="image" value="$image"/>
<Choices name="answer" toName="text"/><Labels name="who" toName="text"/>
<RectangleLabels name="box" toName="image"/></View>"""


def annotated(draw: random.Random, number: int) -> Annotated:
    """A random case: text with emoji, spans, boxes in percent, people who abstain, a model."""
    text = "".join(draw.choices("abc äß漢🙂🧾", k=draw.randrange(2, 40)))

    def marks() -> tuple[Mark, ...]:
        start = draw.randrange(len(text))
        span = {"start": start, "end": draw.randrange(start, len(text) + 1), "labels": ["PER"]}
        sides = {name: draw.uniform(0, 100) for name in ("x", "y", "width", "height", "rotation")}
        box = {**sides, "labels": ["car"], "unit": "percent", "image": [640, 480]}
        some = (
            Mark(question="answer", kind="choice", value=[draw.choice("ab漢")], about="text", id=f"c{number}"),
            Mark(question="who", kind="span", value=span, about="text", id=f"s{number}", score=draw.random()),
            Mark(question="box", kind="box", value=box, about="image", id=f"b{number}"),
        )
        return tuple(mark for mark in some if draw.random() < 0.7)

    people = [
        Given(id=f"r{number}-{n}", reviewer="ann", marks=marks(), abstained=draw.random() < 0.2, seconds=draw.random())
        for n in range(draw.randrange(3))
    ]
    models = [Suggested(model="m3", marks=marks(), score=draw.random())] if draw.random() < 0.5 else []
    shown = {"text": text, "image": f"{number}.png"}
    return Annotated(case=f"case-{number}", input=shown, given=tuple(people), suggested=tuple(models))


def trainers() -> Figure:
    """How many of TRL's trainers took our file."""
    python = ROOT / ".venvs" / "train" / "bin" / "python"
    what = "trainers of TRL that take the file"
    if not python.exists():
        nothing = float("nan")
        note = "(make the environment: python -m tests.integrations.run train)"
        return Figure(what=what, ours=nothing, low=nothing, high=nothing, n=0, target=1.0, better="higher", note=note)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(python), "-m", "pytest", "tests/integrations/train", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    total = int(suite.get("tests", 0))
    bad = sum(int(suite.get(name, 0)) for name in ("failures", "errors", "skipped"))
    return share(what, total - bad, total, target=1.0, better="higher", note=f"({', '.join(TRAINERS)})")


def _equal(what: str, made: list[Any], back: list[Any]) -> Figure:
    same = sum(one.digest == other.digest for one, other in zip(made, back, strict=True))
    return share(f"{what}: equal after writing and reading", same, len(made), target=1.0, better="higher")


def _wire(row: Any) -> Any:
    return json.loads(json.dumps(row, ensure_ascii=False))


def example(draw: random.Random, lesson: str, *, calls: bool = True) -> Example:
    """A random example: several turns, text beyond ASCII, calls of tools."""

    def text() -> str:
        return "".join(draw.choices('abc äß漢🙂\n"\\', k=draw.randrange(1, 40))) + str(draw.random())

    def answer() -> tuple[dict[str, Any], ...]:
        if calls and draw.random() < 0.5:
            call = {
                "type": "function",
                "id": f"k{draw.random()}",
                "function": {"name": "pay", "arguments": {"to": text()}},
            }
            return ({"role": "assistant", "tool_calls": [call]},)
        return ({"role": "assistant", "content": text()},)

    asked: dict[str, Any] = {"role": "user", "content": text()}
    if lesson == "steps":
        n = draw.randrange(1, 5)
        return Example(lesson="steps", case_id="c", prompt=(asked,), steps=tuple(text() for _ in range(n)),
                       right=tuple(draw.random() < 0.5 for _ in range(n)))  # fmt: skip
    before: tuple[dict[str, Any], ...]
    before = ({"role": "system", "content": text()}, {"role": "user", "content": text()}, *answer())
    prompt = (*before, asked) if draw.random() < 0.5 else (asked,)
    if lesson == "sft":
        return Example(lesson="sft", case_id="c", prompt=prompt, completion=answer())
    if lesson == "kto":
        return Example(lesson="kto", case_id="c", prompt=prompt, completion=answer(), good=draw.random() < 0.5)
    return Example(lesson="preference", case_id="c", prompt=prompt, completion=answer(), rejected=answer())
