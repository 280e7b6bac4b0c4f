"""kill -9 while monitors are fed: no check is lost, none counts twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.monitors.scene import Scene


def test_killed_while_feeding_goes_on_where_it_stopped(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    for seed in (1, 2):
        command = [sys.executable, "-m", "tests.monitors.killed", str(database), str(tmp_path), str(seed)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            for _ in range(25):
                assert victim.stdout.readline() == "fed\n"
            # somewhere in its next cases
            victim.kill()
    scene = Scene(f"sqlite:///{database}", tmp_path)
    scene.rig.clock.advance(5000.0)
    scene.feed_all()
    kept = {key.split(":")[1]: row for key, row in scene.monitors().items()}
    for kind, (n, log_e) in scene.recounted().items():
        assert kept[kind].n == n
        assert kept[kind].log_e == pytest.approx(log_e)
    assert kept["error"].n > 5
    assert scene.rig.problems() == []
    scene.rig.close()
