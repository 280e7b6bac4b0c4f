"""Training examples as TRL's trainers read them (Hugging Face TRL 1.16, "Dataset formats"), and back.

    | form       | columns                                          | trainer                         |
    |------------|--------------------------------------------------|---------------------------------|
    | sft        | prompt, completion                               | SFT, loss on the completion     |
    | preference | prompt, chosen, rejected                         | DPO; also KTO and reward        |
    | reward     | chosen, rejected (prompt inside), margin         | reward, `−log σ(r_c − r_r − m)` |
    | kto        | prompt, completion, label                        | KTO                             |
    | prm        | prompt (text), completions, labels               | process reward (experimental)   |

Columns `case` and `origin` go along: the trainers pass further columns through. Calls of tools keep their arguments as
an object; load such a file with `on_mixed_types="use_json"` (datasets 4.7 and later).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from handrail.canonical import JSON
from handrail.errors import InvalidInput
from handrail.learning.example import Example, Lesson, Messages, text_of

Form = Literal["sft", "preference", "reward", "kto", "prm"]
FORMS: tuple[Form, ...] = get_args(Form)
LESSON_OF: dict[str, Lesson] = {
    "sft": "sft", "preference": "preference", "reward": "preference", "kto": "kto", "prm": "steps",
}  # fmt: skip
KEPT = ("case", "origin")


def row_of(example: Example, form: Form) -> dict[str, JSON]:
    """One row. Raises `InvalidInput` for an example of another lesson."""
    if LESSON_OF.get(form) != example.lesson:
        raise InvalidInput(f"a {example.lesson} example is no row for {form}")
    made: dict[str, JSON]
    if form == "sft":
        made = {"prompt": list(example.prompt), "completion": list(example.completion)}
    elif form == "preference":
        made = {
            "prompt": list(example.prompt), "chosen": list(example.completion), "rejected": list(example.rejected),
        }  # fmt: skip
    elif form == "reward":
        made = {
            "chosen": [*example.prompt, *example.completion], "rejected": [*example.prompt, *example.rejected],
            # one edit says nothing about how much better: no margin
            "margin": 0.0 if example.margin is None else example.margin,
        }  # fmt: skip
    elif form == "kto":
        made = {"prompt": list(example.prompt), "completion": list(example.completion), "label": example.good}
    else:
        made = {
            "prompt": text_of(list(example.prompt)) if len(example.prompt) > 1 else _text(example.prompt),
            "completions": list(example.steps), "labels": list(example.right),
        }  # fmt: skip
    if example.tools:
        made["tools"] = list(example.tools)
    return made | {"case": example.case_id, "origin": dict(example.origin)}


def example_from(row: Mapping[str, Any], form: Form) -> Example:
    """The example that a row holds. Raises `InvalidInput` for a row of another form, and for a reward row whose two
    answers share no prompt.
    """
    try:
        fields = _FIELDS[form](row)
        made = Example(
            lesson=LESSON_OF[form], case_id=str(row.get("case", "")), tools=tuple(row.get("tools") or ()),
            origin=dict(row.get("origin") or {}), **fields,
        )  # fmt: skip
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidInput(f"this is no {form} row: {type(error).__name__}: {error}") from None
    made.check()
    return made


def _sft(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": tuple(row["prompt"]), "completion": tuple(row["completion"])}


def _preference(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": tuple(row["prompt"]), "completion": tuple(row["chosen"]), "rejected": tuple(row["rejected"])}


def _reward(row: Mapping[str, Any]) -> dict[str, Any]:
    chosen, rejected = row["chosen"], row["rejected"]
    same = 0
    while same < min(len(chosen), len(rejected)) and chosen[same] == rejected[same]:
        same += 1
    return {
        "prompt": tuple(chosen[:same]), "completion": tuple(chosen[same:]), "rejected": tuple(rejected[same:]),
        "margin": row.get("margin") or None,
    }  # fmt: skip


def _kto(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": tuple(row["prompt"]), "completion": tuple(row["completion"]), "good": bool(row["label"])}


def _prm(row: Mapping[str, Any]) -> dict[str, Any]:
    prompt = ({"role": "user", "content": row["prompt"]},)
    return {"prompt": prompt, "steps": tuple(row["completions"]), "right": tuple(map(bool, row["labels"]))}


_FIELDS = {"sft": _sft, "preference": _preference, "reward": _reward, "kto": _kto, "prm": _prm}


def _text(messages: Messages) -> str:
    return text_of(messages[0]["content"])
