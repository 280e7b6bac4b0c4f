"""The retraining command: what it is told, what its end means, and that it cannot hold anything up."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.cli.main import app
from handrail.clock import FakeClock
from handrail.errors import InvalidInput
from handrail.lifecycle import training as lifecycle
from handrail.maintenance.hook import Hook, hook_from, run
from handrail.server.metrics import Metrics
from handrail.store import training

from .scene import entries, label, plane

KEEP = """
import json, shutil, sys
given = json.load(sys.stdin)
shutil.copy(given["labels_path"], sys.argv[1] + "/labels.jsonl")
json.dump(given, open(sys.argv[1] + "/given.json", "w"))
"""


def python(code: str, *more: str, seconds: float = 20.0) -> Hook:
    return Hook(argv=(sys.executable, "-c", code, *more), seconds=seconds)


def test_hook_when_training_is_due_gets_the_labels_and_ends_it(place: str, tmp_path: Path) -> None:
    with plane(place, size=4, every=4, hook=python(KEEP, str(tmp_path))) as hr:
        assert hr.retraining.step() == 0
        cases = [label(hr, n) for n in range(4)]
        hr.batcher.step()
        assert hr.retraining.step() == 1
        given = json.loads((tmp_path / "given.json").read_text())
        assert (given["action"], given["new_labels"], given["labels"]) == ("sort", 4, 4)
        assert not Path(given["labels_path"]).exists()
        rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
        assert [row["case_id"] for row in rows] == cases
        assert {(row["reviewer"], row["batch_state"], row["correct"]) for row in rows} == {("p_0", "ready", True)}
        (done,) = training.trainings(hr.store, "default")
        assert (done.state, done.exit_code, done.id) == ("done", 0, given["id"])
        assert hr.retraining.step() == 0
        assert hr.health()["retraining"]["failures"] == 0


def test_hook_that_fails_is_run_again_then_given_up_and_shows_in_health_and_log(tmp_path: Path) -> None:
    clock = FakeClock()
    hook = python("import sys; sys.exit('no memory')")
    with plane(tmp_path / "handrail.db", size=4, every=4, hook=hook, clock=clock) as hr:
        for n in range(4):
            label(hr, n)
        hr.batcher.step()
        for pause in (60, 600, 0):
            assert hr.retraining.step() == 1
            assert hr.retraining.step() == 0
            clock.advance(pause + 1)
        (failed,) = training.trainings(hr.store, "default")
        assert (failed.state, failed.attempts, failed.exit_code) == ("failed", 3, 1)
        assert "no memory" in failed.error
        health = hr.health()["retraining"]
        assert health["failures"] == 3
        assert "no memory" in health["last_error"]
        assert [one["incident"]["code"] for one in entries(hr, "incident.flagged")] == ["retrain_hook_failed"]


def test_hook_that_fails_is_counted_each_time_and_named_by_doctor_after_the_third(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "handrail.db"
    seen = []
    with plane(path, size=4, every=4, hook=python("import sys; sys.exit('no memory')"), clock=clock) as hr:
        for n in range(4):
            label(hr, n)
        hr.batcher.step()
        for pause in (60, 600, 0):
            assert hr.retraining.step() == 1
            counted = re.search(rb"^handrail_retraining_failures_total (.+)$", Metrics().text(hr, 0), re.MULTILINE)
            assert counted is not None
            done = CliRunner().invoke(app, ["doctor", "--database", str(path), "--json"])
            named = any("no memory" in check["text"] for check in json.loads(done.stdout)["checks"])
            seen.append((float(counted[1]), named))
            clock.advance(pause + 1)
    assert seen == [(1, False), (2, False), (3, True)]


def test_hook_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    child = f"import time; time.sleep(1.5); open({str(mark)!r}, 'w')"
    hook = python(
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)",
        seconds=0.5,
    )
    begun = time.monotonic()
    ran = run(hook, {}, threading.Event())
    assert time.monotonic() - begun < 5
    assert ran.exit_code is None
    assert "longer than 0.5 s" in (ran.error or "")
    threading.Event().wait(1.6)
    assert not mark.exists()


def test_hook_that_runs_at_the_stop_goes_back_to_be_run_at_the_next_start(tmp_path: Path) -> None:
    with plane(tmp_path / "handrail.db", size=4, every=4, hook=python("import time; time.sleep(60)")) as hr:
        for n in range(4):
            label(hr, n)
        hr.batcher.step()
        threading.Timer(0.3, hr.retraining.stop).start()
        assert hr.retraining.step() == 1
        (again,) = training.trainings(hr.store, "default")
        assert again.state == "due"
        assert hr.retraining.failures == 0


def test_hook_that_cannot_start_says_so() -> None:
    ran = run(Hook(argv=("/nonexistent/train",)), {}, threading.Event())
    assert ran.exit_code is None
    assert "cannot be started" in (ran.error or "")


def test_hook_of_a_replica_that_died_is_taken_over_after_its_time(tmp_path: Path) -> None:
    clock = FakeClock()
    with plane(tmp_path / "handrail.db", size=4, every=4, hook=python("pass"), clock=clock) as hr:
        for n in range(4):
            label(hr, n)
        hr.batcher.step()
        from_dead = hr.run(_take, 100.0)
        assert from_dead == "sort"
        assert hr.retraining.step() == 0
        clock.advance(101)
        assert hr.retraining.step() == 1
        assert training.trainings(hr.store, "default")[0].state == "done"


def test_older_training_that_never_ran_gives_way_to_the_newer(tmp_path: Path) -> None:
    with plane(tmp_path / "handrail.db", size=4, every=4) as hr:
        for n in range(8):
            label(hr, n)
            hr.batcher.step()
        assert [one.state for one in training.trainings(hr.store, "default")] == ["due", "superseded"]


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ('["python", "train me.py"]', ("python", "train me.py")),
        ("python 'train me.py' --fast", ("python", "train me.py", "--fast")),
        ("echo $(id) ; rm x", ("echo", "$(id)", ";", "rm", "x")),
    ],
)
def test_hook_from_environment_splits_words_without_a_shell(text: str, argv: tuple[str, ...]) -> None:
    hook = hook_from({"HANDRAIL_RETRAIN_HOOK": text, "HANDRAIL_RETRAIN_HOOK_SECONDS": "30"})
    assert hook == Hook(argv=argv, seconds=30.0)


@pytest.mark.parametrize(
    "environment",
    [
        {"HANDRAIL_RETRAIN_HOOK": "[1]"},
        {"HANDRAIL_RETRAIN_HOOK": "[]"},
        {"HANDRAIL_RETRAIN_HOOK": "'open"},
        {"HANDRAIL_RETRAIN_HOOK": "x", "HANDRAIL_RETRAIN_HOOK_SECONDS": "nan"},
        {"HANDRAIL_RETRAIN_HOOK": "x", "HANDRAIL_RETRAIN_HOOK_SECONDS": "-1"},
    ],
)
def test_hook_from_environment_refuses_what_is_no_command(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        hook_from(environment)


def test_hook_from_environment_without_a_word_is_none() -> None:
    assert hook_from({}) is None


def _take(tx: object, seconds: float) -> str:
    made = lifecycle.take_due(tx, seconds)  # type: ignore[arg-type]
    assert made is not None
    return made.action
