"""What decided cases teach language models, and the forms it is written in."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidInput
from handrail.learning import openai_rows, trl
from handrail.learning.comparison import CHOICES, comparison, preferred
from handrail.learning.example import Example, Lesson
from handrail.learning.lessons import Dropped, History, examples
from handrail.proposal import Proposal
from handrail.review import Review

ANSWER = Proposal(action="answer", kind="output", arguments={"output": "Soon."}, prompt="Where is it?", agent="m1")
CALL = Proposal(action="refund", arguments={"order": "12"}, prompt="Refund order 12", call_id="k1", run="r1")


def review(verdict: str, who: str = "ann", **fields: Any) -> Review:
    return Review(**{"id": f"r-{who}-{verdict}", "case_id": "c", "revision": 1, "reviewer": who, "verdict": verdict,
                     "given_at": 1, "effective_at": 1, **fields})  # fmt: skip


def history(proposal: Proposal, *reviews: Review, case: str = "c", at: int = 0, **fields: Any) -> History:
    given = {"decision": "approved", "approved": proposal.arguments} | fields
    return History(case_id=case, proposal=proposal, policy="p", submitted_at=at, reviews=reviews, **given)


def taught(lesson: Lesson, *histories: History) -> list[Example]:
    return list(examples(histories, lesson, Dropped(Counter())))


def said(example: Example) -> Any:
    return example.completion[0].get("content") or example.completion[0]["tool_calls"][0]["function"]["arguments"]


EDITED = {"output": "On Monday."}
ROWS = [
    # verdicts, outcome -> sft, preference, kto
    ([review("approve")], None, ["Soon."], 0, [True]),
    ([review("edit", arguments=EDITED)], None, ["On Monday."], 1, []),
    ([review("reject")], None, [], 0, [False]),
    ([review("redirect", instruction="ask first")], None, [], 0, [False]),
    ([review("abstain")], None, [], 0, []),
    ([], None, [], 0, []),
    ([review("approve"), review("reject", "bob")], None, ["Soon."], 0, []),
    ([review("approve")], False, [], 0, [False]),
    ([review("edit", arguments=EDITED)], False, [], 0, [False]),
    ([review("reject")], True, [], 0, [True]),
]  # fmt: skip


@pytest.mark.parametrize(("reviews", "outcome", "sft", "preferences", "kto"), ROWS)
def test_teach_by_verdict_follows_the_table(
    reviews: list[Review], outcome: bool | None, sft: list[str], preferences: int, kto: list[bool]
) -> None:
    verdicts = {one.verdict for one in reviews}
    decision = "approved" if verdicts & {"approve", "edit"} else "rejected"
    approved = EDITED if "edit" in verdicts else ANSWER.arguments
    told = history(ANSWER, *reviews, decision=decision, approved=approved, outcome=outcome)
    assert [said(one) for one in taught("sft", told)] == sft
    assert len(taught("preference", told)) == preferences
    assert [one.good for one in taught("kto", told)] == kto


def test_teach_an_edit_prefers_the_edited_over_the_proposed() -> None:
    (made,) = taught("preference", history(ANSWER, review("edit", arguments=EDITED)))
    assert (said(made), made.rejected[0]["content"], made.prompt[0]["content"]) == (
        "On Monday.",
        "Soon.",
        "Where is it?",
    )
    assert made.origin["reviewers"] == ["ann"]
    assert made.origin["model"] == "m1"


def test_teach_a_response_gives_the_answer_to_the_question() -> None:
    asked = Proposal(action="ask", kind="question", arguments={"question": "Which account?"})
    (made,) = taught("sft", history(asked, review("respond", value="A1"), decision="responded"))
    assert (made.prompt[0]["content"], said(made)) == ("Which account?", "A1")


def test_teach_a_redirect_prefers_what_was_approved_later_for_the_same_prompt() -> None:
    first = history(CALL, review("redirect", instruction="less"), case="c1", decision="redirected")
    later = replace(CALL, arguments={"order": "12", "amount": "5"}, call_id="k2")
    (made,) = taught("preference", first, history(later, review("approve"), case="c2", at=1))
    assert made.completion[0]["tool_calls"][0]["function"]["arguments"] == later.arguments
    assert made.rejected[0]["tool_calls"][0]["function"]["arguments"] == CALL.arguments
    elsewhere = replace(later, prompt="Refund order 13")
    assert taught("preference", first, history(elsewhere, review("approve"), case="c2", at=1)) == []


def test_teach_steps_stops_where_nobody_judged() -> None:
    def step(n: int, *reviews: Review) -> History:
        return history(replace(CALL, arguments={"order": str(n)}), *reviews, case=f"c{n}", at=n)

    (made,) = taught(
        "steps", step(2, review("reject")), step(1, review("approve")), step(3), step(4, review("approve"))
    )
    assert made.right == (True, False)
    assert made.steps[0].startswith("refund")


def test_teach_golds_and_what_has_no_prompt_yields_nothing_and_is_counted() -> None:
    dropped = Dropped(Counter())
    bare = Proposal(action="refund", arguments={"order": "1"})
    told = [history(replace(ANSWER, gold="Soon."), review("approve")), history(bare, review("approve"))]
    assert list(examples(told, "sft", dropped)) == []
    assert dropped.counts == {"no prompt": 1}


def test_compare_both_bad_condemns_both_and_ratings_carry_a_margin() -> None:
    asked = comparison("Q?", ["x", "y"])
    bad = history(asked, review("respond", value="both_bad"), decision="responded")
    assert [one.good for one in taught("kto", bad)] == [False, False]
    assert taught("preference", bad) == []
    rated = history(asked, review("respond", value={"a": 5, "b": 2}), decision="responded")
    (made,) = taught("preference", rated)
    assert (said(made), made.margin) == (asked.arguments["a"], 3.0)
    assert [(said(one), one.good) for one in taught("kto", rated)] == [
        (asked.arguments["a"], True), (asked.arguments["b"], False),
    ]  # fmt: skip


def test_compare_shows_each_side_first_half_of_the_time_and_a_repeat_the_same() -> None:
    made = [comparison(f"Q{n}?", ["x", "y"], options=("m1", "m2")) for n in range(400)]
    left = sum(one.arguments["options"]["a"] == "m1" for one in made)
    assert 160 < left < 240
    turned = comparison("Q1?", ["y", "x"], options=("m2", "m1"))
    assert turned.arguments == made[1].arguments
    assert made[0].arguments["choices"] == list(CHOICES)
    with pytest.raises(InvalidInput, match="the same"):
        comparison("Q?", ["x", "x"])


@pytest.mark.parametrize(
    ("values", "side"),
    [(["a", "a", "b"], "a"), (["a", "b"], None), (["a", "tie", "tie"], None), (["tie"], None), (["b"], "b")],
)
def test_prefer_by_majority_needs_a_bare_one(values: list[str], side: str | None) -> None:
    found = preferred([review("respond", f"p{n}", value=v) for n, v in enumerate(values)], comparison("Q?", ["x", "y"]))
    assert (None if found is None else found.side) == side


def test_prefer_by_ratings_that_contradict_most_people_is_no_consensus() -> None:
    told = [{"a": 3, "b": 2}, {"a": 3, "b": 2}, {"a": 1, "b": 5}]
    given = [review("respond", f"p{n}", value=value) for n, value in enumerate(told)]
    assert preferred(given, comparison("Q?", ["x", "y"])) is None


@pytest.mark.parametrize("value", [{"a": 1e308, "b": -1e308}, {"a": 10**400, "b": 1}, {"a": 1}, {"a": True, "b": 0}])
def test_prefer_by_ratings_that_are_none_says_nothing(value: Any) -> None:
    assert preferred([review("respond", value=value)], comparison("Q?", ["x", "y"])) is None


def test_teach_a_malformed_comparison_is_left_out_and_spoils_no_other() -> None:
    sound = comparison("Q?", ["x", "y"])
    broken = Proposal(action="compare", kind="comparison", arguments={"prompt": "Q?"})
    told = [history(one, review("respond", value="both_bad"), decision="responded") for one in (broken, sound)]
    dropped = Dropped(Counter())
    assert len(list(examples(told, "kto", dropped))) == 2
    assert dropped.counts.total() == 1


@pytest.mark.parametrize(("values", "answer"), [(["x", "x", "y"], "x"), (["x", "y"], None), (["x"], "x")])
def test_teach_an_answer_by_what_most_said_not_by_who_said_it_last(values: list[str], answer: str | None) -> None:
    asked = Proposal(action="ask", kind="question", arguments={"question": "Which?"})
    given = [review("respond", f"p{n}", value=value, given_at=n) for n, value in enumerate(values)]
    made = taught("sft", history(asked, *given, decision="responded"))
    assert [said(one) for one in made] == ([] if answer is None else [answer])


@pytest.mark.parametrize("decision", ["expired", "cancelled"])
@pytest.mark.parametrize("lesson", ["sft", "preference", "kto"])
def test_teach_an_unsettled_case_says_nothing_whatever_one_reviewer_said(lesson: Lesson, decision: str) -> None:
    told = history(ANSWER, review("approve"), review("edit", "bob", arguments=EDITED), decision=decision)
    assert taught(lesson, told) == []


# --- forms ----------------------------------------------------------------------------------------

TEXT = st.text(min_size=1, max_size=20).filter(str.strip)
VALUES = st.dictionaries(st.sampled_from(["order", "amount", "note"]), TEXT, min_size=1)
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXT}), max_size=2
).map(lambda turns: (*turns, {"role": "user", "content": "Go on."}))
SPOKEN = TEXT.map(lambda text: ({"role": "assistant", "content": text},))
CALLED = VALUES.map(
    lambda values: ({"role": "assistant", "tool_calls": [
        {"type": "function", "id": "k1", "function": {"name": "refund", "arguments": values}}]},)
)  # fmt: skip
ANSWERS = st.one_of(SPOKEN, CALLED)


@given(TURNS, ANSWERS, ANSWERS, st.booleans(), st.sampled_from(trl.FORMS))
def test_write_and_read_a_trl_row_loses_nothing(
    prompt: Any, completion: Any, rejected: Any, good: bool, form: trl.Form
) -> None:
    made = Example(
        lesson=trl.LESSON_OF[form], case_id="c1", prompt=prompt, completion=completion, rejected=rejected, good=good,
        steps=("one",), right=(good,), origin={"policy": "p"},
    )  # fmt: skip
    made = _only(made, prompt if form != "prm" else ({"role": "user", "content": "Go on."},))
    if form == "preference" and completion == rejected:
        return
    if form == "reward" and completion[0] == rejected[0]:
        return
    row = json.loads(json.dumps(trl.row_of(made, form)))
    back = trl.example_from(row, form)
    assert (back.digest, back.origin) == (made.digest, made.origin)


def _only(example: Example, prompt: Any) -> Example:
    """Without the fields of other lessons."""
    holds = {
        "sft": ("completion",), "preference": ("completion", "rejected"), "kto": ("completion", "good"),
        "steps": ("steps", "right"),
    }[example.lesson]  # fmt: skip
    return Example(lesson=example.lesson, case_id=example.case_id, prompt=prompt, origin=example.origin,
                   **{name: getattr(example, name) for name in holds})  # fmt: skip


@given(TURNS, ANSWERS)
def test_write_and_read_an_openai_row_loses_nothing_it_can_hold(prompt: Any, completion: Any) -> None:
    made = Example(lesson="sft", case_id="c1", prompt=prompt, completion=completion)
    row = json.loads(json.dumps(openai_rows.row_of(made, "sft")))
    assert set(row) == {"messages"}
    assert [m["weight"] for m in row["messages"] if m["role"] == "assistant"][-1] == 1
    for message in row["messages"]:
        for call in message.get("tool_calls", ()):
            assert isinstance(call["function"]["arguments"], str)
    assert openai_rows.example_from(row, "sft", case_id="c1").digest == made.digest


def test_write_an_openai_preference_of_calls_is_refused() -> None:
    call = ({"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "x", "arguments": {}}}]},)
    text = ({"role": "assistant", "content": "no"},)
    prompt = ({"role": "user", "content": "Go on."},)
    made = Example(lesson="preference", case_id="c1", prompt=prompt, completion=call, rejected=text)
    with pytest.raises(InvalidInput, match="compares calls of tools"):
        openai_rows.row_of(made, "dpo")
    fine = replace(made, completion=({"role": "assistant", "content": "yes"},))
    assert openai_rows.example_from(openai_rows.row_of(fine, "dpo"), "dpo", case_id="c1").digest == fine.digest


@pytest.mark.parametrize(
    "prompt", [(), ({"role": "system", "content": "x"},), ({"role": "nobody", "content": "x"},), ({"role": "user"},)]
)
def test_check_an_example_without_a_sound_prompt_is_refused(prompt: Any) -> None:
    with pytest.raises(InvalidInput):
        Example(lesson="kto", case_id="c", prompt=prompt, completion=({"role": "assistant", "content": "x"},),
                good=True).check()  # fmt: skip
