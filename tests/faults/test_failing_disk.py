"""The disk answers EIO: verbs fail as Unavailable, reads go on, and what was acknowledged is there afterwards (F6)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.maintenance.tables import all_cases
from handrail.testing.rig import Rig
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a C compiler on Linux makes the failing disk")
    made = tmp_path_factory.mktemp("shim") / "failing_disk.so"
    source = Path(__file__).parent / "failing_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(source), "-ldl"], check=True)
    return made


@pytest.mark.parametrize("calls", ["sync", "write", "sync write"])
def test_write_to_a_disk_that_fails_is_unavailable_and_loses_nothing_acknowledged(
    shim: Path, tmp_path: Path, calls: str
) -> None:
    switch = tmp_path / "switch"
    subprocess.run(
        [sys.executable, "-m", "tests.faults.disk_user", str(tmp_path), calls], check=True, timeout=120, cwd=ROOT,
        env=os.environ | {"LD_PRELOAD": str(shim), "FAIL_WHEN": str(switch)},
    )  # fmt: skip
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["read"]
    assert {key.split("-")[0] for key in told["refused"]} >= {"broken"}
    assert not [key for key in told["kept"] if key.startswith("broken")]
    assert all("Repeat" in error for error in told["errors"])
    rig = Rig(f"sqlite:///{tmp_path / 'handrail.db'}", tmp_path)
    try:
        rows = all_cases(rig.plane.store, rig.workspace).proposals.values()
        keys = {row.identity.removeprefix("key\x1f") for row in rows}
        assert set(told["kept"]) <= keys
        assert (rig.decision(told["case"]) is not None) == told["answered"]
        assert rig.problems() == []
        # whoever repeats what was refused is answered now
        for key in told["refused"]:
            rig.submit(key=key, confidence=0.99)
    finally:
        rig.close()
