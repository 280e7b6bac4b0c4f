"""Over HTTP a second look at a spot check cannot be told from a first one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.site import POLICY, Site, answer, propose, site

CHECKED = POLICY.replace(
    "    max_auto_approve", "    undo: post\n    target_error: 0.05\n    spot_check_rate: 1.0\n    max_auto_approve"
)


@pytest.fixture
def checks(url: str, tmp_path: Path) -> Iterator[Site]:
    with site(url, policy=CHECKED, keys=tmp_path / "keys") as made:
        yield made


def test_second_look_is_like_a_first_one(checks: Site) -> None:
    program, ann, bob = checks.program(), checks.signed_in("ann"), checks.signed_in("bob")
    checks.person("cem")
    untouched, objected = (
        propose(program, confidence=0.99, arguments={"to": "A1", "amount": 5, "n": n})["case_id"] for n in range(2)
    )
    assert answer(ann, objected, "reject", reason="wrong").status_code == 201
    # whoever has answered sees what came of it
    assert ann.get(f"/v1/executions/{objected}").json()["state"] == "voided"
    assert ann.get(f"/v1/cases/{objected}").json()["execution"]["state"] == "voided"

    def seen(case_id: str) -> list[Any]:
        made: list[Any] = []
        for path in ("proposals/{}", "cases/{}/proof", "executions/{}"):
            found = bob.get("/v1/" + path.format(case_id))
            made.append((path, found.status_code, found.json()["title"]))
        detail = bob.get(f"/v1/cases/{case_id}").json()
        made += [detail["execution"], detail["by_hand"], detail["claim"], detail["reviews"], detail["card"]["quorum"]]
        made += [detail["case"][name] for name in ("reviewers", "escalations", "state", "claimed_by")]
        made.append([each["type"] for each in detail["history"]])
        voided = bob.get("/v1/executions?state=voided").json()["items"]
        made.append([each for each in voided if each["case_id"] == case_id])
        return made

    first, second = seen(untouched), seen(objected)
    assert first == second
    assert [status for _, status, _ in first[:3]] == [404, 404, 404]
    # the program whose proposal it is learns at once
    assert program.get(f"/v1/executions/{objected}").json()["state"] == "voided"
    assert answer(bob, objected, "reject", reason="wrong").status_code == 201
    assert bob.get(f"/v1/proposals/{objected}").status_code == 200
