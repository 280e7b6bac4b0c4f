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
from xml.etree import ElementTree

from figures import Figure, Options, share

from handrail.learning import openai_rows, trl
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
    for form in openai_rows.FORMS:
        made = [example(draw, openai_rows.LESSON_OF[form], calls=form == "sft") for _ in range(options.count(1000))]
        back = [openai_rows.example_from(_wire(openai_rows.row_of(one, form)), form, case_id="c") for one in made]
        yield _equal(f"OpenAI {form}", made, back)


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


def _equal(what: str, made: list[Example], back: list[Example]) -> Figure:
    same = sum(one.digest == other.digest for one, other in zip(made, back, strict=True))
    return share(f"{what}: equal after writing and reading", same, len(made), target=1.0, better="higher")


def _wire(row: dict[str, object]) -> dict[str, object]:
    return dict(json.loads(json.dumps(row, ensure_ascii=False)))


def example(draw: random.Random, lesson: str, *, calls: bool = True) -> Example:
    """A random example: several turns, text beyond ASCII, calls of tools."""

    def text() -> str:
        return "".join(draw.choices('abc äß漢🙂\n"\\', k=draw.randrange(1, 40))) + str(draw.random())

    def answer() -> tuple[dict[str, object], ...]:
        if calls and draw.random() < 0.5:
            call = {
                "type": "function",
                "id": f"k{draw.random()}",
                "function": {"name": "pay", "arguments": {"to": text()}},
            }
            return ({"role": "assistant", "tool_calls": [call]},)
        return ({"role": "assistant", "content": text()},)

    asked = {"role": "user", "content": text()}
    if lesson == "steps":
        n = draw.randrange(1, 5)
        return Example(lesson="steps", case_id="c", prompt=(asked,), steps=tuple(text() for _ in range(n)),
                       right=tuple(draw.random() < 0.5 for _ in range(n)))  # fmt: skip
    before = ({"role": "system", "content": text()}, {"role": "user", "content": text()}, *answer())
    prompt = (*before, asked) if draw.random() < 0.5 else (asked,)
    if lesson == "sft":
        return Example(lesson="sft", case_id="c", prompt=prompt, completion=answer())
    if lesson == "kto":
        return Example(lesson="kto", case_id="c", prompt=prompt, completion=answer(), good=draw.random() < 0.5)
    return Example(lesson="preference", case_id="c", prompt=prompt, completion=answer(), rejected=answer())
