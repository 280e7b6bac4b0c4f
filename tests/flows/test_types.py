"""What a type checker sees: a gated function keeps its type and signature, learning knows its terms."""

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

hr.learn("spam", ["a", "b"], "module:function", choices=["yes", "no"], batch=3)
hr.learn("spam", ["a", "b"], "module:function", choices=["yes", "no"], batch="3")
hr.learn("spam", ["a", "b"], "module:function", choices=["yes", "no"], bach=3)
"""


def test_check_types_sees_a_gated_functions_own_and_the_terms_of_learning(tmp_path: Path) -> None:
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
    assert len(errors) == 4, made.stdout
    assert "arg-type" in errors[0]
    assert "call-arg" in errors[1]
    assert '"batch"' in errors[2]
    assert '"bach"' in errors[3]
