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


# results that fit a coroutine as well as anything: Any and type variables
LOOSE = """
from typing import Any, TypeVar
import handrail

T = TypeVar("T")
hr = handrail.open("x.db")

@hr.gate("pay")
def whatever(x: int) -> Any:
    return x

@hr.gate("pay")
def same(x: T) -> T:
    return x

@hr.gate("pay")
def first(xs: list[T]) -> T:
    return xs[0]

@hr.gate("pay")
async def later(x: T) -> T:
    return x

@hr.gate("pay")
async def whatever_later(x: int) -> Any:
    return x

async def use() -> None:
    reveal_type(whatever(1))
    reveal_type(whatever.request(1).result())
    reveal_type(same("a"))
    reveal_type(same.request("a").result())
    reveal_type(first([b""]))
    reveal_type(first.using(key="k").request([b""]).result())
    reveal_type(await later("a"))
    reveal_type(await (await later.request("a")))
    reveal_type(await whatever_later(1))
    reveal_type(await (await whatever_later.request(1)))
    whatever("wrong")
    whatever(1, foo=1)
    whatever.request()
    first(1)
    whatever_later("wrong")
"""


def check(folder: Path, text: str) -> tuple[list[str], list[str], str]:
    """What a strict type checker reveals, its errors, and all that it said."""
    program = folder / "program.py"
    program.write_text(text)
    made = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(folder), str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    lines = made.stdout.splitlines()
    revealed = [line.split('"')[1].removeprefix("builtins.") for line in lines if "Revealed type" in line]
    return revealed, [line for line in lines if "error:" in line], made.stdout


def test_check_types_sees_a_gated_functions_own_and_the_terms_of_learning(tmp_path: Path) -> None:
    revealed, errors, said = check(tmp_path, PROGRAM)
    assert revealed == ["int", "int", "bytes", "bytes"], said
    assert len(errors) == 4, said
    assert "arg-type" in errors[0]
    assert "call-arg" in errors[1]
    assert '"batch"' in errors[2]
    assert '"bach"' in errors[3]


def test_check_types_of_a_gated_function_whose_result_is_any_or_a_type_variable(tmp_path: Path) -> None:
    revealed, errors, said = check(tmp_path, LOOSE)
    assert revealed == ["Any", "Any", "str", "str", "bytes", "bytes", "str", "str", "Any", "Any"], said
    # one for each of the wrong calls, and the last is not awaited either
    wrong = [int(line.split(":")[1]) for line in errors]
    last = LOOSE.count("\n")
    assert sorted(set(wrong)) == list(range(last - 4, last + 1)), said
