"""Labels become agreement-checked batches, and a full set of batches makes the training due."""

from __future__ import annotations

from pathlib import Path

from handrail.audit.replay import replay
from handrail.canonical import parse
from handrail.lifecycle import policies
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.store import schema, statements, training
from handrail.store.tx import Tx

from .scene import AGENT, POLICY, entries, label, plane


def test_cut_with_too_few_labels_makes_no_batch(place: str) -> None:
    with plane(place, size=4) as hr:
        for n in range(3):
            label(hr, n)
        assert hr.batcher.step() == 0
        assert training.batches(hr.store, "default") == []


def test_cut_when_reviewers_agree_makes_ready_batches_and_announces_training(place: str) -> None:
    with plane(place, size=4, every=8) as hr:
        for n in range(4):
            label(hr, n)
        assert hr.batcher.step() == 1
        assert entries(hr, "training.due") == []
        for n in range(4, 9):
            label(hr, n)
        assert hr.batcher.step() == 1
        due = entries(hr, "training.due")
        assert [one["training"]["labels"] for one in due] == [8]
        assert due[0]["training"]["action"] == "sort"
        batches = training.batches(hr.store, "default")
        assert [(b.size, b.state, b.training) for b in batches] == [(4, "ready", due[0]["id"])] * 2
        # what is left over waits for more
        assert training.waiting(hr.store) == [("default", "sort", 1)]
        assert replay([parse(data) for data in hr.logbook().entries()]) == []


def test_cut_twice_takes_no_label_twice(place: str) -> None:
    with plane(place, size=4, every=4) as hr:
        for n in range(4):
            label(hr, n)
        assert (hr.batcher.step(), hr.batcher.step()) == (1, 0)
        assert len(entries(hr, "training.due")) == 1


def test_cut_when_reviewers_disagree_holds_the_batch_and_announces_nothing(place: str) -> None:
    with plane(place, size=4, every=4) as hr:
        for n in range(2):
            label(hr, n, said=("approve", "reject"))
        assert hr.batcher.step() == 1
        (batch,) = training.batches(hr.store, "default")
        assert (batch.state, batch.agreement) == ("held", 0.0)
        assert "agree 0.000" in batch.reason
        assert entries(hr, "training.due") == []
        assert list(training.labels(hr.store, "default", ready=True)) == []


def test_cut_keeps_all_labels_of_a_case_in_one_batch(place: str) -> None:
    with plane(place, size=4, every=100) as hr:
        for n in range(3):
            label(hr, n, said=("approve", "approve", "approve"))
        hr.batcher.step()
        rows = list(training.labels(hr.store, "default"))
        by_case: dict[str, set[str | None]] = {}
        for row in rows:
            by_case.setdefault(parse(row.bytes)["case_id"], set()).add(row.batch)
        assert sorted(len(ids) for ids in by_case.values()) == [1, 1, 1]
        assert [b.size for b in training.batches(hr.store, "default")] == [6]


def test_change_of_policy_changes_the_size_of_the_next_batch(place: str) -> None:
    with plane(place, size=100, every=100) as hr:
        for n in range(4):
            label(hr, n)
        assert hr.batcher.step() == 0
        hr.run(policies.change, (AGENT, "policy", POLICY.format(size=2, every=100)))
        label(hr, 4)
        assert hr.batcher.step() == 2


def test_cut_on_a_restored_copy_waits_until_it_is_acknowledged(tmp_path: Path) -> None:
    with plane(tmp_path / "handrail.db", size=4, every=4) as hr:
        for n in range(4):
            label(hr, n)
        hr.run(_freeze, None)
        assert hr.batcher.step() == 0
        hr.acknowledge_restore(Actor(kind="system", pid=SYSTEM.pid, scopes=frozenset({"admin"})))
        label(hr, 4)
        assert hr.batcher.step() == 1


def test_announce_reaches_subscribers_through_the_outbox(tmp_path: Path) -> None:
    with plane(tmp_path / "handrail.db", size=4, every=4) as hr:
        hr.run(_subscribe, "training.due")
        for n in range(4):
            label(hr, n)
        hr.batcher.step()
        (row,) = hr.store.read(schema.outbox.select())
        assert row.type == "training.due"
        told, entry = parse(row.body), entries(hr, "training.due")[0]
        assert (told["event_id"], told["training"]) == (entry["id"], entry["training"])


def _freeze(tx: Tx, _: None) -> None:
    tx.run(statements.workspace_freeze, workspace="default", frozen=True)
    tx.memo.clear()


def _subscribe(tx: Tx, events: str) -> None:
    tx.add(schema.webhook, id=tx.new_id(), workspace="default", url="https://example.org/", secret="s",
           events=events, created_at=tx.now, disabled_at=None)  # fmt: skip
