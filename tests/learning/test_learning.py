"""Labels, evidence, batches, preferences, exports, queries and rounds."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidInput
from handrail.label import Label
from handrail.learning.evidence import evidence
from handrail.learning.export import LABEL_COLUMNS, PREFERENCE_COLUMNS, label_row, preference_row, render
from handrail.learning.labels import label_outcome, label_review
from handrail.learning.preferences import from_comparison, from_edit, split_of
from handrail.learning.queries import choose, cold_start, doubt_by_entropy, doubt_by_margin, needs_more_classes, spread
from handrail.learning.rounds import run_round
from handrail.learning.stopping import stable
from handrail.learning.triggers import answers, batches, retrain_due
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.route import Route

POLICY = "0" * 64
PAY = Proposal(action="payment_transfer", arguments={"to": "A1", "amount": "5"}, confidence=0.9, target="ledger")
TWEET = Proposal(
    action="content_publish",
    kind="prediction",
    arguments={"text": "hi", "suggestion": "fine"},
    scores={"fine": 0.7, "bad": 0.3},
)


def route(**fields: Any) -> Route:
    return Route(**{"tier": "hard_gate", "reviewers": 1, "reasons": (), "policy": POLICY, **fields})


def review(verdict: str, who: str = "ann", **fields: Any) -> Review:
    given = {"id": f"r-{who}", "case_id": "c1", "revision": 1, "given_at": 10, "effective_at": 10, "verdict": verdict}
    return Review(reviewer=who, **{**given, **fields})


def label(proposal: Proposal, made: Review, **fields: Any) -> Label | None:
    kept = {"id": "l1", "workspace": "default", "made_at": 20, **fields}
    return label_review(made, proposal, kept.pop("route", route()), **kept)


def correct(proposal: Proposal, verdict: str, **fields: Any) -> bool | None:
    made = label(proposal, review(verdict, **fields))
    assert made is not None
    return made.correct


@pytest.mark.parametrize(
    ("proposal", "verdict", "fields", "expected"),
    [
        (PAY, "approve", {}, True),
        (PAY, "edit", {"arguments": {"to": "A1", "amount": "4"}}, False),
        (PAY, "edit", {"arguments": {"amount": "5", "to": "A1"}}, True),
        (PAY, "reject", {"reason": "fraud"}, False),
        (PAY, "redirect", {"instruction": "ask"}, False),
        (PAY, "respond", {"value": "x"}, None),
        (TWEET, "approve", {}, True),
        (TWEET, "respond", {"value": "fine"}, True),
        (TWEET, "respond", {"value": "bad"}, False),
        (TWEET, "reject", {}, False),
        (TWEET, "edit", {"arguments": {"text": "hi", "suggestion": "bad"}}, False),
        (Proposal(action="which", kind="question", arguments={"ask": "?"}), "respond", {"value": 1}, None),
        (Proposal(action="see", kind="annotation", arguments={"image": "data:"}), "respond", {"value": "7"}, None),
        (Proposal(action="see", kind="annotation", arguments={"image": "data:"}), "approve", {}, None),
        (Proposal(action="spam", kind="prediction", arguments={"text": "hi"}, scores=0.9), "approve", {}, True),
        (Proposal(action="spam", kind="prediction", arguments={"text": "hi"}, scores=0.9), "reject", {}, False),
        (Proposal(action="spam", kind="prediction", arguments={"text": "hi"}), "respond", {"value": "no"}, None),
    ],
)
def test_label_review_says_whether_the_proposal_was_right(
    proposal: Proposal, verdict: str, fields: dict[str, Any], expected: bool | None
) -> None:
    assert correct(proposal, verdict, **fields) is expected


@pytest.mark.parametrize(("verdict", "fields"), [("abstain", {}), ("approve", {"withdrawn_at": 11})])
def test_label_review_of_no_answer_is_none(verdict: str, fields: dict[str, Any]) -> None:
    assert label(PAY, review(verdict, **fields)) is None


def test_label_review_approving_an_edited_revision_condemns_the_first() -> None:
    made = label(PAY, review("approve", revision=2), arguments={"to": "A1", "amount": "4"})
    assert made is not None
    assert (made.correct, made.answer, made.predicted) == (False, {"to": "A1", "amount": "4"}, PAY.arguments)


def test_label_review_keeps_input_apart_from_the_suggestion_and_all_provenance() -> None:
    made = label(TWEET, review("respond", value="bad", blind=True), route=route(calibrator="k9"), reviewer="p-17")
    assert made is not None
    assert (made.input, made.predicted, made.answer) == ({"text": "hi"}, "fine", "bad")
    assert (made.policy, made.calibrator, made.reviewer, made.blind, made.verdict) == (
        POLICY,
        "k9",
        "p-17",
        True,
        "respond",
    )
    assert (made.source, made.inclusion, made.scores) == ("review", 1.0, {"fine": 0.7, "bad": 0.3})


def test_label_review_of_a_spot_check_keeps_its_chance() -> None:
    checked = route(tier="auto_approve", reviewers=0, spot_check=True, spot_check_rate=0.02)
    made = label(PAY, review("reject"), route=checked)
    assert made is not None
    assert (made.source, made.inclusion, made.correct) == ("spot_check", 0.02, False)


def test_label_review_of_a_gold_judges_the_model_by_what_is_known() -> None:
    gold = replace(TWEET, gold="bad")
    made = label(gold, review("approve"))
    assert made is not None
    assert (made.source, made.answer, made.correct) == ("gold", "bad", False)


@pytest.mark.parametrize(
    ("given", "expected"), [({"correct": False}, False), ({"value": "fine"}, True), ({"value": "bad"}, False)]
)
def test_label_outcome_takes_what_the_world_said(given: dict[str, Any], expected: bool) -> None:
    made = label_outcome(TWEET, id="l", case_id="c1", workspace="default", made_at=30, policy=POLICY, **given)
    assert (made.source, made.correct, made.reviewer) == ("outcome", expected, None)


def made_label(case: str, right: bool | None, who: str | None = "ann", **fields: Any) -> Label:
    base = label(PAY, review("approve"))
    assert base is not None
    return replace(base, **{"id": f"{case}{who}", "case_id": case, "correct": right, "reviewer": who, **fields})


def test_evidence_has_one_entry_per_case_and_outcomes_override() -> None:
    found = evidence(
        [
            made_label("1", True),
            made_label("1", True, "bob"),
            made_label("1", False, None, source="outcome", made_at=99),
            made_label("2", True),
            made_label("2", False, "bob"),
            made_label("3", True, source="spot_check", inclusion=0.05),
            made_label("4", True, source="gold"),
            made_label("5", None),
            made_label("6", True, confidence=None),
            made_label("7", False),
            made_label("7", True, made_at=50),
        ]
    )
    assert (found.cases, found.correct, found.weights) == (("1", "3", "7"), (False, True, True), (1.0, 20.0, 1.0))
    assert found.scores == (0.9, 0.9, 0.9)
    assert found.left_out == {"gold": 1, "unknown": 1, "no score": 1, "tie": 2}


def test_retrain_due_counts_to_its_number() -> None:
    assert retrain_due(999, 1_000).missing == 1
    assert retrain_due(1_000, 1_000).due
    assert not retrain_due(10**6, None).due
    with pytest.raises(InvalidInput):
        retrain_due(5, 0)


def share_agreeing(rows: Any) -> float | None:
    by_case: dict[str, list[str]] = {}
    for case, _, said in rows:
        by_case.setdefault(case, []).append(said)
    twice = [said for said in by_case.values() if len(said) > 1]
    return sum(len(set(said)) == 1 for said in twice) / len(twice) if twice else None


def test_batches_hold_back_what_reviewers_do_not_agree_on() -> None:
    agreed = [made_label(f"a{i}", True, who) for i in range(10) for who in ("ann", "bob")]
    split = [made_label(f"b{i}", who == "ann", who) for i in range(10) for who in ("ann", "bob")]
    single = [made_label(f"c{i}", True) for i in range(25)]
    made = batches([*agreed, *split, *single], share_agreeing, size=20, min_agreement=0.85)
    assert [(b.state, len(b.labels), b.agreement) for b in made] == [
        ("ready", 20, 1.0),
        ("held", 20, 0.0),
        ("ready", 20, None),
    ]
    assert made[1].reason == "reviewers agree 0.000, under the least of 0.850 for training"


def test_batches_keep_all_labels_of_a_case_together_and_wait_for_more() -> None:
    labels = [made_label(f"{i}", True, who) for i in range(3) for who in ("ann", "bob", "cy")]
    made = batches(labels, share_agreeing, size=5)
    assert [len(b.labels) for b in made] == [6]


def test_answers_leave_out_golds_and_outcomes() -> None:
    rows = answers(
        [made_label("1", True), made_label("2", False, source="gold"), made_label("3", True, None, source="outcome")]
    )
    assert rows == [("1", "ann", "right")]


def test_from_edit_prefers_the_edited() -> None:
    made = from_edit(review("edit", arguments={"to": "A1", "amount": "4"}), PAY, policy=POLICY)
    assert made is not None
    assert (made.chosen, made.rejected, made.margin) == ({"to": "A1", "amount": "4"}, PAY.arguments, None)
    assert made.prompt == {"action": "payment_transfer", "target": "ledger"}
    assert from_edit(review("edit", arguments=dict(PAY.arguments)), PAY, policy=POLICY) is None
    assert from_edit(review("edit", arguments={}, withdrawn_at=11), PAY, policy=POLICY) is None


PAIR = Proposal(
    action="compare", kind="comparison", arguments={"prompt": "Refund?", "a": "No.", "b": "Yes.", "suggestion": "b"}
)


@pytest.mark.parametrize(
    ("said", "chosen", "margin"),
    [
        (["b"] * 5, "Yes.", 2.3979),
        (["b", "b", "b", "a", "a"], "Yes.", 0.3365),
        (["a"], "No.", 1.0986),
        (["a", "b"], None, None),
        (["tie", "tie", "a"], None, None),
        (["both_bad"], None, None),
        ([], None, None),
    ],
)
def test_from_comparison_takes_the_majority_with_its_margin(
    said: list[str], chosen: str | None, margin: float | None
) -> None:
    made = from_comparison([review("respond", f"p{i}", value=v) for i, v in enumerate(said)], PAIR, policy=POLICY)
    assert (None if made is None else made.chosen) == chosen
    if made is not None:
        assert made.margin == pytest.approx(margin, abs=1e-4)


def test_from_comparison_reads_an_approval_as_the_suggestion_and_counts_people_once() -> None:
    again = review("respond", "ann", id="r2", value="a", given_at=20)
    made = from_comparison(
        [review("approve", "ann"), again, review("approve", "bob"), review("approve", "cy")], PAIR, policy=POLICY
    )
    assert made is not None
    assert (made.chosen, made.reviewers, made.margin) == ("Yes.", ("ann", "bob", "cy"), pytest.approx(0.5108, abs=1e-4))


def test_split_of_prompts_is_fixed_and_about_ninety_in_a_hundred_train() -> None:
    parts = [split_of({"prompt": str(i)}) for i in range(2_000)]
    assert 0.87 < parts.count("train") / 2_000 < 0.93
    assert split_of({"a": 1, "b": 2}) == split_of({"b": 2, "a": 1})


LABELS = [
    made_label("1", True),
    made_label(
        "2", None, None, answer="=cmd|' /C calc'!A0", scores=[0.25, 0.75], predicted={"a": "ü"}, source="outcome"
    ),
]


def test_render_jsonl_reads_back_unchanged() -> None:
    rows = [label_row(one) for one in LABELS]
    text = b"".join(render(rows, LABEL_COLUMNS, "jsonl"))
    assert [json.loads(line) for line in text.splitlines()] == rows
    assert rows[0]["made_at"] == "1970-01-01T00:00:00.000020Z"


def test_render_csv_cannot_carry_a_formula() -> None:
    text = b"".join(render([label_row(one) for one in LABELS], LABEL_COLUMNS, "csv")).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(found[0]) == list(LABEL_COLUMNS)
    assert found[1]["answer"] == "'=cmd|' /C calc'!A0"
    assert json.loads(found[1]["predicted"]) == {"a": "ü"}
    assert (found[0]["correct"], found[1]["correct"], found[0]["confidence"]) == ("true", "", "0.9")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12))
def test_render_csv_of_any_text_starts_no_formula(text: str) -> None:
    line = b"".join(render([{"answer": text}], {"answer": "json"}, "csv")).decode()
    (cell,) = list(csv.reader(io.StringIO(line, newline="")))[1] or [""]
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in {text, "'" + text}


def test_render_parquet_has_the_same_types_whatever_the_rows_hold() -> None:
    rows = [label_row(one) for one in LABELS]
    (data,) = render(rows, LABEL_COLUMNS, "parquet")
    (empty,) = render([], LABEL_COLUMNS, "parquet")
    table = pq.read_table(io.BytesIO(data))
    assert table.schema == pq.read_table(io.BytesIO(empty)).schema
    assert table.column("correct").to_pylist() == [True, None]
    assert json.loads(table.column("answer").to_pylist()[1]) == "=cmd|' /C calc'!A0"
    edited = from_edit(review("edit", arguments={"amount": "4"}), PAY, policy=POLICY)
    assert edited is not None
    (data,) = render([preference_row(edited)], PREFERENCE_COLUMNS, "parquet")
    found = pq.read_table(io.BytesIO(data)).to_pylist()[0]
    assert (found["reviewers"], json.loads(found["chosen"])) == (["ann"], {"amount": "4"})


def test_render_parquet_without_pyarrow_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from handrail.learning.export import render, LABEL_COLUMNS\n"
        "from handrail.errors import Unavailable\n"
        "try: render([], LABEL_COLUMNS, 'parquet')\n"
        "except Unavailable as error: print(error.remedy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'handrail[parquet]'" in done.stdout


def test_render_of_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="xlsx"):
        render([], LABEL_COLUMNS, "xlsx")  # type: ignore[arg-type]


def test_doubt_orders_cases_from_sure_to_unsure() -> None:
    p = [[1.0, 0.0, 0.0], [0.6, 0.3, 0.1], [0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3]]
    assert doubt_by_margin(p) == pytest.approx([0.0, 0.7, 1.0, 1.0])
    entropy = doubt_by_entropy(p)
    assert list(np.argsort(entropy)) == [0, 1, 2, 3]
    assert (entropy[0], entropy[3]) == (pytest.approx(0.0), pytest.approx(1.0))


@given(st.integers(1, 40), st.integers(1, 60), st.sampled_from(["margin", "entropy", "random"]), st.integers(0, 5))
def test_choose_gives_distinct_cases_with_a_uniform_reserve(size: int, n: int, strategy: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = choose(rng.dirichlet([1, 1, 1], n), size, rng, strategy=strategy, features=rng.random((n, 2)))
    assert len(set(made.all)) == len(made.all) == min(size, n)
    held = min(size, n) if strategy == "random" else round(min(size, n) * 0.15)
    assert len(made.reserve) == held
    assert made.reserve_chance == pytest.approx(held / n)


def test_choose_takes_the_most_doubtful_and_the_reserve_is_not_picked_by_doubt() -> None:
    rng = np.random.default_rng(0)
    top = np.linspace(0.5, 1.0, 200)
    p = np.column_stack([top, 1 - top])
    drawn: list[int] = []
    for _ in range(200):
        made = choose(p, 20, rng)
        assert max(made.doubtful) < 25
        drawn += made.reserve
    assert np.mean(drawn) == pytest.approx(99.5, abs=8)


def test_cold_start_finds_every_cluster() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    x = np.repeat(centres, 50, axis=0) + rng.normal(0, 0.5, (200, 2))
    assert {i // 50 for i in cold_start(x, 4, rng)} == {0, 1, 2, 3}
    assert needs_more_classes(["ham", "ham"])
    assert not needs_more_classes(["ham", "spam"])
    assert sorted(spread(x[:3], 9, rng)) == [0, 1, 2]


@pytest.mark.parametrize("p", [[[0.5, float("nan")]], [[1.0]], [0.5, 0.5], [[-0.1, 1.1]]])
def test_choose_from_unsound_chances_is_refused(p: Any) -> None:
    with pytest.raises(InvalidInput):
        choose(p, 1, np.random.default_rng(0))


def test_run_round_counts_what_was_asked_and_what_slipped_through() -> None:
    made = run_round(
        2,
        confidence=[0.99, 0.95, 0.5, float("nan")],
        right=[True, False, True, True],
        threshold=0.9,
        held_out_right=[True] * 3 + [False],
    )
    assert (made.reviewed, made.review_rate, made.passed_error, made.model_error) == (2, 0.5, 0.5, 0.25)
    everything = run_round(1, confidence=[0.9], right=[True], threshold=None)
    assert (everything.review_rate, everything.passed_error, everything.model_error) == (1.0, None, None)


def test_stable_needs_three_rounds_of_agreement() -> None:
    assert not stable([1.0, 1.0])
    assert stable([0.5, 0.99, 0.99, 1.0])
    assert not stable([0.99, 0.99, 0.9])
