"""What was erased is gone from the database's files, not only from its tables."""

from __future__ import annotations

from pathlib import Path

from handrail.lifecycle import annotating, cancel, erase, exporting, outcome, park
from handrail.maintenance import indexing
from handrail.testing import Rig
from handrail.testing.factories import person

SECRET = "zoe-quartz-7731"
ANN, BOB = person("Ann"), person("Bob")


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.glob("h.db*") if path.is_file() and needle in path.read_bytes().lower()]


def test_erase_leaves_the_value_in_no_file(tmp_path: Path) -> None:
    rig = Rig(f"sqlite:///{tmp_path / 'h.db'}", tmp_path)
    try:
        for n in range(20):
            case = rig.gated(
                arguments={"to": f"{SECRET}-{n}", "n": n}, personal_data=("/to",), principal="zoe",
                agent_says=f"pay {SECRET}",
            )  # fmt: skip
            indexing.step(rig.plane.store, rig.plane.writer)
            rig.answer(ANN, case, "edit", arguments={"to": f"{SECRET}-edited", "n": n}, note=f"{SECRET} wrote")
            rig.finish(rig.start(case), result={"sent": SECRET})
            rig.run(outcome.record, outcome.Record(actor=rig.agent, case_id=case, value=SECRET))
        for reason in (SECRET, "wrong"):
            turned = rig.gated(
                arguments={"to": SECRET}, personal_data=("/to",), principal="zoe", target={"account": SECRET}
            )
            rig.answer(BOB, turned, "abstain", reason=f"I know {SECRET}")
            rig.answer(ANN, turned, "reject", reason=reason)
            rig.pass_time(60)
        called_off = rig.gated(arguments={"to": SECRET}, personal_data=("/to",), principal="zoe", target=SECRET)
        rig.run(cancel.cancel, cancel.Cancel(actor=rig.agent, case_id=called_off, reason=f"{SECRET} moved"))
        waits = rig.gated(arguments={"to": f"{SECRET}-waits"}, personal_data=("/to",), principal="zoe")
        rig.run(park.park, park.Park(
            actor=rig.agent, run="r", framework="lg", cases=(waits,), state=f"said {SECRET}".encode()
        ))  # fmt: skip
        rig.gated(arguments={"to": "max-stays"}, personal_data=("/to",), principal="max")
        rig.keep_receipt(case)
        assert files_with(tmp_path, SECRET.encode())
        rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17(1)(a)"))
        assert rig.run(park.listed, park.ListParked(actor=rig.agent)) == []
        assert rig.problems() == []
        # a code says nothing of anybody
        made = rig.decision(turned)
        assert made is not None
        assert (made.kind, made.reason) == ("rejected", "wrong")
    finally:
        # the last to leave folds the write-ahead log into the file
        rig.close()
    assert files_with(tmp_path, SECRET.encode()) == []
    # full text keeps words apart
    assert files_with(tmp_path, b"quartz") == []
    assert files_with(tmp_path, b"max-stays")


def test_erased_cases_teach_nothing_more(tmp_path: Path) -> None:
    rig = Rig(f"sqlite:///{tmp_path / 'h.db'}", tmp_path)
    try:
        for who in ("zoe", "max"):
            said = rig.gated(
                kind="output", arguments={"prompt": f"Where does {who} live?", "output": f"{who}-9"},
                personal_data=("/output",), principal=who,
            )  # fmt: skip
            rig.answer(ANN, said, "approve")
            asked = rig.gated(
                kind="annotation", arguments={"text": f"{who}-9", "choices": ["a", "b"]}, personal_data=("/text",),
                principal=who,
            )  # fmt: skip
            rig.answer(ANN, asked, "respond", value="a")
        store, workspace = rig.plane.store, rig.agent.workspace
        action = rig.plane.proposal(workspace, asked).action
        assert len(list(exporting.histories(store, workspace))) == 4
        rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17(1)(a)"))
        left = list(exporting.histories(store, workspace))
        assert [one.proposal.principal for one in left] == ["max", "max"]
        shown = [one.input["text"] for one in annotating.annotated(store, workspace, action) if "text" in one.input]
        assert shown == ["max-9"]
    finally:
        rig.close()
