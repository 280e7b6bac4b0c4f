"""Which lane of the queue a case goes into: always the same for the same queue and roles."""

from __future__ import annotations

from pathlib import Path

from handrail.store import statements
from handrail.testing.rig import Rig

# more than are read ahead
TEAMS = [f"team-{n}" for n in range(20)]


def test_each_team_has_one_lane_however_many_there_are(url: str, tmp_path: Path) -> None:
    rig = Rig(url, tmp_path)
    try:
        alone = [rig.gated(to=(team,)) for team in TEAMS]
        crowd = [rig.plane.writer.submit(*rig.prepared(confidence=0.1, to=(team,))) for team in TEAMS]
        lanes = [rig.case(case_id).lane for case_id in alone]
        assert [rig.case(future.result(60).case_id).lane for future in crowd] == lanes
        assert sorted(lanes) == sorted(
            row[0] for row in rig.plane.store.read_hot(statements.lane_list, workspace=rig.workspace)
        )
        assert len(set(lanes)) == len(TEAMS)
        assert rig.problems() == []
    finally:
        rig.close()
