"""Blocks that serve until they are stopped: begun as their page says, asked whether they are ready, and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import handrail
from tests.docs.pages import ROOT, blocks_of

POLICY = "escalation_policies:\n  - {action_type: pay, autonomy: confirm}\n"


@pytest.mark.parametrize("page", ["docs/start.md"])
def test_serving_block_of_a_page_serves(page: str, tmp_path: Path) -> None:
    (block,) = (each for each in blocks_of(ROOT / page) if each.run_by == "tests/docs/test_serving_blocks.py")
    (tmp_path / "policy.yaml").write_text(POLICY)
    handrail.open(tmp_path / "handrail.db", policy=POLICY).close()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    serving = subprocess.Popen(
        ["bash", "-euc", block.text], cwd=tmp_path, env={**os.environ, "PATH": path, "HANDRAIL_PORT": "0"}, text=True,
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        address = re.search(r"at (http://\S+)", serving.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(f"{address[1]}/readyz", timeout=30) as answer:
            assert answer.status == 200
    finally:
        os.killpg(serving.pid, signal.SIGTERM)
        serving.communicate(timeout=30)
