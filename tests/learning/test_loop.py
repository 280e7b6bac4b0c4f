"""The loop of learning on a real control plane: asks what teaches, measures on the reserve, goes on after a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import handrail
from handrail.audit.replay import replay
from handrail.canonical import parse
from handrail.client.client import Client
from handrail.client.learn.loop import Loop, end
from handrail.client.learn.pool import pool_of, read_pool
from handrail.client.learn.terms import Terms, Wishes
from handrail.client.learn.trainers import Training, of_command, of_model
from handrail.client.local import LocalTransport
from handrail.errors import Conflict, Halted, InvalidInput, TrainingFailed, Unreadable
from handrail.learning.evidence import evidence
from handrail.learning.stopping import StopRule
from handrail.lifecycle import exporting
from handrail.lifecycle.labels import label_noun
from handrail.store import statements, training
from tests.conftest import ROOT
from tests.learning import digits
from tests.learning.people import POLICY, People
from tests.postgres_server import PostgresServer


@pytest.fixture
def hr(tmp_path: Path) -> Iterator[Client]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as client:
        yield client


def learn(hr: Client, people: People | None = None, trainer: Any = None, pool: Any = None, **terms: Any) -> Any:
    people = people or People(hr, digits.truth)
    usual: dict[str, Any] = {"batch": 12, "rounds": 3, "poll": 0.0}
    return hr.learn(
        "digit", digits.pool() if pool is None else pool, digits.model() if trainer is None else trainer,
        choices=digits.CHOICES, reviewers=people, **(usual | terms),
    )  # fmt: skip


def asked_of(hr: Client) -> dict[str, int]:
    """Reviews by key, of every case of every loop."""
    rows = hr.plane.store.read_hot(_KEYS)
    return {row[0]: row[1] for row in rows}


_KEYS = statements.Statement(
    "SELECT p.identity, count(r.id) FROM proposal p LEFT JOIN review r ON r.case_id = p.case_id "
    "WHERE p.action = 'digit' GROUP BY p.identity"
)


def test_learn_asks_trains_and_measures_until_it_stops(url: str) -> None:
    with handrail.open(url, policy=POLICY) as hr:
        people = People(hr, digits.truth)
        made = learn(hr, people, rounds=None, budget=120, calibrator="digits", stop=StopRule(agreement=0.98))
        assert made.state == "ended"
        assert "models agree" in made.reason
        assert made.rounds[-1].asked == sum(people.seen.values()) <= 120
        # 15 % of every beginning of the questions are the reserve's
        assert all(abs(one.reserve_labels - 0.15 * one.asked) <= 1 for one in made.rounds)
        assert all(one.trained_on == one.asked - one.reserve_labels for one in made.rounds)
        assert digits.right(made.chances) > 0.95
        # the reserve's interval holds the truth
        low, high = made.rounds[-1].reserve.interval
        assert low <= digits.right(made.chances) <= high
        assert set(people.seen.values()) == {1}
        # what is picked is shown the model's answer, the reserve is judged blind
        later = [record for record in people.records if "scores" in record]
        assert later
        assert all("suggestion" in record["arguments"] for record in later)
        labels = list(exporting.labels(hr.plane.store, "default", action="digit"))
        assert {label.source for label in labels} == {"active", "reserve"}
        assert all(label.inclusion == (None if label.source == "active" else 0.15) for label in labels)


def test_learn_leaves_a_log_that_replays(hr: Client) -> None:
    learn(hr)
    entries = [parse(bytes(row.bytes)) for row in hr.plane.store.read(_entries())]
    kinds = [entry["type"] for entry in entries]
    assert kinds.count("learning.begun") == kinds.count("learning.ended") == 1
    assert kinds.count("learning.asked") == kinds.count("training.done") == 3
    assert not list(replay(entries))


def _entries() -> Any:
    from sqlalchemy import select

    from handrail.store.schema import audit_entry

    return select(audit_entry.c.bytes).order_by(audit_entry.c.idx)


def test_labels_picked_to_learn_from_never_calibrate_and_the_reserves_do(hr: Client) -> None:
    learn(hr, rounds=4)
    found = evidence(exporting.labels(hr.plane.store, "default", action="digit"))
    labels = list(exporting.labels(hr.plane.store, "default", action="digit"))
    reserve = {label.case_id for label in labels if label.source == "reserve"}
    active = {label.case_id for label in labels if label.source == "active"}
    assert found.cases
    assert set(found.cases) <= reserve
    assert found.left_out["picked to learn from"] > 0
    # an outcome of a picked case is true, and still says nothing about the rest
    case = next(iter(active))
    hr.outcome(case, value="1")
    again = evidence(exporting.labels(hr.plane.store, "default", action="digit"))
    assert case not in again.cases
    assert set(again.cases) <= reserve
    assert label_noun(list(training.labels(hr.plane.store, "default", action="digit"))[-1].bytes).inclusion is None


def test_picked_cases_go_to_a_person_even_where_the_policy_would_let_them_through(tmp_path: Path) -> None:
    policy = POLICY.replace("autonomy: human_leads", "auto_approve_threshold: 0.5")
    with handrail.open(tmp_path / "handrail.db", policy=policy) as hr:
        made = learn(hr)
        assert made.rounds[-1].asked == 36
        assert not made.rounds[-1].unanswered


def test_reserve_is_shown_without_the_models_opinion(hr: Client) -> None:
    hr.set_policy(POLICY.replace("human_leads", "confirm"))
    learn(hr, rounds=2)
    blind = {"reserve": set(), "active": set()}  # type: ignore[var-annotated]
    for case in hr.plane.store.read_hot(_ROUTES):
        record, route = parse(bytes(case[0])), parse(bytes(case[1]))
        blind[record["picked"]].add(bool(route.get("blind")))
    assert blind == {"reserve": {True}, "active": {False}}


_ROUTES = statements.Statement("SELECT bytes, route FROM proposal WHERE action = 'digit'")


@pytest.mark.parametrize("point", ["asking", "answering", "training", "trained", "round 1:"])
def test_learn_killed_anywhere_goes_on_and_asks_nobody_twice(tmp_path: Path, point: str) -> None:
    _kill_and_go_on(str(tmp_path / "handrail.db"), point)


@pytest.mark.postgres
def test_learn_killed_on_postgresql_goes_on_and_asks_nobody_twice(postgres_server: PostgresServer) -> None:
    _kill_and_go_on(postgres_server.fresh(), "answering")


def _kill_and_go_on(url: str, point: str) -> None:
    with handrail.open(url, policy=POLICY):
        pass
    killed = subprocess.run(
        [sys.executable, "-m", "tests.learning.victim", url, point], cwd=ROOT, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    with handrail.open(url) as hr:
        # the same reviewer as the dead process had
        made = learn(hr, batch=8, rounds=2)
        assert made.state == "ended"
        asked = asked_of(hr)
        assert len(asked) == made.rounds[-1].asked == 16
        assert set(asked.values()) == {1}


def test_learn_leaves_while_people_are_away_and_comes_back(hr: Client) -> None:
    people = People(hr, digits.truth)
    people.patience = 7
    made = learn(hr, people, wait=0.0)
    assert (made.state, made.open, made.rounds) == ("waiting", 5, ())
    people.patience = 0
    assert learn(hr, people, wait=0.0).open == 5
    people.patience = None
    assert learn(hr, people).state == "ended"
    assert set(asked_of(hr).values()) == {1}


def test_learn_with_another_pool_or_other_choices_while_under_way_is_refused(hr: Client) -> None:
    people = People(hr, digits.truth)
    people.patience = 0
    learn(hr, people, wait=0.0)
    with pytest.raises(Conflict, match="another pool"):
        learn(hr, people, pool=digits.pool(100), wait=0.0)
    with pytest.raises(Conflict, match="another sampler"):
        learn(hr, people, sampler="margin", wait=0.0)
    assert isinstance(hr.transport, LocalTransport)
    end(hr.transport, "digit")
    with pytest.raises(Conflict, match="nothing learns"):
        end(hr.transport, "digit")
    assert learn(hr, pool=digits.pool(100)).state == "ended"


@pytest.mark.parametrize("sampler", ["spread", "margin", "entropy", "core_set", "random"])
def test_learn_by_each_sampler_reaches_an_end(hr: Client, sampler: str) -> None:
    assert digits.right(learn(hr, sampler=sampler).chances) > 0.8


def test_learn_that_trains_on_the_reserve_cross_fits_what_measures_it(hr: Client) -> None:
    made = learn(hr, folds=3, rounds=4)
    last = made.rounds[-1]
    assert last.trained_on == last.asked == 48
    assert last.reserve.n == last.reserve_labels == 7


def test_learn_compares_with_learning_at_random(hr: Client) -> None:
    made = learn(hr, batch=50, rounds=3, reserve=0.3)
    drawn = made.rounds[-1].at_random
    assert made.rounds[-1].at_random_labels == 22
    assert drawn is not None
    assert drawn.n == 23


def test_learn_of_one_class_draws_at_random_until_it_sees_two(hr: Client) -> None:
    """Nine cases in ten are of one kind, and the first batch shows no other."""
    rare = {17, 48, 111, 150, 151, 152}
    pool = pool_of([{"id": str(n), "input": {"item": n}} for n in range(200)], np.full((200, 2), 1.0))

    def train(task: Training) -> Any:
        assert len(set(task.answers)) == 2, "nothing is trained on one class"
        return np.full((200, 4), 0.25)

    people = People(hr, lambda a: "1" if a["item"] in rare else "0")
    made = learn(hr, people, train, pool, batch=4, rounds=40, stop=StopRule(agreement=None))
    assert made.rounds[0].trained_on == 0
    assert made.rounds[-1].trained_on > 0
    assert made.rounds[-1].calibrator != ""


def test_learn_of_constant_scores_never_stops_for_agreement(hr: Client) -> None:
    def train(task: Training) -> Any:
        return np.full((len(task.pool), 4), 0.25)

    made = learn(hr, trainer=train, rounds=6, stop=StopRule(agreement=0.9))
    assert made.reason.startswith("6 rounds")
    assert all(one.kappa == 0.0 for one in made.rounds[1:])


def test_learn_asks_a_small_pool_whole_and_says_so(hr: Client) -> None:
    made = learn(hr, pool=digits.pool(20), rounds=None, batch=50)
    assert "every case was asked" in made.reason
    assert made.rounds[-1].asked == 20


def test_learn_counts_what_nobody_could_answer_and_does_not_ask_it_again(hr: Client) -> None:
    people = People(hr, lambda a: None if a["item"] % 5 == 0 else digits.truth(a))
    made = learn(hr, people)
    assert made.rounds[-1].unanswered > 0
    assert made.rounds[-1].trained_on + made.rounds[-1].reserve_labels + made.rounds[-1].unanswered == 36
    assert set(people.seen.values()) == {1}


def test_learn_under_a_halt_says_so(hr: Client) -> None:
    halt = hr.halt(action="digit", reason="wait")
    with pytest.raises(Halted):
        learn(hr)
    hr.lift(halt)
    assert learn(hr).state == "ended"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.full((199, 4), 0.25), "shape"), (np.full((200, 3), 1 / 3), "shape"),
        (np.full((200, 4), np.nan), "no chances"), (np.full((200, 4), 3.0), "no chances"),
        (np.tile([1.5, -0.5, 0, 0], (200, 1)), "no chances"), ("what", "numbers"), (None, "shape"),
    ],
)  # fmt: skip
def test_learn_from_nonsense_says_what_is_wrong_and_loses_nothing(hr: Client, scores: Any, words: str) -> None:
    people = People(hr, digits.truth)
    with pytest.raises(TrainingFailed, match=words):
        learn(hr, people, lambda task: scores)
    made = learn(hr, people)
    assert made.state == "ended"
    assert set(people.seen.values()) == {1}


def test_learn_by_a_function_that_raises_names_it(hr: Client) -> None:
    def train(task: Training) -> Any:
        raise ZeroDivisionError("no")

    with pytest.raises(TrainingFailed, match="train failed: ZeroDivisionError: no"):
        learn(hr, trainer=train)


@pytest.mark.parametrize(
    "terms", [{"choices": ("a",)}, {"choices": ("a", "a")}, {"batch": 0}, {"folds": 1}, {"reserve": 1.0},
              {"sampler": "guess"}, {"budget": 0}],
)  # fmt: skip
def test_terms_that_make_no_sense_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Terms(**({"action": "digit", "choices": ("a", "b")} | terms))


def test_terms_taken_by_keyword_are_those_of_the_loop_with_the_same_types() -> None:
    known = get_type_hints(Terms)
    assert get_type_hints(Wishes) == {name: known[name] for name in known if name not in ("action", "choices")}


def test_learn_with_a_name_that_is_no_term_names_the_terms(hr: Client) -> None:
    with pytest.raises(InvalidInput, match="no term 'bach'") as raised:
        learn(hr, bach=3)
    assert "Did you mean batch?" in raised.value.remedy
    assert "undeclared" in raised.value.remedy


def test_learn_an_action_that_the_policy_does_not_declare_is_refused_unless_meant(hr: Client) -> None:
    def ask(**more: Any) -> Any:
        return hr.learn("digits", ["a", "b", "c"], lambda task: [], choices=("yes", "no"), wait=0.0, **more)

    with pytest.raises(InvalidInput, match="does not declare the action 'digits'") as raised:
        ask()
    assert "Did you mean digit?" in raised.value.remedy
    assert ask(undeclared=True).state == "waiting"
    # what was begun goes on, whatever becomes of the policy
    assert ask().state == "waiting"


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([], "no case"), ([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], "two cases"), ([3], "is int"),
        ([{"id": "a"}], "empty"), ([{"input": {"choices": []}}], "fills in"),
    ],
)  # fmt: skip
def test_pool_that_makes_no_sense_is_refused(cases: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        pool_of(cases)


def test_pool_features_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 rows of features for 1 case"):
        pool_of(["one"], [[1.0], [2.0]])


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\u2029"])
def test_read_pool_keeps_lines_whole_that_hold_other_line_marks(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "1", "text": f"a{mark}b"}, ensure_ascii=False) + "\n")
    (tmp_path / "a.csv").write_text(f"id,text\n1,a{mark}b\n")
    for name in ("a.jsonl", "a.csv"):
        assert [item.input for item in read_pool(tmp_path / name).items] == [{"text": f"a{mark}b"}]


def test_read_pool_of_both_formats_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id":"1","text":"Zoë, \\"hi\\""}\n\n{"id":"2","text":"b"}\n')
    (tmp_path / "a.csv").write_text('id,text\r\n1,"Zoë, ""hi"""\r\n2,b\r\n')
    assert read_pool(tmp_path / "a.jsonl") == read_pool(tmp_path / "a.csv")
    assert pool_of(["x"]).items[0].input == {"text": "x"}
    for bad in ("x.txt", "none.jsonl"):
        with pytest.raises((InvalidInput, Unreadable)):
            read_pool(tmp_path / bad)
    (tmp_path / "bad.jsonl").write_text("{\n")
    with pytest.raises(Unreadable, match=r"bad.jsonl:1"):
        read_pool(tmp_path / "bad.jsonl")
    (tmp_path / "bad.csv").write_text("id,text\n1\n")
    with pytest.raises(Unreadable, match="cells"):
        read_pool(tmp_path / "bad.csv")


COMMANDS = {
    "npy": "import numpy; numpy.save(g['folder'] + '/scores.npy', p)",
    "csv": "import numpy; numpy.savetxt(g['folder'] + '/scores.csv', p, delimiter=',')",
    "jsonl": "open(g['folder'] + '/scores.jsonl', 'w').write("
    "''.join(json.dumps(dict(zip(g['choices'], r))) + '\\n' for r in p))",
}
READ = (
    "import json, sys; g = json.load(sys.stdin); "
    "labels = [json.loads(l) for l in open(g['labels_path'])]; pool = [json.loads(l) for l in open(g['pool_path'])]; "
    "assert {'id', 'input', 'answer'} == set(labels[0]); p = [[0.7, 0.1, 0.1, 0.1] for _ in pool]; "
)


@pytest.mark.parametrize("format", sorted(COMMANDS))
def test_train_by_a_command_reads_each_format_of_scores(format: str) -> None:
    task = Training(pool=digits.pool(5), choices=digits.CHOICES, rows=(0, 1), answers=("0", "1"), round=0, seed=0)
    found = of_command([sys.executable, "-c", READ + COMMANDS[format]])(task)
    assert np.asarray(found).tolist() == [[0.7, 0.1, 0.1, 0.1]] * 5


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit('no such column')", "ended with 1. no such column"),
        ("pass", "wrote no scores"),
        (READ + COMMANDS["npy"] + "; " + COMMANDS["csv"], "wrote 2 files"),
        (READ + "open(g['folder'] + '/scores.npy', 'w').write('x')", "cannot be read"),
        (READ + "open(g['folder'] + '/scores.jsonl', 'w').write('{\"a\": 1}')", "cannot be read: line 1"),
        ("import time; time.sleep(60)", "took longer than 0.3 s"),
    ],
)  # fmt: skip
def test_train_by_a_command_that_fails_says_how(code: str, words: str) -> None:
    task = Training(pool=digits.pool(5), choices=digits.CHOICES, rows=(0, 1), answers=("0", "1"), round=0, seed=0)
    seconds = 0.3 if "sleep" in code else 60.0
    with pytest.raises(TrainingFailed, match=words):
        of_command([sys.executable, "-c", code], seconds=seconds)(task)
    with pytest.raises(TrainingFailed, match="cannot be started"):
        of_command(["no-such-program"])(task)


def test_model_without_features_or_methods_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has no fit"):
        of_model(object())
    task = Training(pool=pool_of(["a", "b"]), choices=("x", "y"), rows=(0,), answers=("x",), round=0, seed=0)
    with pytest.raises(InvalidInput, match="needs features"):
        of_model(digits.model())(task)


def test_learn_over_http_is_refused_in_words() -> None:
    with handrail.connect("http://127.0.0.1:9", key="hr_live_a_b") as hr, pytest.raises(InvalidInput, match="database"):
        hr.learn("digit", ["a"], lambda task: [], choices=("a", "b"))


def test_preview_of_an_undeclared_action_is_refused(hr: Client) -> None:
    assert isinstance(hr.transport, LocalTransport)
    terms = Terms(action="digits", choices=digits.CHOICES)
    with pytest.raises(InvalidInput, match="does not declare"):
        Loop(hr.transport, digits.pool(), of_model(digits.model()), terms).preview()


def test_preview_asks_nobody(hr: Client) -> None:
    assert isinstance(hr.transport, LocalTransport)
    loop = Loop(hr.transport, digits.pool(), of_model(digits.model()), Terms(action="digit", choices=digits.CHOICES))
    picks = loop.preview()
    assert len(picks) == 20
    assert sum(pick.picked == "reserve" for pick in picks) == 3
    assert not asked_of(hr)
    assert json.dumps([pick.to_json() for pick in picks])
