"""What importing handrail costs and touches, and what the pure packages may reach."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.conventions.tracked import ROOT, python_sources

HERE = Path(__file__).resolve().parent
PACKAGE = ROOT / "src" / "handrail"
PURE_PACKAGES = frozenset({"calibration", "policy", "consensus", "learning", "audit", "operations"})
# time, chance and the outside come in as arguments
IMPURE = frozenset(
    "asyncio httpx2 os random secrets socket sqlalchemy sqlite3 subprocess tempfile threading time urllib".split()
)
# what a pure package may reach all the same, and why. This list only shrinks.
BY_DESIGN = {
    ("audit/durable.py", "os"): "signer and witness keep one small state file, on disk before a signature leaves",
}
HEAVY = frozenset(
    "sklearn scipy pandas torch pyarrow matplotlib langgraph langchain agents crewai autogen pydantic_ai mcp "
    "temporalio fastapi starlette uvicorn alembic".split()
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=600)


def test_import_every_module_without_network_succeeds() -> None:
    done = run(str(HERE / "import_everything.py"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= len([path for path in python_sources() if path.name != "__main__.py"]) // 2


def test_import_handrail_loads_no_framework_and_no_ml_library() -> None:
    done = run("-c", "import handrail, sys; print('\\n'.join(sorted({name.split('.')[0] for name in sys.modules})))")
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.split())


def test_keep_pure_packages_from_reaching_time_chance_or_the_outside() -> None:
    reaching = [
        f"{source.relative_to(ROOT)}:{line} imports {name}"
        for source in python_sources()
        if source.relative_to(PACKAGE).parts[0] in PURE_PACKAGES and "standalone" not in source.parts
        for name, line in imported(source)
        if name.split(".")[0] in IMPURE and (str(source.relative_to(PACKAGE)), name) not in BY_DESIGN
    ]
    assert not reaching, "\n".join(reaching)


def test_name_integrations_in_one_place_below_them_only() -> None:
    naming = {
        str(source.relative_to(PACKAGE))
        for source in python_sources()
        if source.relative_to(PACKAGE).parts[0] not in ("integrations", "testing")
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("handrail.integrations")
    }
    assert naming == {"cli/guests.py"}


def imported(source: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append((node.module, node.lineno))
    return found
