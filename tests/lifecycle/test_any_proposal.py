"""Whatever is proposed comes back as it was: approved values are the values that run, and replays are known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.canonical import dumps
from handrail.errors import Conflict, Forbidden, HandrailError, MalformedJSON
from handrail.lifecycle import submit
from handrail.policy.evaluate import compile_text
from handrail.proposal import Proposal
from handrail.testing import Rig
from handrail.testing.factories import person
from handrail.testing.strategies import proposals

SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
JUDGES = [person(name) for name in ("Judge One", "Judge Two")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("any")
    made = Rig(f"sqlite:///{folder / 'h.db'}", folder)
    yield made
    assert made.problems() == []
    made.close()


@given(proposal=proposals())
@SETTINGS
def test_run_what_was_proposed_and_nothing_else(rig: Rig, proposal: Proposal) -> None:
    made = rig.run(submit.submit, submit.prepare(rig.agent, proposal, draw=0.5))
    for judge in JUDGES:
        # one that has its answer takes no other in the undo window
        with suppress(Conflict):
            rig.answer(judge, made.case_id)
    rig.pass_time(11)
    started = rig.start(made.case_id)
    assert dumps(started.arguments) == dumps(proposal.arguments)
    assert rig.start(made.case_id, action_digest=rig.proposal(made.case_id).action_digest) == started


@given(proposal=proposals(), key=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
@SETTINGS
def test_submit_again_by_key_is_known_and_anything_else_refused(rig: Rig, proposal: Proposal, key: str) -> None:
    command = submit.prepare(rig.agent, replace(proposal, key=key + proposal.action), draw=0.5)
    try:
        first = rig.run(submit.submit, command)
    except HandrailError:
        # an earlier example had this key for something else
        return
    again = rig.run(submit.submit, command)
    assert (again.case_id, again.replayed) == (first.case_id, True)


@given(
    name=st.sampled_from(["Zoë Straße", "zoe", "p_zoe", "zoe@example.org"]),
    change=st.sampled_from([str, str.upper, str.lower, str.title, lambda name: f"  {name}\u00a0"]),
    as_owner=st.booleans(),
)
@SETTINGS
def test_judge_ones_own_is_refused_however_the_name_is_written(
    rig: Rig, name: str, change: object, as_owner: bool
) -> None:
    zoe = person("zoe", name="Zoë Straße", email="zoe@example.org", pid="p_zoe")
    written = change(name)  # type: ignore[operator]
    if written.strip().casefold() not in ("zoë straße", "zoë strasse", "p_zoe", "zoe@example.org"):
        return
    fields = {"owners": (written,)} if as_owner else {"principal": written}
    case = rig.gated(**fields)
    with pytest.raises(Forbidden):
        rig.answer(zoe, case)


@pytest.mark.parametrize(
    "written",
    [
        "Zoë Straße <zoe@example.org>", "<ZOE@example.org>", '"Straße, Z." < zoe@example.org >',
        "mailto:zoe@example.org", "Mailto:Zoe@Example.org?subject=hello", "Zoë <mailto:zoe@example.org>",
        "zoe@example.org.", " zoe@example.org. ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["principal", "owners"])
def test_judge_ones_own_is_refused_however_the_address_is_written(rig: Rig, written: str, field: str) -> None:
    zoe = person("zoe", name="Zoë Straße", email="zoe@example.org", pid="p_zoe")
    case = rig.gated(**{field: written if field == "principal" else (written,)})
    with pytest.raises(Forbidden):
        rig.answer(zoe, case)


@pytest.mark.parametrize("other", ["zoe@example.org.uk", "Zoe <ann@example.org>", "mailto:", "zoe@", "zoe.", "<@>"])
def test_judge_what_somebody_else_asked_for_is_free(rig: Rig, other: str) -> None:
    zoe = person("zoe", name="Zoë Straße", email="zoe@example.org", pid="p_zoe")
    rig.answer(zoe, rig.gated(principal=other))


@pytest.mark.parametrize("number", [2**53, 2.0**53, -(2.0**53), 1e20, math.nan, math.inf])
def test_submit_a_number_that_could_not_be_read_back_is_refused(rig: Rig, number: float) -> None:
    with pytest.raises(MalformedJSON):
        rig.submit(arguments={"n": number})


@pytest.mark.parametrize("number", [2.0**53 - 1, 1e21, 1e300, -0.0, 1.0, 0.1])
def test_submit_a_number_that_can_be_read_back_runs_with_it(rig: Rig, number: float) -> None:
    assert rig.start(rig.approved(arguments={"n": number})).arguments == {"n": number}


@pytest.mark.parametrize(("given", "tier"), [(math.nan, "hard_gate"), (math.inf, "hard_gate"), (None, "auto_approve")])
def test_confidence_that_is_no_number_goes_up_in_process_too(rig: Rig, given: float | None, tier: str) -> None:
    policy = compile_text("escalation_policies: [{action_type: note, autonomy: full}]")
    made = submit.prepare(rig.agent, Proposal(action="note", confidence=given), draw=0.5).proposal
    assert policy.route(made, now=0, draw=0.5).tier == tier
