"""A gated function keeps its type and signature for a type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from decimal import Decimal
import handrail

hr = handrail.open("x.db")

@hr.gate("pay")
def transfer(to: str, amount: Decimal) -> int:
    return 1

@hr.gate("pay")
async def later(to: str) -> bytes:
    return b""

async def use() -> None:
    reveal_type(transfer("a", Decimal(1)))
    reveal_type(transfer.request("a", Decimal(1)).result())
    reveal_type(await later("a"))
    reveal_type(await (await later.request("a")))
    transfer(1, Decimal(1))
    transfer("a")
"""


def test_check_types_of_gated_functions_sees_the_functions_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    made = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    revealed = [line.split('"')[1] for line in made.stdout.splitlines() if "Revealed type" in line]
    assert [name.removeprefix("builtins.") for name in revealed] == ["int", "int", "bytes", "bytes"], made.stdout
    errors = [line for line in made.stdout.splitlines() if "error:" in line]
    assert len(errors) == 2, made.stdout
    assert "arg-type" in errors[0]
    assert "call-arg" in errors[1]
