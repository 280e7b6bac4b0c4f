"""Nothing that is tracked names a package registry, a machine, or where it was downloaded from."""

from __future__ import annotations

import re

import pytest

from tests.conventions.tracked import text_of, tracked_files

# put together here, so that this file passes its own test
DOT = "."
REGISTRIES = (
    DOT.join(("registry", "npmjs", "org")),
    DOT.join(("registry", "yarnpkg", "com")),
    DOT.join(("pypi", "org")),
    DOT.join(("files", "pythonhosted", "org")),
    DOT.join(("deb", "debian", "org")),
    DOT.join(("proxy", "golang", "org")),
    DOT.join(("static", "crates", "io")),
)
MACHINE_PATHS = (
    "/wor" + "k/",
    "/far" + "m/",
    "/tmp/" + "bash_jobs",
    "/opt/" + "pypi",
    "/opt/" + "wheels",
    "/roo" + "t/",
)
LOCK_FILES = (
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "uv.lock",
    "poetry.lock",
    "go.sum",
)


@pytest.mark.parametrize("needle", [*REGISTRIES, *MACHINE_PATHS])
def test_name_no_registry_and_no_machine_in_tracked_files(needle: str) -> None:
    pattern = re.compile(r"(?<![\w.-])" + re.escape(needle))
    found = [
        f"{path}:{number}"
        for path in tracked_files()
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if needle in line and pattern.search(line)
    ]
    assert not found, f"{needle} stands in {found}"


def test_record_no_download_addresses_in_lock_files() -> None:
    addressed = [
        f"{path}:{number}"
        for path in tracked_files()
        if path.rsplit("/", 1)[-1] in LOCK_FILES
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if re.search(r'"?resolved"?\s*:?\s*"?https?://|\burl\s*=\s*"https?://|^source = .*registry', line)
    ]
    assert not addressed, f"lock files hold addresses: {addressed}"
