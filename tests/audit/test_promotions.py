"""What the log must hold of promotions, by the replay and by the stand-alone verifier alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handrail.audit.replay import replay
from handrail.audit.schemas import check
from handrail.audit.standalone.verify import Findings, Meaning
from tests.audit.story import SYSTEM, Story, clean_story, person


def propose(story: Story, by: dict[str, str] | None = None, cell: str | None = None) -> dict[str, str]:
    named = {"id": story.id(), "action": "payment_transfer", "cell": cell or story.id()}
    story.add("promotion.proposed", by or SYSTEM, promotion=named)
    return named


def grant(story: Story, named: dict[str, str], by: dict[str, str] | None = None) -> str:
    id = story.id()
    body = {"id": id, "action": "payment_transfer", "expires": story.time(1000), "promotion": named["id"]}
    story.add("grant.issued", by or person("p_lead"), grant=body)
    return id


def accept(story: Story, named: dict[str, str], by: dict[str, str] | None = None, id: str | None = None) -> str:
    id = id or grant(story, named, by)
    story.add("promotion.accepted", by or person("p_lead"), promotion=named | {"grant": id})
    return id


def end(story: Story, named: dict[str, str], id: str | None = None) -> None:
    if id is not None:
        story.add("grant.ended", SYSTEM, grant={"id": id})
    story.add("promotion.ended", SYSTEM, promotion=named, reason="severe_miss")


def whole(story: Story) -> None:
    """Laid, proposed, declined, proposed again, accepted, used, taken back, begun anew, and earned once more."""
    story.add("cell.laid", SYSTEM, cells={"action": "payment_transfer", "count": 3, "digest": "0" * 64})
    first = propose(story)
    story.add("promotion.declined", person("p_lead"), promotion=first)
    again = propose(story, cell=first["cell"])
    id = accept(story, again)
    story.auto(grant=id)
    end(story, again, id)
    cell = {"id": first["cell"], "action": "payment_transfer", "round": 2, "case": story.auto()}
    story.add("cell.restarted", SYSTEM, cell=cell)
    end(story, propose(story, cell=first["cell"]))
    accept(story, propose(story, cell=first["cell"]))


def found(story: Story) -> tuple[set[str], list[str]]:
    """Codes of the replay, and what the stand-alone verifier says."""
    findings = Findings()
    meaning = Meaning(findings)
    for entry in story.entries:
        assert check(entry) is None
        meaning.feed(entry)
    return {one.code for one in replay(story.entries)}, [text for _, text in findings.all]


def test_a_promotion_from_end_to_end_is_in_order() -> None:
    story = clean_story()
    whole(story)
    codes, said = found(story)
    assert codes == set()
    assert not any("promotion" in text for text in said)


def one_person(story: Story) -> None:
    accept(story, propose(story, person("p_lead")))


def by_the_system(story: Story) -> None:
    named = propose(story)
    accept(story, named, SYSTEM)


def twice_of_a_cell(story: Story) -> None:
    propose(story, cell=propose(story)["cell"])


def without_a_grant(story: Story) -> None:
    named = propose(story)
    accept(story, named, id=grant(story, propose(story)))


def grant_outlives_it(story: Story) -> None:
    named = propose(story)
    accept(story, named)
    end(story, named)


def accepted_after_it_was_declined(story: Story) -> None:
    named = propose(story)
    story.add("promotion.declined", person("p_lead"), promotion=named)
    accept(story, named)


def never_proposed(story: Story) -> None:
    accept(story, {"id": story.id(), "action": "payment_transfer", "cell": story.id()})


def ended_twice(story: Story) -> None:
    named = propose(story)
    end(story, named)
    end(story, named)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (one_person, "promotion.one_person"),
        (by_the_system, "promotion.by_nobody"),
        (twice_of_a_cell, "promotion.two_of_a_cell"),
        (without_a_grant, "promotion.without_grant"),
        (grant_outlives_it, "promotion.grant_lives"),
        (accepted_after_it_was_declined, "promotion.over"),
        (never_proposed, "promotion.unknown"),
        (ended_twice, "promotion.over"),
    ],
)
def test_replay_and_the_verifier_find_a_promotion_that_broke_a_rule(wrong: Callable[[Story], None], code: str) -> None:
    story = clean_story()
    wrong(story)
    codes, said = found(story)
    assert code in codes
    assert any("promotion" in text for text in said)


def test_replay_finds_a_promotion_accepted_by_somebody_without_the_role() -> None:
    story = clean_story()
    story.add("access.changed", person("p_admin"), access={"pid": "p_reviewer", "roles": ["reviewer"]})
    accept(story, propose(story), person("p_reviewer"))
    assert found(story)[0] == {"promotion.by_nobody"}
